// 报警设置: whom to tell, and when something is bad enough to be told; the figures stand in huisu.yaml.
import Joi from 'joi';

/** One outgoing webhook, signed by Standard Webhooks 1.0 as partners' webhooks to us are. */
export interface AlarmWebhook {
  /** http or https; its host and port are the only ones ever connected to, and may be inner ones. */
  readonly url: string;
  /** Signing secrets, the newest first; two while one is being replaced. */
  readonly secrets: readonly string[];
  /** Further certificate authorities, PEM. */
  readonly ca: string | null;
}

/** One mail address, told by way of one SMTP server. */
export interface AlarmMail {
  readonly to: string;
  readonly from: string;
  readonly host: string;
  readonly port: number;
  /** `tls` from the first byte (465), `starttls` required (587), `none` without any (25, an inner relay). */
  readonly security: 'tls' | 'starttls' | 'none';
  /** Login; null where the relay asks for none. */
  readonly user: string | null;
  readonly password: string | null;
  readonly ca: string | null;
}

/** When a channel counts as quiet: in some window of hours `expected` messages usually come and at most `percent` of them did. */
export interface QuietLimits {
  /** Channels with fewer messages a day on average are never judged. */
  readonly leastPerDay: number;
  readonly expected: number;
  readonly percent: number;
  /** Weeks of experience with an hour of the week before it counts. */
  readonly weeks: number;
}

export interface AlarmLimits {
  readonly channelDownMinutes: number;
  readonly caseSystemDownMinutes: number;
  readonly storeDownMinutes: number;
  readonly unreadMinutes: number;
  readonly undispatchedMinutes: number;
  /** Told while this many times the space at which intake stops is still free. */
  readonly diskFactor: number;
  readonly expiryDays: number;
  /** Step of the wall clock against elapsed time. */
  readonly clockSeconds: number;
  /** Hours between two checks of the audit chain; 0: never. */
  readonly auditHours: number;
}

/** 报警. */
export interface AlarmSettings {
  /** Names this installation in what is sent; null: the machine's name. */
  readonly name: string | null;
  readonly webhook: AlarmWebhook | null;
  readonly mail: AlarmMail | null;
  /** How often the conditions are looked at. */
  readonly lookSeconds: number;
  /** An alarm is over once its cause has been gone for so long; shorter gaps are none. */
  readonly overMinutes: number;
  /** Hours between reminders while an alarm lasts; 0: none. */
  readonly remindHours: number;
  readonly limits: AlarmLimits;
  readonly quiet: QuietLimits;
  readonly retry: {
    /** Seconds after the first, second, … failure in a row. */
    readonly steps: readonly number[];
    /** Seconds between the attempts after those. */
    readonly every: number;
    /** A notice older than this is given up. */
    readonly hours: number;
    readonly jitter: number;
  };
}

