// Schema of the unified ticket, bound to its types: a field on one side only does not compile. Labels are Chinese.
import Joi from 'joi';
import type { Writable } from './strict.ts';
import {
  type Appeal,
  ASKED_FIELDS,
  type Attachment,
  type BornTicket,
  type Category,
  type Deadline,
  type Decided,
  type Flag,
  type FollowUp,
  type Handling,
  type HistoryEntry,
  HOLD_REASONS,
  type Link,
  type LivedTicket,
  METHODS,
  type PersonalSpan,
  type Place,
  type PlaceSpan,
  type Requester,
  type Source,
  STEPS,
  TICKET_STATES,
  TICKET_TYPES,
  type Ticket,
  type TicketDraft,
  type TicketType,
  type Triage,
  URGENCIES,
  type Urgency,
} from './ticket.ts';

const text = (label: string) => Joi.string().allow('').required().label(label);
const textOrNull = (label: string) => Joi.string().allow('', null).required().label(label);
const texts = (label: string) => Joi.array().items(Joi.string().allow('')).required().label(label);
const moment = (label: string) =>
  Joi.number().integer().required().label(label).description('毫秒，自 1970-01-01 UTC 起');
const momentOrNull = (label: string) => moment(label).allow(null);
const truth = (label: string) => Joi.boolean().required().label(label);
const sureness = () => Joi.number().min(0).max(1).label('把握程度');
const count = (label: string) => Joi.number().integer().min(0).required().label(label);

const DECIDERS = ['sender', 'rule', 'model', 'clerk'] as const;

/** Who decided a value, by which words and how surely. */
const grounds = {
  by: Joi.string()
    .valid(...DECIDERS)
    .required()
    .label('依据来源'),
  words: texts('依据词语'),
  confidence: sureness().required(),
  raw: Joi.string().allow('').label('来源原值'),
};

const category = Joi.object<Writable<Category>, true>({ codes: texts('分类代码'), labels: texts('分类名称') }).label(
  '归口分类',
);

const span = Joi.object<Writable<PersonalSpan>, true>({
  kind: Joi.string().valid('phone', 'email', 'id-number', 'plate', 'bank-card', 'name').required().label('种类'),
  start: count('起'),
  end: count('止'),
}).label('个人信息位置');

const placeSpan = Joi.object<Writable<PlaceSpan>, true>({
  kind: Joi.string().valid('division', 'town', 'road', 'estate', 'village', 'houseNumber').required().label('种类'),
  start: count('起'),
  end: count('止'),
}).label('地点位置');

const attachment = Joi.object<Writable<Attachment>, true>({
  name: text('文件名'),
  mediaType: text('媒体类型'),
  size: Joi.number().integer().min(0).allow(null).required().label('字节数'),
  source: Joi.string().valid('blob', 'url', 'platform', 'inline').required().label('来源'),
  sha256: Joi.string()
    .pattern(/^[0-9a-f]{64}$/)
    .allow(null)
    .required()
    .label('SHA-256'),
  ref: textOrNull('引用'),
  place: Joi.number().integer().min(0).label('原位置'),
}).label('附件');

const type = Joi.object<Writable<Decided<TicketType>>, true>({
  value: Joi.string()
    .valid(...TICKET_TYPES)
    .required(),
  ...grounds,
});

const decidedCategory = Joi.object<Writable<Decided<Category>>, true>({ value: category.required(), ...grounds });

const urgency = Joi.object<Writable<Decided<Urgency>>, true>({
  value: Joi.string()
    .valid(...URGENCIES)
    .required(),
  ...grounds,
});

