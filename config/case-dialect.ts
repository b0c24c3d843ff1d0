// The HTTP dialect of the case system as data: paths, field mapping, what an answer means, and the look-up of an entry.
import Joi from 'joi';

/** The five things the case system is told. */
export const CASE_ENTRY_KINDS = [
  'ticket.created',
  'ticket.followed-up',
  'ticket.corrected',
  'ticket.link-undone',
  'ticket.withdrawn',
] as const;
export type CaseEntryKind = (typeof CASE_ENTRY_KINDS)[number];

export const TIME_FORMATS = ['rfc3339', 'yyyy-MM-dd HH:mm:ss', 'yyyyMMddHHmmss', 'epoch-s', 'epoch-ms'] as const;
export type TimeFormat = (typeof TIME_FORMATS)[number];

/** One field of their body. Paths are dotted (`data.appeal.title`, `data.handling.deadlines.0.at`). */
export interface MappedField {
  /** Where it stands in their body. */
  readonly to: string;
  /** Where it stands in our body; absent with `value`. */
  readonly from?: string;
  /** A fixed value. */
  readonly value?: string | number | boolean | null;
  /** Name of the value table that turns our value into theirs; a value on no row is sent as it is. */
  readonly table?: string;
  /** `time` writes an instant in `time.format`; `join` writes a list as text with commas between. */
  readonly as?: 'string' | 'number' | 'time' | 'json' | 'join';
  /** Sent where ours is absent or null; without it the field is left out then. */
  readonly otherwise?: string | number | boolean | null;
}

/** Turns our body into theirs. */
export interface FieldMapping {
  /** Fields by kind of entry; a kind without an entry of its own takes `default`. */
  readonly fields: Readonly<Partial<Record<CaseEntryKind | 'default', readonly MappedField[]>>>;
  readonly tables: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  readonly time: { readonly format: TimeFormat; readonly zone: string };
}

/** Values that a field of their answer may have; compared with their type (`"0"` is not `0`). */
export type AnswerValue = string | number | boolean;

/** When an answer means that the entry has arrived. All that is set must hold. */
export interface SuccessPredicate {
  readonly statuses: readonly number[];
  /** Dotted path of the field that tells success (`code`); null: the status alone tells. */
  readonly path: string | null;
  readonly values: readonly AnswerValue[];
  /** Values at `path` that mean "we have this already": arrived too. */
  readonly alreadyValues: readonly AnswerValue[];
  /** Values at `path` that mean "not now": sent again. Every other value is a refusal: a dead letter. */
  readonly retryValues: readonly AnswerValue[];
  /** Dotted path of their case number; null: they give none. */
  readonly caseNumber: string | null;
  /** Whether an answer to `ticket.created` without a case number is no success. */
  readonly caseNumberRequired: boolean;
  /** Dotted path of their words about a refusal; masked before they are kept. */
  readonly message: string | null;
}

/** Asks whether an entry arrived whose answer was never seen. */
export interface LookUp {
  readonly method: 'GET' | 'POST';
  /** Path with `{number}` (our ticket number) or `{key}` (the entry's idempotency key); with only `{number}` it is asked for
   *  `ticket.created` alone, since it cannot tell whether a notice arrived. */
  readonly path: string;
  readonly found: {
    readonly statuses: readonly number[];
    readonly path: string | null;
    readonly values: readonly AnswerValue[];
  };
  readonly notFound: {
    readonly statuses: readonly number[];
    readonly path: string | null;
    readonly values: readonly AnswerValue[];
  };
  readonly caseNumber: string | null;
}

/** Starts with one slash, so that it cannot name another host. */
const PATH = /^\/(?!\/)[^\s\\]*$/;
/** Dotted; never a name that reaches an object's prototype. */
const DOTTED = /^(?!.*(?:^|\.)(?:__proto__|prototype|constructor)(?:\.|$))[^.\s]+(?:\.[^.\s]+)*$/;

const dotted = () => Joi.string().pattern(DOTTED, 'dotted path').max(200);
const answerValue = Joi.alternatives(Joi.string().allow(''), Joi.number(), Joi.boolean());
const statuses = (fallback: readonly number[]) =>
  Joi.array().items(Joi.number().integer().min(200).max(599)).min(1).default(fallback);
const mappedField = Joi.object<MappedField>({
  to: dotted().required().label('对方字段'),
  from: dotted().label('本方字段'),
  value: Joi.alternatives(Joi.string().allow(''), Joi.number(), Joi.boolean()).allow(null).label('固定值'),
  table: Joi.string().label('对照表'),
  as: Joi.string().valid('string', 'number', 'time', 'json', 'join').label('写法'),
  otherwise: Joi.alternatives(Joi.string().allow(''), Joi.number(), Joi.boolean()).allow(null).label('缺省值'),
}).xor('from', 'value');

