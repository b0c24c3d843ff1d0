// The published bodies of signed requests: types and schema, which cannot drift apart.
import Joi from 'joi';

export interface AppContact {
  readonly name?: string;
  readonly sex?: string;
  readonly phone?: string;
  readonly callerPhone?: string;
  readonly email?: string;
  readonly idKind?: string;
  readonly idNumber?: string;
  readonly openid?: string;
  readonly address?: string;
  readonly organisation?: string;
  readonly replyBy?: string;
}

export interface AppPlace {
  readonly text?: string;
  readonly division?: string;
  readonly longitude?: number;
  readonly latitude?: number;
  readonly datum?: 'GCJ02' | 'BD09' | 'WGS84' | 'CGCS2000';
}

export interface AppAttachment {
  readonly name: string;
  readonly mediaType?: string;
  readonly size?: number;
  readonly base64?: string;
  readonly url?: string;
  readonly sha256?: string;
}

export interface AppAppeal {
  readonly externalId?: string;
  readonly title?: string;
  readonly content: string;
  readonly contentFormat?: 'text' | 'html';
  readonly type?: string;
  readonly category?: string[];
  readonly urgency?: string;
  readonly subject?: string;
  readonly contact?: AppContact;
  readonly anonymous?: boolean;
  readonly confidential?: boolean;
  readonly public?: boolean;
  readonly place?: AppPlace;
  readonly occurredAt?: string;
  readonly attachments?: AppAttachment[];
  readonly conversation?: string;
  readonly last?: boolean;
}

export interface AppBody {
  readonly type: 'appeal.created' | 'appeal.test';
  readonly timestamp: string;
  readonly data: AppAppeal;
}

const DATE = '\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])';
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d(?::(?:[0-5]\\d|60)(?:\\.\\d{1,9})?)?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)?';
const TIME = new RegExp(`^${DATE}[T ]${CLOCK}$`);
const DATE_OR_TIME = new RegExp(`^${DATE}(?:[T ]${CLOCK})?$`);
const MEDIA_TYPE = /^[A-Za-z0-9!#$&^_.+-]{1,100}\/[A-Za-z0-9!#$&^_.+-]{1,100}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Attachments of one message, and parts of its category. */
const MOST = { attachments: 20, categories: 5 };

const text = (max: number, zh: string, en: string) => Joi.string().allow('').max(max).label(zh).description(en);

const contact = Joi.object<AppContact, true>({
  name: text(100, '姓名', 'Name of the requester'),
  sex: text(20, '性别', 'Sex, in the words of the sender'),
  phone: text(40, '联系电话', 'Phone to reach the requester by'),
  callerPhone: text(40, '来电号码', 'Phone the requester called or wrote from'),
  email: text(254, '电子邮箱', 'E-mail address'),
  idKind: text(40, '证件类型', 'Kind of identity document'),
  idNumber: text(40, '证件号码', 'Number of the identity document'),
  openid: text(128, '平台用户号', "The sender's own stable id of the person"),
  address: text(500, '联系地址', 'Address of the requester, not of the scene'),
  organisation: text(200, '单位名称', 'Organisation, where one appeals'),
  replyBy: text(40, '答复方式', 'How the requester wants to be answered'),
})
  .label('诉求人')
  .description('Who appeals');

const place = Joi.object<AppPlace, true>({
  text: text(500, '事发地点', 'The scene in words'),
  division: Joi.string()
    .pattern(/^\d{6}(?:\d{3}(?:\d{3})?)?$/, '220502')
    .label('行政区划代码')
    .description('GB/T 2260 code of 6, 9 or 12 digits'),
  longitude: Joi.number().min(-180).max(180).label('经度').description('Degrees east'),
  latitude: Joi.number().min(-90).max(90).label('纬度').description('Degrees north'),
  datum: Joi.string()
    .valid('GCJ02', 'BD09', 'WGS84', 'CGCS2000')
    .label('坐标系')
    .description('Datum of the coordinates'),
})
  .and('longitude', 'latitude')
  .label('事发地')
  .description('Where it happened');

const attachment = Joi.object<AppAttachment, true>({
  name: Joi.string().max(255).required().label('文件名').description('File name'),
  mediaType: Joi.string()
    .pattern(MEDIA_TYPE, 'image/jpeg')
    .label('媒体类型')
    .description('Media type, such as image/jpeg'),
  size: Joi.number().integer().min(0).max(1_000_000_000_000).label('字节数').description('Size in bytes'),
  base64: Joi.string().pattern(BASE64, 'iVBORw0KGgo=').label('内联内容').description('The file itself, base64'),
  url: Joi.string()
    .pattern(/^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s]+$/, 'https://files.example.cn/a.jpg')
    .max(2048)
    .label('下载网址')
    .description('Public address the gateway downloads the file from'),
  sha256: Joi.string()
    .pattern(/^[0-9a-fA-F]{64}$/, '9f86…(64 × 0-9a-f)')
    .label('文件摘要')
    .description('SHA-256 of a file in the same multipart request, hex'),
})
  .xor('base64', 'url', 'sha256')
  .label('附件')
  .description('One file, by exactly one of base64, url and sha256');