const appeal = Joi.object<Writable<Appeal>, true>({
  type: type.required().label('诉求类型'),
  category: decidedCategory.allow(null).required().label('归口分类'),
  urgency: urgency.required().label('紧急程度'),
  title: text('标题'),
  content: text('内容'),
  subject: textOrNull('被反映人'),
  attachments: Joi.array().items(attachment).required().label('附件'),
  language: text('语言'),
  personal: Joi.array().items(span).required().label('内容中的个人信息'),
  titlePersonal: Joi.array().items(span).label('标题中的个人信息'),
  places: Joi.array().items(placeSpan).label('内容中的地点'),
  titlePlaces: Joi.array().items(placeSpan).label('标题中的地点'),
  asks: Joi.array()
    .items(Joi.string().valid(...ASKED_FIELDS))
    .label('请人工核对的项'),
  problems: texts('读取时的问题'),
})
  .required()
  .label('诉求');

const place = Joi.object<Writable<Place>, true>({
  division: textOrNull('区划代码'),
  divisionName: textOrNull('区划名称'),
  town: textOrNull('乡镇街道'),
  road: textOrNull('道路'),
  estate: textOrNull('小区或场所'),
  houseNumber: textOrNull('门牌'),
  text: textOrNull('地点原文'),
  inCity: Joi.boolean().allow(null).required().label('是否在本市'),
  longitude: Joi.number().min(-180).max(180).allow(null).required().label('经度'),
  latitude: Joi.number().min(-90).max(90).allow(null).required().label('纬度'),
  datum: textOrNull('坐标系'),
  words: Joi.array().items(Joi.string().allow('')).label('依据词语'),
  confidence: sureness(),
  by: Joi.string().valid('clerk').label('认定'),
})
  .required()
  .label('事发地');

const requester = Joi.object<Writable<Requester>, true>({
  name: textOrNull('姓名'),
  sex: textOrNull('性别'),
  callerPhone: textOrNull('来电号码'),
  phone: textOrNull('联系方式'),
  email: textOrNull('电子邮箱'),
  idKind: textOrNull('证件类型'),
  idNumber: textOrNull('证件号码'),
  openid: textOrNull('平台用户标识'),
  address: textOrNull('联系地址'),
  organisation: textOrNull('单位'),
  replyBy: textOrNull('希望的答复方式'),
})
  .required()
  .label('诉求人');

const flag = (label: string) =>
  Joi.object<Writable<Flag>, true>({
    value: truth('取值'),
    by: Joi.string().valid('sender', 'rule', 'clerk', 'default').required().label('依据来源'),
    words: texts('依据词语'),
    confidence: sureness(),
  })
    .required()
    .label(label);

const triage = Joi.object<Writable<Triage>, true>({
  verdict: Joi.string().valid('accept', 'hold', 'advise-refusal').required().label('判定'),
  clause: textOrNull('条款'),
  basis: textOrNull('条款原文'),
  words: texts('依据词语'),
  by: Joi.string().valid('rule', 'clerk').required().label('判定人'),
  confidence: sureness(),
  reason: Joi.string()
    .valid(...HOLD_REASONS)
    .label('待审原因'),
})
  .required()
  .label('受理判定');

const deadline = Joi.object<Writable<Deadline>, true>({
  what: Joi.string().valid('dispatch', 'return', 'result').required().label('事项'),
  at: moment('截止时间'),
  workingDays: Joi.number().integer().min(0).allow(null).required().label('工作日数'),
  extensions: count('可延期次数'),
  article: text('条文'),
}).label('时限');

const handling = Joi.object<Writable<Handling>, true>({
  unit: textOrNull('建议主办单位'),
  coUnits: texts('建议协办单位'),
  method: Joi.string()
    .valid(...METHODS)
    .required()
    .label('办理方式'),
  by: Joi.string().valid('clerk').label('承办单位由谁认定'),
  accused: Joi.array().items(Joi.string()).label('被反映单位'),
  deadlines: Joi.array().items(deadline).required().label('时限'),
})
  .required()
  .label('办理');

const externalIds = () => Joi.object().pattern(Joi.string(), Joi.string().allow('')).required().label('来源平台编号');