const fieldsByKind = Joi.object(
  Object.fromEntries([...CASE_ENTRY_KINDS, 'default'].map(kind => [kind, Joi.array().items(mappedField).min(1)])),
);

/** Every `table` named by a field must exist, and a kind without fields needs the default ones. */
function wholeMapping(mapping: FieldMapping, helpers: Joi.CustomHelpers): FieldMapping | Joi.ErrorReport {
  for (const fields of Object.values(mapping.fields)) {
    for (const field of fields) {
      if (field.table !== undefined && !Object.hasOwn(mapping.tables, field.table))
        return helpers.error('caseSystem.no_such_table', { limit: field.table });
    }
  }
  if (mapping.fields.default === undefined) {
    const missing = CASE_ENTRY_KINDS.find(kind => mapping.fields[kind] === undefined);
    if (missing !== undefined) return helpers.error('caseSystem.no_fields', { limit: missing });
  }
  return mapping;
}

/** Schema of `mapping`. */
export const mappingSchema = Joi.object<FieldMapping>({
  fields: fieldsByKind
    .required()
    .label('字段对照')
    .description('Their fields by kind of entry, or for all under "default".'),
  tables: Joi.object()
    .pattern(Joi.string(), Joi.object().pattern(Joi.string(), answerValue))
    .default({})
    .label('值对照表')
    .description('Value tables by name: our value to theirs.'),
  time: Joi.object<FieldMapping['time'], true>({
    format: Joi.string()
      .valid(...TIME_FORMATS)
      .default('rfc3339')
      .label('时间格式')
      .description('How instants are written.'),
    zone: Joi.string()
      .default('Asia/Shanghai')
      .custom((zone: string, helpers) => (isZone(zone) ? zone : helpers.error('any.invalid')))
      .label('时区')
      .description('IANA zone instants are written in.'),
  }).default({ format: 'rfc3339', zone: 'Asia/Shanghai' }),
}).custom(wholeMapping);

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

const answerRule = (fallback: readonly number[]) =>
  Joi.object({
    statuses: statuses(fallback),
    path: dotted().allow(null).default(null),
    values: Joi.array().items(answerValue).default([]),
  }).default({ statuses: fallback, path: null, values: [] });

/** Schema of `success`. */
export const successSchema = Joi.object<SuccessPredicate>({
  statuses: statuses([200, 201, 202]).label('成功状态码').description('HTTP statuses an arrival is answered with.'),
  path: dotted()
    .allow(null)
    .default(null)
    .label('结果码路径')
    .description('Field of the answer that tells success, such as code.'),
  values: Joi.array()
    .items(answerValue)
    .default([])
    .label('成功值')
    .description('Its values that mean success; "0" is not 0.'),
  alreadyValues: Joi.array()
    .items(answerValue)
    .default([])
    .label('已存在值')
    .description('Values that mean: we have it already.'),
  retryValues: Joi.array()
    .items(answerValue)
    .default([])
    .label('稍后重试值')
    .description('Values that mean: try again later.'),
  caseNumber: dotted()
    .allow(null)
    .default('caseNumber')
    .label('案件编号路径')
    .description('Where their case number stands; null: none.'),
  caseNumberRequired: Joi.boolean()
    .default(true)
    .label('必须有案件编号')
    .description('An answer to ticket.created without one is no success.'),
  message: dotted()
    .allow(null)
    .default('message')
    .label('说明路径')
    .description('Where their words about a refusal stand.'),
})
  .custom((value: SuccessPredicate, helpers) =>
    value.path !== null && value.values.length === 0 ? helpers.error('caseSystem.values_missing') : value,
  )
  .label('成功判定');

/** Schema of `lookUp`. */
export const lookUpSchema = Joi.object<LookUp>({
  method: Joi.string().valid('GET', 'POST').default('GET').label('查询方法').description('HTTP method.'),
  path: Joi.string()
    .pattern(PATH, 'path')
    .pattern(/\{(?:number|key)\}/, '{number} or {key}')
    .required()
    .label('查询路径')
    .description('With {number}, our ticket number, or {key}, the idempotency key.'),
  found: answerRule([200]).label('已收到'),
  notFound: answerRule([404]).label('未收到'),
  caseNumber: dotted()
    .allow(null)
    .default('caseNumber')
    .label('案件编号路径')
    .description('Where their case number stands.'),
});

const path = (kind: CaseEntryKind) =>
  kind === 'ticket.created'
    ? Joi.string().pattern(PATH, 'path').default('/entries')
    : Joi.string().pattern(PATH, 'path').allow(null).default('/entries');

/** Schema of `paths`. */
export const pathsSchema = Joi.object(Object.fromEntries(CASE_ENTRY_KINDS.map(kind => [kind, path(kind)])))
  .default(Object.fromEntries(CASE_ENTRY_KINDS.map(kind => [kind, '/entries'])))
  .label('路径')
  .description('Path by kind of entry; null: they do not take that kind.');
