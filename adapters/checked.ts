// A third party's adapter as the gateway meets it: what its code hands over is looked at first, since types are no proof for what comes from outside.
import { inboundAppealSchema, inboundMessageSchema } from '../normalizer/inbound-schema.ts';
import type {
  AdapterDefinition,
  InboundAppeal,
  InboundMessage,
  OpenChannel,
  Original,
  WebhookAnswer,
  WebhookRequest,
} from './contract.ts';

/**
 * An adapter's code gave what the contract does not allow: a defect of that adapter. `code` says where and is all that the
 * log gets, such as `accept/0/sender` for the sender of the first original, or `parse/contact/phone`.
 */
export class WrongAnswer extends Error {
  override readonly name = 'WrongAnswer';
  readonly code: string;
  constructor(place: readonly (string | number)[], what: string) {
    const code = place.map(told).join('/');
    super(`${code} ${what}`);
    this.code = code;
  }
}

/** Names of fields are the developer's; a map's keys may be anybody's. */
function told(step: string | number): string {
  return /^(?:[a-z]{1,20}|\d{1,4})$/i.test(String(step)) ? String(step) : '-';
}

/** The same adapter, whose every answer is checked; answers of another form are thrown as `WrongAnswer`. */
export function checkedAdapter<S>(definition: AdapterDefinition<S>): AdapterDefinition<S> {
  const { kind, title, settings, capabilities, sample, split, readAsAppeal } = definition;
  return {
    ...{ kind, title, settings, capabilities },
    ...(sample && { sample }),
    ...bound(definition, ['peek', 'published', 'sources']),
    parse: async (original, given) => checked('parse', await definition.parse(original, given)),
    ...(readAsAppeal && {
      readAsAppeal: async (original, given) =>
        checked('readAsAppeal', await readAsAppeal.call(definition, original, given)) as InboundAppeal,
    }),
    ...(split && { split: (container, given) => checkedParts(split.call(definition, container, given)) }),
    open: async context =>
      checkedChannel(
        await definition.open({
          ...context,
          accept: async (originals, after) => context.accept(checkedOriginals(originals), after),
        }),
      ),
  };
}

/** The members of these names that are there, for callers who know nothing of the object of a class that they belong to. */
function bound<T extends object, K extends keyof T>(owner: T, names: readonly K[]): Pick<T, K> {
  const found = names.flatMap(name => {
    const member = owner[name];
    return typeof member === 'function' ? [[name, member.bind(owner)] as const] : [];
  });
  return Object.fromEntries(found) as Pick<T, K>;
}

const READ = { parse: inboundMessageSchema, readAsAppeal: inboundAppealSchema } as const;

function checked(by: keyof typeof READ, message: unknown): InboundMessage {
  const { error, value } = READ[by].validate(message, { convert: false });
  if (error !== undefined) throw new WrongAnswer([by, ...(error.details[0]?.path ?? [])], 'is not as it has to be');
  if (value === undefined) throw new WrongAnswer([by], 'gave nothing');
  return value as InboundMessage;
}

async function* checkedParts(parts: Iterable<Original> | AsyncIterable<Original>): AsyncIterable<Original> {
  for await (const part of parts) yield checkedOriginal(part, ['split']);
}

function checkedOriginals(originals: unknown): readonly Original[] {
  if (!Array.isArray(originals)) throw new WrongAnswer(['accept'], 'takes a list of originals');
  return originals.map((original, at) => checkedOriginal(original, ['accept', at]));
}

const LONGEST_ID = 1000;

function checkedOriginal(original: unknown, place: readonly (string | number)[]): Original {
  const wrong = (field: string, what: string) => new WrongAnswer([...place, field], what);
  if (!isRecord(original)) throw new WrongAnswer(place, 'is no original');
  const { platformId, sender, body, mediaType, meta, files } = original;
  // Signs that no text holds become one and the same on the way to the store, and two messages would be one.
  if (!isText(platformId, 1)) throw wrong('platformId', `has to be a text of 1 to ${LONGEST_ID} characters`);
  if (sender !== null && !isText(sender, 0)) throw wrong('sender', 'has to be a text, or null where there is none');
  if (!(body instanceof Uint8Array)) throw wrong('body', 'has to be bytes');
  if (typeof mediaType !== 'string') throw wrong('mediaType', 'has to be a text');
  if (!isRecord(meta) || Object.values(meta).some(value => typeof value !== 'string')) {
    throw wrong('meta', 'has to be an object of texts');
  }
  if (files !== undefined && !(Array.isArray(files) && files.every(isFile))) {
    throw wrong('files', 'has to be a list of files with name, mediaType, sha256 and bytes');
  }
  return original as unknown as Original;
}

function isText(value: unknown, least: number): boolean {
  return typeof value === 'string' && value.length >= least && value.length <= LONGEST_ID && value.isWellFormed();
}

function isFile(file: unknown): boolean {
  if (!isRecord(file)) return false;
  const { name, mediaType, sha256, bytes } = file;
  const named = typeof name === 'string' && typeof mediaType === 'string';
  return named && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) && bytes instanceof Uint8Array;
}

function checkedChannel(channel: unknown): OpenChannel {
  if (!isRecord(channel)) throw new WrongAnswer(['open'], 'has to give an object');
  const open = channel as unknown as OpenChannel;
  if (typeof open.close !== 'function') throw new WrongAnswer(['open', 'close'], 'has to be a function');
  const { webhook, notes } = open;
  return {
    ...bound(open, ['poll', 'listen', 'reply', 'importFile', 'check', 'fetchAttachment', 'close']),
    ...(webhook && {
      webhook: async (request: WebhookRequest) => checkedAnswer(await webhook.call(open, request)),
    }),
    ...(notes && { notes: () => checkedNotes(() => notes.call(open)) }),
  };
}

/** Asked for whenever the state of any channel is shown, so a defect in it is shown there, and keeps no other's from being shown. */
function checkedNotes(ask: () => unknown): readonly string[] {
  try {
    const notes = ask();
    if (Array.isArray(notes) && notes.every(note => typeof note === 'string')) return notes;
    return ['channel.bug'];
  } catch {
    return ['channel.bug'];
  }
}

function checkedAnswer(answer: unknown): WebhookAnswer {
  if (!isRecord(answer)) throw new WrongAnswer(['webhook'], 'has to give an answer');
  const { status, headers = {}, body } = answer;
  if (!(Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599)) {
    throw new WrongAnswer(['webhook', 'status'], 'has to be 200 to 599');
  }
  if (!isRecord(headers) || Object.values(headers).some(value => typeof value !== 'string' || /[\r\n]/.test(value))) {
    throw new WrongAnswer(['webhook', 'headers'], 'has to be an object of texts of one line');
  }
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) {
    throw new WrongAnswer(['webhook', 'body'], 'has to be a text or bytes');
  }
  return answer as unknown as WebhookAnswer;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
