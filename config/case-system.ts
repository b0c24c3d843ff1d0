// The case system's settings: how it is reached, spoken to and understood. Its HTTP dialect is data; the default is our contract.
import Joi from 'joi';
import type { CaseEntryKind, FieldMapping, LookUp, SuccessPredicate } from './case-dialect.ts';
import { lookUpSchema, mappingSchema, pathsSchema, successSchema } from './case-dialect.ts';

export type * from './case-dialect.ts';
export { CASE_ENTRY_KINDS, TIME_FORMATS } from './case-dialect.ts';

/** How we show who we are. `signature` signs every request by Standard Webhooks 1.0 (headers webhook-id, -timestamp, -signature). */
export type CaseAuth =
  | { readonly kind: 'none' }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | { readonly kind: 'signature'; readonly secret: string };

/** 工单系统设置. */
export interface CaseSystemSettings {
  /** http or https; the host and port of this address are the only ones ever connected to. */
  readonly url: string;
  readonly method: 'POST' | 'PUT';
  /** Path by kind, appended to `url`; null: they do not take this kind, so its entries are done without being sent. */
  readonly paths: Readonly<Record<CaseEntryKind, string | null>>;
  readonly auth: CaseAuth;
  /** Fixed headers added to every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** null: our own body as docs/case-system.md shows it. */
  readonly mapping: FieldMapping | null;
  readonly success: SuccessPredicate;
  readonly lookUp: LookUp | null;
  /** Seconds: until connected, until the head of the answer, for its body, and for all of it. */
  readonly deadlines: {
    readonly connect: number;
    readonly headers: number;
    readonly body: number;
    readonly total: number;
  };
  /** Longest answer that is read, in kB. */
  readonly maxAnswerKb: number;
  /** Whether the requester goes along. Never with a 举报 (accusation) or confidential ticket, whatever stands here. */
  readonly forwardIdentity: boolean;
  /**
   * Attachments in the body (base64) up to so many kB for all of one ticket; 0: their names and hashes only. Pictures go without
   * metadata unless the requester goes along; of restricted tickets nothing else goes.
   */
  readonly inlineAttachmentsKb: number;
  readonly retry: {
    /** Seconds after the first, second, … failure. */
    readonly steps: readonly number[];
    /** Seconds between the attempts after those. */
    readonly every: number;
    /** Hours of attempts after which an entry becomes a dead letter. */
    readonly hours: number;
    /** Share by which a wait is made shorter or longer at random. */
    readonly jitter: number;
  };
  /** After so many failures in a row nothing is sent but one probe: after `openSeconds`, then twice that, up to `maxOpenSeconds`. */
  readonly breaker: { readonly failures: number; readonly openSeconds: number; readonly maxOpenSeconds: number };
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null };
  /** Secrets by which their events to us are signed (Standard Webhooks); two while one is being replaced; none: no events. */
  readonly events: { readonly secrets: readonly string[] };
}

