// The OpenAPI 3.1 description of a partner's webhooks, made from the schemas that check them.
import type { Published } from '../contract.ts';
import { type JsonSchema, jsonSchemaOf } from '../kit/json-schema.ts';
import { both } from '../kit/problem.ts';
import { bodySchema, querySchema } from './body.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';

const TAG = 'partner';
const schemaRef = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
const jsonContent = (name: string): JsonSchema => ({ 'application/json': { schema: schemaRef(name) } });
const answer = (description: string, name: string): JsonSchema => ({ description, content: jsonContent(name) });

/** The fragment and the problems, as the gateway asks for them. */
export function published(): Published {
  const problems = Object.entries(PROBLEMS).map(([code, { status, title, detail }]) => ({
    code,
    status,
    zh: { title: title.zh, todo: detail.zh },
    en: { title: title.en, todo: detail.en },
  }));
  return { openapi: openApiFragment(), problems };
}

/** Path items and components for `/hooks/{channel}` of channels of this kind. */
export function openApiFragment(): Published['openapi'] {
  return {
    tags: [{ name: TAG, description: '合作平台推送 · Signed webhooks of partner platforms (Standard Webhooks 1.0)' }],
    paths: {
      '/hooks/{channel}': { parameters: parameters('channel'), post: take() },
      '/hooks/{channel}/validate': { parameters: parameters('channel'), post: validate() },
      '/hooks/{channel}/query': { parameters: parameters('channel'), post: query() },
    },
    components: { schemas: schemas(), parameters: headerParameters(), responses: problemResponses() },
  };
}

function parameters(...names: string[]): JsonSchema[] {
  return [...names, 'webhookId', 'webhookTimestamp', 'webhookSignature'].map(name => ({
    $ref: `#/components/parameters/${name}`,
  }));
}

function appealBody(): JsonSchema {
  return {
    required: true,
    content: {
      ...jsonContent('AppealRequest'),
      'multipart/form-data': {
        schema: {
          type: 'object',
          description:
            'The first part is the signed JSON; each file after it is named in data.attachments by its SHA-256.',
          properties: {
            appeal: schemaRef('AppealRequest'),
            file: { type: 'array', items: { type: 'string', format: 'binary' } },
          },
          required: ['appeal'],
        },
        encoding: { appeal: { contentType: 'application/json' } },
      },
    },
  };
}

function take(): JsonSchema {
  return {
    tags: [TAG],
    operationId: 'takeAppeal',
    summary: '推送一条诉求 · Send an appeal',
    description:
      'The same webhook-id with the same body gets the same answer, byte for byte, however often it is sent.',
    parameters: [{ $ref: '#/components/parameters/prefer' }],
    requestBody: appealBody(),
    responses: {
      200: {
        ...answer('The outcome, known within the wait that Prefer asked for', 'AppealRead'),
        headers: preferenceApplied(),
      },
      202: { ...answer('Durably stored', 'AppealAccepted'), headers: preferenceApplied() },
      ...problems(...REFUSALS),
    },
  };
}

function validate(): JsonSchema {
  return {
    tags: [TAG],
    operationId: 'validateAppeal',
    summary: '只校验,不受理 · Check an appeal without sending it',
    requestBody: appealBody(),
    responses: {
      200: answer('What would be read', 'AppealValid'),
      ...problems(...REFUSALS),
    },
  };
}

function query(): JsonSchema {
  return {
    tags: [TAG],
    operationId: 'queryProgress',
    summary: '按编号查询进度 · Ask what became of a number',
    description: "An unknown number and another partner's get the same 404.",
    requestBody: { required: true, content: jsonContent('ProgressQuery') },
    responses: {
      200: answer('Where it stands', 'Progress'),
      ...problems(...REFUSALS),
    },
  };
}

/** Whatever is asked of a channel; 404 also where the channel is switched off. */
const REFUSALS = ['400', '401', '404', '405', '408', '413', '415', '422', '429', '431', '503'];

function preferenceApplied(): JsonSchema {
  return { 'Preference-Applied': { description: 'The wait that was applied', schema: { type: 'string' } } };
}

function problems(...statuses: string[]): JsonSchema {
  return Object.fromEntries(statuses.map(status => [status, { $ref: `#/components/responses/Problem${status}` }]));
}