/** 工单草稿 */
export const ticketDraftSchema = Joi.object<Writable<TicketDraft>, true>({
  appeal,
  place,
  requester,
  anonymous: truth('匿名'),
  confidential: flag('保密'),
  public: flag('公开'),
  triage,
  handling,
  externalIds: externalIds(),
  occurredAt: momentOrNull('发生时间'),
  occurredText: textOrNull('发生时间原文'),
  sentAt: momentOrNull('提交时间'),
})
  .required()
  .label('工单草稿');

const source = Joi.object<Writable<Source>, true>({
  channel: text('渠道'),
  kind: text('适配器'),
  externalIds: externalIds(),
  receivedAt: moment('接收时间'),
  occurredAt: momentOrNull('发生时间'),
  occurredText: textOrNull('发生时间原文'),
  sentAt: momentOrNull('提交时间'),
})
  .required()
  .label('来源');

const link = Joi.object<Writable<Link>, true>({
  kind: Joi.string().valid('repeat', 'closed-repeat', 'incident').required().label('关系'),
  of: text('在先工单'),
  score: Joi.number().required().label('相似度'),
  threshold: Joi.number().required().label('阈值'),
  features: Joi.object().pattern(Joi.string(), Joi.number()).required().label('特征'),
  reasons: texts('理由'),
  words: texts('共同词语'),
  terms: Joi.array().items(Joi.number()).label('共同词项'),
  weightsVersion: text('权重版本'),
  by: Joi.string().valid('rule', 'clerk').required().label('判定人'),
  suggested: Joi.boolean().valid(true).label('仅供参考'),
}).label('关联');

const born = Joi.object<Writable<BornTicket>, true>({
  number: text('工单编号'),
  revision: count('修订号'),
  source,
  appeal,
  place,
  requester,
  anonymous: truth('匿名'),
  confidential: flag('保密'),
  public: flag('公开'),
  triage,
  handling,
  closedRepeatOf: textOrNull('已办结的在先工单'),
  incident: textOrNull('同一事件'),
  links: Joi.array().items(link).required().label('关联'),
})
  .required()
  .label('初始部分');

const step = () => Joi.string().valid(...STEPS, null);
const state = () => Joi.string().valid(...TICKET_STATES);

const historyEntry = Joi.object<Writable<HistoryEntry>, true>({
  at: moment('时间'),
  state: state().required().label('状态'),
  step: step().required().label('环节'),
  by: text('操作者'),
  note: textOrNull('备注'),
}).label('经过');

const followUp = Joi.object<Writable<FollowUp>, true>({
  message: text('来件编号'),
  at: moment('时间'),
  link: link.allow(null).required(),
  undone: truth('已撤销'),
}).label('追加诉求');

const lived = Joi.object<Writable<LivedTicket>, true>({
  state: state().required().label('状态'),
  step: step().required().label('环节'),
  history: Joi.array().items(historyEntry).required().label('经过'),
  followUps: Joi.array().items(followUp).required().label('追加诉求'),
  urgeCount: count('催办次数'),
  supervised: truth('督办'),
  caseNumber: textOrNull('案件编号'),
  returned: Joi.object<Writable<NonNullable<LivedTicket['returned']>>, true>({
    at: moment('退单时间'),
    reason: text('退单理由'),
  })
    .allow(null)
    .required()
    .label('退单'),
  result: Joi.object<Writable<NonNullable<LivedTicket['result']>>, true>({
    at: moment('答复时间'),
    text: text('办理结果'),
    solved: Joi.boolean().allow(null).required().label('是否解决'),
  })
    .allow(null)
    .required()
    .label('办理结果'),
  satisfaction: Joi.string().valid('满意', '基本满意', '不满意', null).required().label('满意度'),
})
  .required()
  .label('办理部分');

/** 工单 */
export const ticketSchema = Joi.object<Writable<Ticket>, true>({ born, lived }).label('工单');