/** Base64 of 24 to 64 bytes, as Standard Webhooks asks. */
const SECRET = /^whsec_(?=.{32,88}$)(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const signingSecret = Joi.string().pattern(SECRET, 'whsec_ and base64').meta({ secret: true });
const seconds = (fallback: number, max: number) => Joi.number().positive().max(max).default(fallback);

/** A member that one way of authentication needs and every other refuses. */
function onlyFor(kind: CaseAuth['kind'], schema: Joi.StringSchema): Joi.StringSchema {
  // biome-ignore lint/suspicious/noThenProperty: the name Joi gives to this branch
  return schema.when('kind', { is: kind, then: Joi.required(), otherwise: Joi.forbidden() });
}

const secretText = Joi.string().meta({ secret: true });

const auth = Joi.object({
  kind: Joi.string()
    .valid('none', 'bearer', 'basic', 'header', 'signature')
    .required()
    .label('认证方式')
    .description('none, bearer, basic, header, or signature (Standard Webhooks).'),
  token: onlyFor('bearer', secretText).label('令牌').description('Bearer token.'),
  username: onlyFor('basic', Joi.string()).label('用户名').description('User name of basic authentication.'),
  password: onlyFor('basic', secretText).label('密码').description('Password of basic authentication.'),
  name: onlyFor('header', Joi.string().pattern(HEADER_NAME, 'header name'))
    .label('请求头名称')
    .description('Name of the header, such as x-api-key.'),
  value: onlyFor('header', secretText).label('请求头的值').description('Value of that header.'),
  secret: onlyFor('signature', signingSecret)
    .label('签名密钥')
    .description('Standard Webhooks secret, whsec_ and base64 of 24 to 64 bytes.'),
})
  .default({ kind: 'none' })
  .label('认证')
  .description('How we show who we are.');

const pem = (label: string, description: string) =>
  Joi.string()
    .pattern(/-----BEGIN [A-Z ]+-----/, 'PEM')
    .allow(null)
    .default(null)
    .label(label)
    .description(description);

/** Schema of `caseSystem` in the settings file, with every default; `caseSystem: null` (entries wait) is allowed beside it. */
export const caseSystemSchema = Joi.object<CaseSystemSettings>({
  url: Joi.string()
    .uri({ scheme: ['http', 'https'] })
    .pattern(/^[^?#@]*$/, 'no query, fragment or user')
    .required()
    .label('地址')
    .description('Base address; its host and port are the only ones connected to.'),
  method: Joi.string().valid('POST', 'PUT').default('POST').label('方法').description('HTTP method of every entry.'),
  paths: pathsSchema,
  auth,
  headers: Joi.object()
    .pattern(Joi.string().pattern(HEADER_NAME), Joi.string().pattern(/^[\t\x20-\x7e]*$/, 'header value'))
    .default({})
    .meta({ secret: true })
    .label('附加请求头')
    .description('Fixed headers of every request.'),
  mapping: mappingSchema.allow(null).default(null).label('字段映射').description('null: our own body.'),
  success: successSchema.default(() => successSchema.validate({}).value),
  lookUp: lookUpSchema
    .allow(null)
    .default(null)
    .label('反查')
    .description('Asked before an entry of unknown outcome is sent again.'),
  deadlines: Joi.object<CaseSystemSettings['deadlines'], true>({
    connect: seconds(5, 60).label('连接时限（秒）').description('Seconds until connected.'),
    headers: seconds(5, 120).label('应答头时限（秒）').description('Seconds until the head of the answer.'),
    body: seconds(10, 120).label('应答体时限（秒）').description('Seconds for the body of the answer.'),
    total: seconds(30, 300).label('总时限（秒）').description('Seconds for all of it.'),
  }).default({ connect: 5, headers: 5, body: 10, total: 30 }),
  maxAnswerKb: Joi.number()
    .integer()
    .min(1)
    .max(16_384)
    .default(1024)
    .label('应答上限（kB）')
    .description('Longest answer read.'),
  forwardIdentity: Joi.boolean()
    .default(false)
    .label('转送诉求人信息')
    .description('Whether the requester goes along; never with 举报 or confidential tickets.'),
  inlineAttachmentsKb: Joi.number()
    .integer()
    .min(0)
    .max(65_536)
    .default(0)
    .label('随件附件上限（kB）')
    .description(
      'Attachments in the body as base64, all of one ticket together, pictures without metadata unless identity goes along; 0: names and hashes only.',
    ),
  retry: Joi.object<CaseSystemSettings['retry']>({
    steps: Joi.array()
      .items(Joi.number().positive().max(86_400))
      .min(1)
      .default([5, 15, 30, 60, 120, 300])
      .label('重试间隔（秒）')
      .description('Seconds after the first, second, … failure.'),
    every: seconds(600, 86_400).label('之后间隔（秒）').description('Seconds between later attempts.'),
    hours: Joi.number()
      .positive()
      .max(720)
      .default(72)
      .label('重试期限（小时）')
      .description('Then an entry is a dead letter.'),
    jitter: Joi.number().min(0).max(0.5).default(0.2).label('抖动').description('Share of a wait that is random.'),
  }).default({ steps: [5, 15, 30, 60, 120, 300], every: 600, hours: 72, jitter: 0.2 }),
  breaker: Joi.object<CaseSystemSettings['breaker'], true>({
    failures: Joi.number().integer().min(1).max(1000).default(10).label('熔断次数').description('Failures in a row.'),
    openSeconds: seconds(5, 600).label('熔断时长（秒）').description('Seconds until the first probe.'),
    maxOpenSeconds: seconds(60, 3600).label('最长熔断（秒）').description('Longest wait between probes.'),
  }).default({ failures: 10, openSeconds: 5, maxOpenSeconds: 60 }),
  tls: Joi.object<CaseSystemSettings['tls'], true>({
    ca: pem('CA 证书', 'PEM of the authority that signed their certificate.'),
    cert: pem('客户端证书', 'PEM of our own certificate, where they ask for one.'),
    key: pem('客户端私钥', 'PEM of its key.').meta({ secret: true }),
  })
    .custom((tls: CaseSystemSettings['tls'], helpers) =>
      (tls.cert === null) === (tls.key === null) ? tls : helpers.error('caseSystem.tls_pair'),
    )
    .default({ ca: null, cert: null, key: null }),
  events: Joi.object<CaseSystemSettings['events']>({
    secrets: Joi.array()
      .items(signingSecret)
      .max(2)
      .default([])
      .label('事件签名密钥')
      .description('Secrets of their events to us; two while one is being replaced.'),
  }).default({ secrets: [] }),
}).label('工单系统');

/** Settings from what a person wrote, with every default; throws Joi's ValidationError. */
export function caseSystemSettings(written: unknown): CaseSystemSettings {
  return Joi.attempt(written, caseSystemSchema, { abortEarly: false }) as CaseSystemSettings;
}
