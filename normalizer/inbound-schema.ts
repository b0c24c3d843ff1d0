// Schema of the inbound message, bound to its types: what an adapter's parse may hand over.
import Joi from 'joi';
import {
  type ConversationPart,
  ILLEGIBLE_REASONS,
  type InboundAppeal,
  type InboundAttachment,
  type InboundContact,
  type InboundPlace,
  NOT_AN_APPEAL_REASONS,
  type NotAnAppeal,
} from './inbound-message.ts';
import type { Writable } from './strict.ts';

const text = (label: string) => Joi.string().allow('').label(label);

const contact = Joi.object<Writable<InboundContact>, true>({
  name: text('姓名'),
  sex: text('性别'),
  callerPhone: text('来电号码'),
  phone: text('联系方式'),
  email: text('电子邮箱'),
  idKind: text('证件类型'),
  idNumber: text('证件号码'),
  openid: text('平台用户标识'),
  address: text('联系地址'),
  organisation: text('单位'),
  replyBy: text('希望的答复方式'),
}).label('诉求人');

const place = Joi.object<Writable<InboundPlace>, true>({
  text: text('地点'),
  division: text('区划代码'),
  longitude: Joi.number().min(-180).max(180).label('经度'),
  latitude: Joi.number().min(-180).max(180).label('纬度'),
  datum: text('坐标系'),
}).label('事发地');

const source = Joi.alternatives()
  .try(
    Joi.object({
      kind: Joi.string().valid('blob').required(),
      sha256: Joi.string()
        .pattern(/^[0-9a-f]{64}$/)
        .required(),
    }),
    Joi.object({ kind: Joi.string().valid('url').required(), url: Joi.string().required() }),
    Joi.object({ kind: Joi.string().valid('platform').required(), ref: Joi.string().required() }),
    Joi.object({ kind: Joi.string().valid('inline').required(), base64: Joi.string().allow('').required() }),
  )
  .required()
  .label('附件来源');

const attachment = Joi.object<Writable<InboundAttachment>, true>({
  name: text('文件名').required(),
  mediaType: text('媒体类型'),
  size: Joi.number().integer().min(0).label('字节数'),
  source,
}).label('附件');

const conversation = Joi.object<Writable<ConversationPart>, true>({
  key: Joi.string().required().label('会话标识'),
  last: Joi.boolean().required().label('最后一段'),
  quietSeconds: Joi.number().min(0).required().label('静默秒数'),
}).label('会话');

/** 来件：诉求 */
export const inboundAppealSchema = Joi.object<Writable<InboundAppeal>, true>({
  kind: Joi.string().valid('appeal').required().label('种类'),
  title: text('标题'),
  content: text('内容').required(),
  contentFormat: Joi.string().valid('text', 'html').label('内容格式'),
  type: text('诉求类型'),
  category: Joi.array().items(text('分类')).label('分类'),
  urgency: text('紧急程度'),
  subject: text('被反映人'),
  occurredAt: text('发生时间'),
  sentAt: text('提交时间'),
  place,
  contact: contact.required(),
  anonymous: Joi.boolean().label('匿名'),
  confidential: Joi.boolean().label('保密'),
  public: Joi.boolean().label('公开'),
  externalIds: Joi.object().pattern(Joi.string(), Joi.string().allow('')).required().label('来源平台编号'),
  attachments: Joi.array().items(attachment).required().label('附件'),
  conversation,
  illegible: Joi.string()
    .valid(...ILLEGIBLE_REASONS)
    .label('无法阅读的原因'),
}).label('来件');

const notAnAppealSchema = Joi.object<Writable<NotAnAppeal>, true>({
  kind: Joi.string().valid('not-an-appeal').required().label('种类'),
  reason: Joi.string()
    .valid(...NOT_AN_APPEAL_REASONS)
    .required()
    .label('原因'),
  detail: text('说明'),
}).label('非诉求');

/** 来件 */
export const inboundMessageSchema = Joi.alternatives().conditional(Joi.object({ kind: 'appeal' }).unknown(), {
  // biome-ignore lint/suspicious/noThenProperty: Joi names the branch so.
  then: inboundAppealSchema,
  otherwise: notAnAppealSchema,
});
