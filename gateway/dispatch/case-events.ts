// What the case system reports of a ticket: checked, put in the order of its own times, and added to the ticket's life once.
import { createHash } from 'node:crypto';
import Joi from 'joi';
import { BodyTooLarge, Unauthentic, type WebhookAnswer, type WebhookRequest } from '../../adapters/contract.ts';
import { JsonProblem, readJson } from '../../adapters/kit/json.ts';
import { type Bilingual, both } from '../../adapters/kit/problem.ts';
import { checkBody } from '../../adapters/kit/schema.ts';
import { secretKey, verifyWebhook } from '../../adapters/kit/signature.ts';
import { parseMoment } from '../../normalizer/moment.ts';
import type { Step, TicketState } from '../../normalizer/ticket.ts';
import { Conflict, StoreUnavailable } from '../../store/errors.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store, TicketEvent, TicketRow } from '../../store/store.ts';
import { isErased, sealNote } from '../../store/ticket-seal.ts';
import { foldNumber } from '../number.ts';
import { type CaseEventAnswer, caseEventProblem, notJson } from './case-event-answers.ts';

const CASE_EVENT_TYPES = ['accepted', 'closed', 'reopened'] as const;
export type CaseEventType = (typeof CASE_EVENT_TYPES)[number];

/** One event of the case system. */
export interface CaseEvent {
  /** Their id of the event; the same id again changes nothing. */
  readonly eventId: string;
  /** Our ticket number. */
  readonly number: string;
  readonly type: CaseEventType;
  /** When it happened, RFC 3339 with its offset. Events are put in this order, whatever order they arrive in. */
  readonly at: string;
  readonly caseNumber?: string;
  readonly note?: string;
}

export interface CaseEvents {
  /** Answers one `POST`. Header names in lower case; the body as it came, at most `limit` bytes. */
  handle(headers: Readonly<Record<string, string | undefined>>, rawBody: Uint8Array): Promise<CaseEventAnswer>;
  /** The same for a raw request, as the HTTP side hands it on. */
  webhook(request: WebhookRequest): Promise<WebhookAnswer>;
}

export interface CaseEventsOptions {
  readonly store: Pick<Store, 'tickets'>;
  readonly cipher: FieldCipher;
  /** Secrets valid now, newest first (`caseSystem.events.secrets`); none: every event is refused, and told why. */
  readonly secretsOf: () => readonly string[];
  /** Told why an event was not authentic; its sender is not. */
  readonly forged?: (error: Unauthentic) => void;
  /** Milliseconds since the epoch, by the wall clock (signatures live five minutes). */
  readonly now: () => number;
}

const LIMIT = 64 * 1024;
/** A clock may be ahead of ours by as much as a signature may be old. */
const AHEAD_MS = 300_000;
/** Systems that keep no more than the day of an event name its first second. Retention counts from a closing: one that is
 *  years too old, by a clock that was never set, would have the requester erased at once. */
const BEFORE_MS = 86_400_000;

const LIKE = '2026-11-24T16:40:00+08:00';
/** No case is older, and a day that is none (30 February) would be taken for the one after. */
const FIRST_YEAR = '2000';

const IN_THE_FUTURE: Bilingual = {
  zh: '时间在将来,请核对时钟与时区',
  en: 'is in the future; check the clock and the zone',
};

const BEFORE_THE_TICKET: Bilingual = {
  zh: '早于工单到达的时间,请核对时钟与时区',
  en: 'is before the ticket came; check the clock and the zone',
};

function isMoment(at: string): boolean {
  return parseMoment(at) !== null && !Number.isNaN(Date.parse(at)) && at >= FIRST_YEAR;
}

/** Schema of an event; docs/case-system.md and the OpenAPI page are made of it. */
export const caseEventSchema = Joi.object<CaseEvent, true>({
  eventId: Joi.string().min(1).max(200).required().description('Id of the event; the same id again changes nothing.'),
  number: Joi.string().max(40).required().description('Our ticket number.'),
  type: Joi.string()
    .valid(...CASE_EVENT_TYPES)
    .required()
    .description('accepted 已受理, closed 已办结, reopened 重新办理.'),
  at: Joi.string()
    .pattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/, LIKE)
    .custom((at: string, helpers) => (isMoment(at) ? at : helpers.error('string.pattern.name', { name: LIKE })))
    .required()
    .description('When it happened, RFC 3339 with offset.'),
  caseNumber: Joi.string().trim().min(1).max(200).description('Number of the case in the case system.'),
  note: Joi.string().max(4000).description('Words for the clerks; kept sealed.'),
}).prefs({ convert: false });

const EFFECT: Readonly<Record<CaseEventType, { readonly state: TicketState; readonly step: Step }>> = {
  accepted: { state: 'accepted', step: '受理' },
  closed: { state: 'closed', step: '办结' },
  reopened: { state: 'accepted', step: '办理' },
};
/** Of two events with one time the one that comes later in a case's life is the newer. */
const RANK: Readonly<Record<CaseEventType, number>> = { accepted: 0, closed: 1, reopened: 2 };
const KIND = 'case.';
/** Times a change of the same ticket by somebody else is redone. */
const TRIES = 5;

/** Makes the receiver of the case system's events. */
export function createCaseEvents(options: CaseEventsOptions): CaseEvents {
  const events: CaseEvents = {
    async handle(headers, rawBody) {
      try {
        return await handle(options, headers, rawBody);
      } catch (error) {
        if (!(error instanceof StoreUnavailable || error instanceof Conflict)) throw error;
        return caseEventProblem('case-event.unavailable', {}, { 'retry-after': '5' });
      }
    },
    async webhook(request) {
      const answer = await answerTo(events, request);
      return { status: answer.status, headers: answer.headers, body: JSON.stringify(answer.body) };
    },
  };
  return events;
}

