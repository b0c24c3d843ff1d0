// The OpenAPI 3.1 description of what the case system reports, made from the schema that checks it and the words it is refused in.
import { jsonSchemaOf } from '../../adapters/kit/json-schema.ts';
import { type CatalogueEntry, catalogue } from '../catalogue.ts';
import { caseEventSchema } from '../dispatch/case-events.ts';
import type { OpenApiFragment } from './openapi.ts';

const TAG = 'case-system';
/** What stands before every answer of ours, whoever asks, as far as a sender of events can meet it. */
const OF_THE_EDGE = ['http.bad_request', 'http.too_slow', 'http.head_too_large', 'http.busy'];

/** The path item and the components of `/case-system/events`. */
export function caseSystemOpenApi(): OpenApiFragment {
  return {
    tags: [{ name: TAG, description: '工单系统回报 · Events of the case system (Standard Webhooks 1.0)' }],
    paths: { '/case-system/events': { post: takeEvent() } },
    components: {
      schemas: { CaseEvent: jsonSchemaOf(caseEventSchema), CaseEventRecorded: recorded(), CaseEventProblem: problem() },
    },
  };
}

function takeEvent(): Record<string, unknown> {
  return {
    tags: [TAG],
    operationId: 'takeCaseEvent',
    summary: '回报工单进展 · Report what became of a ticket',
    description:
      'The same eventId again changes nothing. Events may arrive in any order; they are put in the order of at.',
    parameters: ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map(name => ({
      name,
      in: 'header',
      required: true,
      schema: { type: 'string' },
    })),
    requestBody: { required: true, content: jsonOf('application/json', 'CaseEvent') },
    responses: {
      200: { description: 'Recorded, or known before', content: jsonOf('application/json', 'CaseEventRecorded') },
      ...refusals(),
    },
  };
}

function jsonOf(mediaType: string, schema: string): Record<string, unknown> {
  return { [mediaType]: { schema: { $ref: `#/components/schemas/${schema}` } } };
}

/** One response a status, listing the problem types that can stand behind it. */
function refusals(): Record<string, unknown> {
  const lines = new Map<number, string[]>();
  for (const { code, status, zh, en } of catalogue().values()) {
    if (status === null || !(code.startsWith('case-event.') || OF_THE_EDGE.includes(code))) continue;
    lines.set(status, [...(lines.get(status) ?? []), line({ code, zh, en })]);
  }
  return Object.fromEntries(
    [...lines].map(([status, words]) => [
      status,
      { description: words.join('\n\n'), content: jsonOf('application/problem+json', 'CaseEventProblem') },
    ]),
  );
}

function line({ code, zh, en }: Pick<CatalogueEntry, 'code' | 'zh' | 'en'>): string {
  return `\`/problems/${code}\`: ${zh.title} · ${en.title}`;
}

const text = { type: 'string' };

function recorded(): Record<string, unknown> {
  return {
    type: 'object',
    properties: {
      result: { enum: ['recorded', 'known'], description: 'known: this eventId was seen before' },
      number: { ...text, description: '工单编号 · The ticket number' },
      state: { ...text, description: 'State of the ticket after it' },
    },
    required: ['result', 'number', 'state'],
  };
}

function problem(): Record<string, unknown> {
  const fault = {
    type: 'object',
    properties: { pointer: { ...text, description: 'JSON Pointer into the body' }, code: text, detail: text },
    required: ['pointer', 'code', 'detail'],
  };
  return {
    description: 'RFC 9457; Chinese, with English in en or behind a middle dot',
    type: 'object',
    properties: {
      ...{ type: text, title: text, status: { type: 'integer' }, detail: text, instance: text, code: text },
      en: { type: 'object', properties: { title: text, detail: text } },
      errors: { type: 'array', items: fault },
      line: { type: 'integer' },
      reason: text,
    },
    required: ['type', 'title', 'status', 'code'],
  };
}