/** Base64 of 24 to 64 bytes, as Standard Webhooks asks. */
const SECRET = /^whsec_(?=.{32,88}$)(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const address = (label: string, description: string) =>
  Joi.string().email({ tlds: false }).max(254).required().label(label).description(description);
const authority = Joi.string()
  .pattern(/-----BEGIN [A-Z ]+-----/, 'PEM')
  .allow(null)
  .default(null)
  .label('CA 证书')
  .description('PEM of a further certificate authority.');
const figure = (min: number, max: number, label: string, description: string) =>
  Joi.number().min(min).max(max).required().label(label).description(description);

const webhookSchema = Joi.object<AlarmWebhook>({
  url: Joi.string()
    .uri({ scheme: ['http', 'https'] })
    .pattern(/^[^#@]*$/, 'no fragment or user')
    .required()
    .label('地址')
    .description('Where alarms are posted.'),
  secrets: Joi.array()
    .items(Joi.string().pattern(SECRET, 'whsec_ and base64').meta({ secret: true }))
    .min(1)
    .max(2)
    .required()
    .meta({ secret: true })
    .label('签名密钥')
    .description('Standard Webhooks secrets, whsec_ and base64; two while one is being replaced.'),
  ca: authority,
});

const mailSchema = Joi.object<AlarmMail, true>({
  to: address('收件地址', 'Who is told.'),
  from: address('发件地址', 'Sender; most servers ask for the address of the login.'),
  host: Joi.string().hostname().required().label('SMTP 服务器').description('Mail server that takes our mail.'),
  port: Joi.number()
    .integer()
    .min(1)
    .max(65_535)
    .default(465)
    .label('SMTP 端口')
    .description('Usually 465 with tls, 587 with starttls, 25 with none.'),
  security: Joi.string()
    .valid('tls', 'starttls', 'none')
    .default('tls')
    .label('加密方式')
    .description('tls from the first byte, starttls (required), or none for an inner relay without login.'),
  user: Joi.string().allow(null).default(null).label('登录名').description('Login; null: none is asked for.'),
  password: Joi.string()
    .allow(null)
    .default(null)
    .meta({ secret: true })
    .label('密码')
    .description('Password, or the app password that 163, 126 and QQ call 授权码.'),
  ca: authority,
})
  .custom((mail: AlarmMail, helpers) =>
    (mail.user === null) === (mail.password === null) ? mail : helpers.error('alarms.login_pair'),
  )
  .custom((mail: AlarmMail, helpers) =>
    mail.user === null || mail.security !== 'none' ? mail : helpers.error('alarms.plain_login'),
  );

const limits = Joi.object<AlarmLimits, true>({
  channelDownMinutes: figure(0, 1440, '渠道中断（分钟）', 'A channel is down so long.'),
  caseSystemDownMinutes: figure(0, 1440, '工单系统中断（分钟）', 'The case system fails so long.'),
  storeDownMinutes: figure(0, 1440, '存储中断（分钟）', 'The store does not answer so long.'),
  unreadMinutes: figure(1, 1440, '待研读（分钟）', 'Age of the oldest unread message.'),
  undispatchedMinutes: figure(1, 10_080, '待转办（分钟）', 'Age of the oldest entry not yet with the case system.'),
  diskFactor: figure(1, 100, '磁盘预警倍数', 'Times the free space at which intake stops.'),
  expiryDays: figure(0, 365, '到期预警（天）', 'Days before a certificate or token expires.'),
  clockSeconds: figure(1, 3600, '时钟跳变（秒）', 'Step of the wall clock that is told.'),
  auditHours: figure(0, 8760, '核验审计链（小时）', 'Hours between two checks of the audit chain; 0: never.'),
}).required();

const quiet = Joi.object<QuietLimits, true>({
  leastPerDay: figure(1, 1_000_000, '渠道日均下限', 'Channels with fewer messages a day are never judged.'),
  expected: figure(5, 1_000_000, '往常应有件数', 'Messages that usually come in a window before it is judged.'),
  percent: figure(0, 90, '不足往常的（%）', 'A window with at most this share of its usual messages is quiet.'),
  weeks: figure(1, 52, '学习周数', 'Weeks of experience with an hour of the week before it counts.'),
}).required();

const retry = Joi.object<AlarmSettings['retry']>({
  steps: Joi.array()
    .items(Joi.number().positive().max(86_400))
    .min(1)
    .required()
    .label('重试间隔（秒）')
    .description('Seconds after the first, second, … failure.'),
  every: Joi.number()
    .positive()
    .max(86_400)
    .required()
    .label('之后间隔（秒）')
    .description('Seconds between later attempts.'),
  hours: Joi.number()
    .positive()
    .max(720)
    .required()
    .label('重试期限（小时）')
    .description('Then a notice is given up.'),
  jitter: figure(0, 0.5, '抖动', 'Share of a wait that is random.'),
}).required();

/** Schema of `alarms` in the settings file, with the shipped figures already under it. */
export const alarmsSchema = Joi.object<AlarmSettings, true>({
  name: Joi.string()
    .max(60)
    .allow(null)
    .required()
    .label('本机名称')
    .description("Names this installation in what is sent; null: the machine's name."),
  webhook: webhookSchema.allow(null).required().label('报警 webhook').description('null: none.'),
  mail: mailSchema.allow(null).required().label('报警邮箱').description('null: none.'),
  lookSeconds: figure(0.05, 600, '检查间隔（秒）', 'How often the conditions are looked at.'),
  overMinutes: figure(0, 1440, '解除延时（分钟）', 'An alarm is over once its cause was gone so long.'),
  remindHours: figure(0, 720, '重复提醒（小时）', 'Hours between reminders while an alarm lasts; 0: none.'),
  limits,
  quiet,
  retry,
})
  .required()
  .label('报警');
