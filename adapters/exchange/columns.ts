// The fields of an appeal that a column can hold, the headings they go by, and which column of a header is which field.

/** Fields of an appeal, in the order in which the setup page lists them. */
export const FIELDS = [
  'externalId',
  'title',
  'content',
  'type',
  'category',
  'category2',
  'category3',
  'urgency',
  'subject',
  'occurredAt',
  'sentAt',
  'place',
  'division',
  'longitude',
  'latitude',
  'datum',
  'name',
  'sex',
  'phone',
  'callerPhone',
  'email',
  'idKind',
  'idNumber',
  'openid',
  'address',
  'organisation',
  'replyBy',
  'anonymous',
  'confidential',
  'public',
  'attachments',
] as const;
export type Field = (typeof FIELDS)[number];

/** Headings that files without a mapping of their own are read by; a channel's `columns` replaces them field by field. */
const USUAL_HEADINGS: Readonly<Record<Field, readonly string[]>> = {
  externalId: [
    '编号',
    '工单编号',
    '工单号',
    '诉求编号',
    '受理编号',
    '信件编号',
    '留言编号',
    '订单号',
    'externalId',
    'orderNo',
  ],
  title: ['标题', '主题', '诉求标题', '信件标题', '信件主题', '来信标题', '留言标题', '工单标题', 'title'],
  content: [
    '内容',
    '诉求内容',
    '诉求描述',
    '信件内容',
    '来信内容',
    '留言内容',
    '来电内容',
    '工单内容',
    '问题描述',
    '反映内容',
    '反映问题',
    '具体内容',
    '详细内容',
    'content',
  ],
  type: ['类型', '诉求类型', '信件类型', '留言类型', '业务类型', 'type'],
  category: ['分类', '诉求分类', '归口分类', '一级分类', 'category'],
  category2: ['二级分类'],
  category3: ['三级分类'],
  urgency: ['紧急程度', 'urgency'],
  subject: ['被反映人', '被反映单位', '被诉求人', '反映对象', 'subject'],
  occurredAt: ['发生时间', '事发时间', 'occurredAt'],
  sentAt: [
    '提交时间',
    '来信时间',
    '来信日期',
    '留言时间',
    '留言日期',
    '来电时间',
    '来电日期',
    '登记时间',
    '登记日期',
    '受理时间',
    '受理日期',
    '创建时间',
    'sentAt',
    'receivedAt',
  ],
  place: ['地点', '事发地点', '事发地', '事发地址', '诉求地址', '问题地址', 'place'],
  division: ['区划代码', '行政区划代码', 'areaCode', 'division'],
  longitude: ['经度', 'lng', 'longitude'],
  latitude: ['纬度', 'lat', 'latitude'],
  datum: ['坐标系', 'coordSys', 'datum'],
  name: ['姓名', '诉求人', '诉求人姓名', '来信人', '来电人', '留言人', '反映人', '联系人', 'name'],
  sex: ['性别', 'sex'],
  phone: ['电话', '联系电话', '手机', '手机号', '手机号码', '联系方式', '联系手机', 'phone'],
  callerPhone: ['来电号码', '主叫号码', 'callerPhone'],
  email: ['邮箱', '电子邮箱', '电子邮件', 'email'],
  idKind: ['证件类型', 'idKind'],
  idNumber: ['身份证', '身份证号', '身份证号码', '证件号码', '证件号', 'idNumber'],
  openid: ['用户编号', '用户标识', 'openid'],
  address: ['联系地址', '家庭住址', '住址', '通讯地址'],
  organisation: ['单位名称', '工作单位', 'organisation'],
  replyBy: ['答复方式', '回复方式', 'replyBy'],
  anonymous: ['匿名', '是否匿名', 'anonymous', 'isAnonymous'],
  confidential: ['保密', '是否保密', 'confidential', 'isSecret'],
  public: ['公开', '是否公开', 'public', 'isPublic'],
  attachments: ['附件', '附件地址', '附件链接', 'attachments'],
};

/** A channel's own headings; what it does not name goes by the usual ones. */
export type Headings = Readonly<Partial<Record<Field, readonly string[]>>>;

/** Full-width signs, blanks, a star for "required" and what stands in brackets do not make another heading. */
export function foldHeading(heading: string): string {
  return heading
    .normalize('NFKC')
    .replace(/[\s*:]/g, '')
    .toLowerCase();
}

const BRACKETED = /[([{【].*$/;

/** Finds the field of a heading; made once for a channel's settings. */
export function headingFinder(own: Headings): (heading: string) => Field | null {
  const known = new Map<string, Field>();
  for (const field of FIELDS) {
    for (const heading of own[field] ?? USUAL_HEADINGS[field]) {
      const folded = foldHeading(heading);
      if (!known.has(folded)) known.set(folded, field);
    }
  }
  return heading => {
    const folded = foldHeading(heading);
    return known.get(folded) ?? known.get(folded.replace(BRACKETED, '')) ?? null;
  };
}

/** Between the upper and the lower heading of a header of two rows. */
export const ABOVE = '/';

/** The field of a heading of one or two rows: whole, else its lower part, else its upper. */
export function fieldOf(find: (heading: string) => Field | null, heading: string): Field | null {
  const whole = find(heading);
  const at = heading.lastIndexOf(ABOVE);
  if (whole !== null || at === -1) return whole;
  return find(heading.slice(at + 1)) ?? find(heading.slice(0, at));
}