async function answerTo(events: CaseEvents, request: WebhookRequest): Promise<CaseEventAnswer> {
  try {
    return await events.handle(request.headers, await request.body(LIMIT));
  } catch (error) {
    if (error instanceof BodyTooLarge) return caseEventProblem('case-event.too-large');
    throw error;
  }
}

async function handle(
  options: CaseEventsOptions,
  headers: Readonly<Record<string, string | undefined>>,
  rawBody: Uint8Array,
): Promise<CaseEventAnswer> {
  if (rawBody.byteLength > LIMIT) return caseEventProblem('case-event.too-large');
  const keys = options.secretsOf().map(secretKey);
  if (keys.length === 0) return caseEventProblem('case-event.not-set-up');
  const verdict = verifyWebhook({ headers, body: rawBody, keys, now: options.now() });
  if (!verdict.ok) {
    options.forged?.(new Unauthentic('case-event.unauthentic', verdict.fault));
    return caseEventProblem('case-event.unauthentic');
  }
  const read = readEvent(rawBody);
  return 'status' in read ? read : apply(options, read);
}

function readEvent(rawBody: Uint8Array): CaseEvent | CaseEventAnswer {
  let value: unknown;
  try {
    value = readJson(rawBody, { uniqueNames: true });
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    return notJson(error);
  }
  const checked = checkBody<CaseEvent>(caseEventSchema, value);
  return checked.ok ? checked.value : caseEventProblem('case-event.invalid', { errors: checked.errors });
}

async function apply(options: CaseEventsOptions, event: CaseEvent): Promise<CaseEventAnswer> {
  const at = Date.parse(event.at);
  if (at > options.now() + AHEAD_MS) return wrongTime('in-the-future', IN_THE_FUTURE);
  const number = foldNumber(event.number) ?? event.number;
  for (let tried = 1; ; tried++) {
    const row = await options.store.tickets.get(number);
    if (row === null) return caseEventProblem('case-event.unknown-ticket');
    const refused = refusal(row, at);
    if (refused !== null) return refused;
    try {
      return await add(options, row, event, at);
    } catch (error) {
      if (!(error instanceof Conflict) || tried === TRIES) throw error;
    }
  }
}

/** A ticket that was never to be sent cannot have a case, and no case is older than its ticket. */
function refusal(row: TicketRow, at: number): CaseEventAnswer | null {
  if (row.state === 'held' || row.state === 'refused') return caseEventProblem('case-event.not-dispatched');
  return at < row.acceptedAt - BEFORE_MS ? wrongTime('before-the-ticket', BEFORE_THE_TICKET) : null;
}

function wrongTime(code: string, words: Bilingual): CaseEventAnswer {
  return caseEventProblem('case-event.invalid', { errors: [{ pointer: '/at', code, detail: both(words) }] });
}

async function add(options: CaseEventsOptions, row: TicketRow, event: CaseEvent, at: number): Promise<CaseEventAnswer> {
  const newest = isNewest(row, event.type, at);
  // A ticket that was joined to another one keeps that state; what still happens to its case is only noted.
  const effect = newest && row.state !== 'joined' ? EFFECT[event.type] : null;
  const added: TicketEvent = {
    number: row.number,
    at,
    by: 'case-system',
    kind: `${KIND}${event.type}`,
    eventId: event.eventId,
    expect: [row.state],
    ...(effect ?? {}),
    ...(event.caseNumber === undefined ? {} : { caseNumber: event.caseNumber }),
    // Whoever was erased is not to be told by what is written later.
    ...(event.note === undefined || isErased(row)
      ? {}
      : { note: sealedNote(options.cipher, row, event.eventId, event.note) }),
  };
  const audit = { by: 'case-system', action: `ticket.${event.type}`, on: [row.number], why: tag(event.eventId) };
  const result = await options.store.tickets.add(added, [], audit);
  if (result === 'missing') return caseEventProblem('case-event.unknown-ticket');
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: {
      result: result === 'duplicate' ? 'known' : 'recorded',
      number: row.number,
      state: result === 'duplicate' ? row.state : (effect?.state ?? row.state),
    },
  };
}

function sealedNote(cipher: FieldCipher, row: TicketRow, eventId: string, note: string): Uint8Array {
  return sealNote(cipher, cipher.openDataKey(row.wrappedContent), { number: row.number, eventId, note });
}

/** Their ids may hold anything; the audit, which is kept in the clear, gets a hash of it. */
function tag(eventId: string): string {
  return `event ${createHash('sha256').update(eventId).digest('hex').slice(0, 16)}`;
}

/** Whether no event of the case system already known is newer by its own time. */
function isNewest(row: TicketRow, type: CaseEventType, at: number): boolean {
  return row.events.every(known => {
    const knownType = knownTypeOf(known);
    if (knownType === null) return true;
    return known.at < at || (known.at === at && RANK[knownType] <= RANK[type]);
  });
}

function knownTypeOf(event: TicketEvent): CaseEventType | null {
  if (event.by !== 'case-system' || !event.kind.startsWith(KIND)) return null;
  const word = event.kind.slice(KIND.length);
  return CASE_EVENT_TYPES.find(type => type === word) ?? null;
}
