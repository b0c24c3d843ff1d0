// What a signed body means: pure, from the original's bytes to an inbound message.
import {
  type AttachmentSource,
  type InboundAppeal,
  type InboundAttachment,
  type InboundMessage,
  type Original,
  Unreadable,
} from '../contract.ts';
import { JsonProblem, readJson } from '../kit/json.ts';
import { isEmptyText } from '../kit/text.ts';
import type { AppAppeal, AppAttachment, AppBody } from './body.ts';
import type { AppSettings } from './settings.ts';

/** Everything that was accepted had passed the schema, so this maps and does not check again what a field holds. */
export function parse(original: Original, settings: AppSettings): InboundMessage {
  const body = readBody(original.body);
  if (body.type === 'appeal.test') return { kind: 'not-an-appeal', reason: 'test' };
  const data = body.data;
  const attachments = (data.attachments ?? []).map(attachment);
  if (attachments.length === 0 && isEmptyText(data.content) && isEmptyText(data.title ?? '')) {
    return { kind: 'not-an-appeal', reason: 'empty' };
  }
  return appeal(body, data, attachments, settings);
}

/** A test, or what says nothing, as the appeal that a clerk says it is. */
export function readAsAppeal(original: Original, settings: AppSettings): InboundAppeal {
  const body = readBody(original.body);
  return appeal(body, body.data, (body.data.attachments ?? []).map(attachment), settings);
}

function readBody(bytes: Uint8Array): AppBody {
  let value: unknown;
  try {
    value = readJson(bytes);
  } catch (error) {
    if (error instanceof JsonProblem) throw new Unreadable('app.not_json', error.message, { cause: error });
    throw error;
  }
  if (!isRecord(value) || !isRecord(value['data']) || typeof value['data']['content'] !== 'string') {
    throw new Unreadable('app.not_the_schema', 'the body has no data with a content');
  }
  return value as unknown as AppBody;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Copied as they are, where they are given. */
const SAME = [
  'title',
  'contentFormat',
  'type',
  'category',
  'urgency',
  'subject',
  'occurredAt',
  'place',
  'anonymous',
  'confidential',
  'public',
] as const satisfies readonly (keyof AppAppeal & keyof InboundAppeal)[];

function appeal(
  body: AppBody,
  data: AppAppeal,
  attachments: InboundAttachment[],
  settings: AppSettings,
): InboundAppeal {
  const { openid, ...contact } = data.contact ?? {};
  return {
    kind: 'appeal',
    content: data.content,
    ...Object.fromEntries(SAME.filter(field => data[field] !== undefined).map(field => [field, data[field]])),
    sentAt: body.timestamp,
    contact: { ...contact, ...(openid === undefined || openid === '' ? {} : { openid: prefixed(openid) }) },
    externalIds: data.externalId === undefined || data.externalId === '' ? {} : { externalId: data.externalId },
    attachments,
    ...(data.conversation === undefined
      ? {}
      : { conversation: { key: data.conversation, last: data.last === true, quietSeconds: settings.quietSeconds } }),
  };
}

/** An openid says of which platform it is; a partner that says nothing means its own. */
function prefixed(openid: string): string {
  return openid.includes(':') ? openid : `app:${openid}`;
}

function attachment(given: AppAttachment): InboundAttachment {
  return {
    name: given.name,
    ...(given.mediaType === undefined ? {} : { mediaType: given.mediaType }),
    ...(given.size === undefined ? {} : { size: given.size }),
    source: source(given),
  };
}

function source(given: AppAttachment): AttachmentSource {
  if (given.base64 !== undefined) return { kind: 'inline', base64: given.base64 };
  if (given.url !== undefined) return { kind: 'url', url: given.url };
  return { kind: 'blob', sha256: (given.sha256 ?? '').toLowerCase() };
}