const appeal = Joi.object<AppAppeal, true>({
  externalId: text(128, '平台编号', "The sender's own number of the appeal"),
  title: text(500, '标题', 'Title'),
  content: text(100_000, '诉求内容', 'What the requester says').required(),
  contentFormat: Joi.string()
    .valid('text', 'html')
    .label('内容格式')
    .description('How content is written; default text'),
  type: text(40, '诉求类型', "The sender's own label, such as 投诉"),
  category: Joi.array<string[]>()
    .items(Joi.string().max(100).label('分类'))
    .max(MOST.categories)
    .label('归口分类')
    .description("The sender's own categories, widest first"),
  urgency: text(40, '紧急程度', "The sender's own label"),
  subject: text(200, '被反映人', 'Person or organisation complained of'),
  contact,
  anonymous: Joi.boolean().label('匿名').description('The requester wishes to stay unnamed'),
  confidential: Joi.boolean().label('保密').description('The requester asks for confidentiality'),
  public: Joi.boolean().label('公开').description('The requester agrees to publication'),
  place,
  occurredAt: Joi.string()
    .pattern(DATE_OR_TIME, '2024-01-01T08:30:05+08:00, 2024-01-01')
    .label('发生时间')
    .description('When it happened; without zone: Beijing time'),
  attachments: Joi.array<AppAttachment[]>().items(attachment).max(MOST.attachments).label('附件').description('Files'),
  conversation: Joi.string().max(200).label('会话标识').description('Parts with one key become one appeal'),
  last: Joi.boolean().label('最后一段').description('True on the part that ends the conversation'),
})
  .with('last', 'conversation')
  .required()
  .label('诉求')
  .description('The appeal');

/** The one source: requests are checked by it, and the OpenAPI document is made from it. */
export const bodySchema = Joi.object<AppBody, true>({
  type: Joi.string()
    .valid('appeal.created', 'appeal.test')
    .required()
    .label('消息类型')
    .description('appeal.test is acknowledged and never becomes a ticket'),
  timestamp: Joi.string()
    .pattern(TIME, '2024-01-01T08:30:05+08:00')
    .required()
    .label('发送时间')
    .description('RFC 3339; without zone: Beijing time'),
  data: appeal,
})
  .required()
  .label('请求体')
  .prefs({ convert: false });

export interface QueryBody {
  readonly number: string;
}

export const querySchema = Joi.object<QueryBody, true>({
  number: Joi.string().max(64).required().label('工单编号').description('Number from the answer to the appeal'),
})
  .required()
  .label('请求体')
  .prefs({ convert: false });