function headerParameters(): Record<string, JsonSchema> {
  const header = (name: string, description: string, schema: JsonSchema, required = true): JsonSchema => ({
    name,
    in: 'header',
    required,
    description,
    schema,
  });
  return {
    channel: {
      name: 'channel',
      in: 'path',
      required: true,
      description: '渠道标识 · Channel id',
      schema: { type: 'string' },
    },
    webhookId: header('webhook-id', 'Your id of the message; the same on every retry', {
      type: 'string',
      pattern: '^[!-~]{1,256}$',
    }),
    webhookTimestamp: header('webhook-timestamp', 'Unix seconds; within 300 seconds of our clock', {
      type: 'string',
      pattern: '^[0-9]{1,12}$',
    }),
    webhookSignature: header(
      'webhook-signature',
      'v1,base64(HMAC-SHA256(key, id.timestamp.body)); several separated by spaces',
      {
        type: 'string',
      },
    ),
    prefer: header(
      'Prefer',
      'wait=N: wait up to N seconds (10 at most) for the outcome',
      { type: 'string', examples: ['wait=5'] },
      false,
    ),
  };
}

const string = (description?: string): JsonSchema => ({
  type: 'string',
  ...(description === undefined ? {} : { description }),
});
const object = (properties: JsonSchema, optional: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter(name => !optional.includes(name)),
});

function schemas(): Record<string, JsonSchema> {
  const number = string('工单编号 · The number, the same for ever for the same message');
  const queryCode = string("查询码 · The requester's second proof; show it to the requester only");
  const outcome = { oneOf: [schemaRef('Outcome'), { type: 'null' }], description: 'null while it is unread' };
  return {
    AppealRequest: jsonSchemaOf(bodySchema),
    ProgressQuery: jsonSchemaOf(querySchema),
    AppealAccepted: object({ number, queryCode, status: { const: 'accepted' } }),
    AppealRead: object({ number, queryCode, status: { const: 'read' }, outcome: schemaRef('Outcome') }),
    AppealValid: object({
      status: { const: 'valid' },
      message: { type: 'object', description: 'What would be read of the body' },
    }),
    Progress: object({
      number,
      receivedAt: { type: 'string', format: 'date-time' },
      outcome,
      ticket: progressTicket(),
    }),
    Outcome: outcomeSchema(),
    Problem: problemSchema(),
  };
}

function progressTicket(): JsonSchema {
  const nullable = { type: ['string', 'null'] };
  const ticket = object({
    number: string(),
    state: string(),
    step: nullable,
    closedAt: { type: ['string', 'null'], format: 'date-time' },
  });
  return { oneOf: [ticket, { type: 'null' }] };
}

function outcomeSchema(): JsonSchema {
  const kind = (name: string, fields: JsonSchema, optional: readonly string[] = []): JsonSchema =>
    object({ kind: { const: name }, ...fields }, optional);
  return {
    description: '处理结果 · What became of the message',
    oneOf: [
      kind('ticket', { held: { type: 'boolean' }, closedRepeatOf: string(), incident: string() }, [
        'closedRepeatOf',
        'incident',
      ]),
      kind('repeat', { of: string('Number of the earlier ticket') }),
      kind('part', { of: string('Number of the first part of the conversation') }),
      kind('not-an-appeal', { reason: string() }),
      kind('quarantined', { reason: string() }),
    ],
  };
}

function problemSchema(): JsonSchema {
  const fault = object({ pointer: string('JSON Pointer into the body'), code: string(), detail: string() });
  const fields = { type: string(), title: string(), status: { type: 'integer' }, detail: string(), instance: string() };
  return {
    description: 'RFC 9457',
    ...object({ ...fields, errors: { type: 'array', items: fault } }, ['detail', 'instance', 'errors']),
  };
}

/** One response a status, listing the problem types that can stand behind it. */
function problemResponses(): Record<string, JsonSchema> {
  const texts = new Map<number, string[]>([
    [400, ['`/problems/http.bad_request`: 不是能理解的 HTTP · No HTTP that can be understood']],
    [404, ['`/problems/http.no_channel`: 没有这个渠道,或已停用 · There is no such channel, or it is switched off']],
    [408, ['`/problems/http.too_slow`: 未在时限内收全,请用同一 webhook-id 重发 · Not all of it came in time; same id']],
    [431, ['`/problems/http.head_too_large`: 请求头过大 · The headers are too large']],
    [401, ['`/problems/app.unauthentic`: 验签失败 · The signature does not hold']],
    [
      503,
      ['暂不可用,请按 Retry-After 用同一 webhook-id 重发 · Not stored; send again under the same id after Retry-After'],
    ],
  ]);
  for (const [code, { status, title }] of Object.entries(PROBLEMS) as [ProblemCode, (typeof PROBLEMS)[ProblemCode]][]) {
    texts.set(status, [...(texts.get(status) ?? []), `\`/problems/${code}\`: ${both(title)}`]);
  }
  return Object.fromEntries(
    [...texts].map(([status, lines]) => [
      `Problem${status}`,
      { description: lines.join('\n\n'), content: { 'application/problem+json': { schema: schemaRef('Problem') } } },
    ]),
  );
}
