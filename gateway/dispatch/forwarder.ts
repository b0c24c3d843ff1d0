// Takes one entry to the case system and writes down what became of it: finished, due again, or a dead letter.
import { setTimeout as delay } from 'node:timers/promises';
import type { CaseSystemSettings } from '../../config/case-system.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { ClaimedEntry, Store } from '../../store/store.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { type Failure, maskedWords, type Verdict } from './answer.ts';
import type { Breaker } from './breaker.ts';
import type { CaseSystem } from './case-system.ts';
import { type CauseCode, causeText } from './causes.ts';
import type { Clock } from './clock.ts';
import { type BuiltEntry, type EntrySource, EntryUnbuildable } from './entry-source.ts';
import { notBefore, retryDelayMs } from './retry.ts';

export interface ForwarderOptions {
  readonly store: Pick<Store, 'outbox' | 'admin'>;
  readonly source: EntrySource;
  readonly target: CaseSystem;
  readonly breaker: Breaker;
  readonly settings: Pick<CaseSystemSettings, 'retry'>;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, for the jitter. Default `Math.random`. */
  readonly random?: () => number;
}

export interface Forwarder {
  /** One try; never rejects for what the case system, the store or an entry's content does. */
  forward(entry: ClaimedEntry): Promise<Tried>;
  /** Writes down what became of it; never rejects for what the store does. */
  record(tried: Tried): Promise<void>;
}

/** What is known after one try. */
export interface Tried {
  readonly entry: ClaimedEntry;
  readonly result: Result;
  /** Masks the other side's words before they are kept. */
  readonly mask: (text: string) => string;
}

/** `paused`: the circuit is open and nothing was sent. */
type Result = Verdict | { readonly kind: 'paused' };

const UNMASKED = (text: string): string => text;

/** Times an answer that the case system gave is offered to a store that does not answer. */
const WRITE_TRIES = 4;

/** 转办器. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const random = options.random ?? Math.random;
  const cases = createCases(options.log);
  return {
    async forward(entry) {
      try {
        return await forwardEntry(options, entry);
      } catch (error) {
        // A defect of ours must not take the entry with it, nor the entries behind it.
        options.log.bug('dispatch.internal', error, { entry: entry.id });
        return { entry, result: failureOf('dispatch.internal'), mask: UNMASKED };
      }
    },
    async record(tried) {
      cases.note(tried);
      await record(options, tried, random);
    },
  };
}

/** Case numbers remembered; the first to come is the first to go. */
const REMEMBERED = 4096;

/** Two tickets with one case: a path that leads to something else than the number, or two citizens' matters taken for one. */
function createCases(log: Log) {
  const ticketOf = new Map<string, string>();
  const told = new Set<string>();
  return {
    note({ entry, result }: Tried): void {
      if (result.kind !== 'delivered' || result.caseNumber === null || entry.kind !== 'ticket.created') return;
      const { caseNumber } = result;
      const ticket = ticketOf.get(caseNumber) ?? entry.ticket;
      if (ticket !== entry.ticket && !told.has(caseNumber)) {
        told.add(caseNumber);
        log.warn('dispatch.case-number-twice', { ticket: entry.ticket, number: ticket });
      }
      ticketOf.set(caseNumber, ticket);
      for (const known of [ticketOf, told]) if (known.size > REMEMBERED) known.delete(known.keys().next().value ?? '');
    },
  };
}

async function forwardEntry(options: ForwarderOptions, entry: ClaimedEntry): Promise<Tried> {
  if (options.breaker.room() === 0) return { entry, result: { kind: 'paused' }, mask: UNMASKED };
  if (!options.target.takes(entry.kind)) {
    return { entry, result: { kind: 'delivered', caseNumber: null, status: 0 }, mask: UNMASKED };
  }
  let built: BuiltEntry;
  try {
    built = await options.source.build(entry);
  } catch (error) {
    return { entry, result: unbuildable(error), mask: UNMASKED };
  }
  const verdict = await options.breaker.run(() => askThenSend(options, entry, built), isTargetFailure);
  // An arrival has no words to mask, and what masks them holds all of the ticket while it waits to be written down.
  const mask = verdict?.kind === 'delivered' ? UNMASKED : built.mask;
  return { entry, result: verdict ?? { kind: 'paused' }, mask };
}

/** An entry whose outcome is unknown is looked up first, where the case system can be asked. */
async function askThenSend(options: ForwarderOptions, entry: ClaimedEntry, built: BuiltEntry): Promise<Verdict> {
  if (entry.unknown) {
    const answer = await options.target.lookUp(entry);
    if (answer?.kind === 'found') return { kind: 'delivered', caseNumber: answer.caseNumber, status: 200 };
    if (answer?.kind === 'unclear') return { ...answer, kind: 'unknown' };
    if (answer?.kind === 'not-found') return send(options, entry, built);
  }
  const verdict = await send(options, entry, built);
  // Without a look-up an earlier attempt stays unknown, whatever this one was told.
  return entry.unknown && verdict.kind === 'unavailable' ? { ...verdict, kind: 'unknown' } : verdict;
}

async function send(options: ForwarderOptions, entry: ClaimedEntry, built: BuiltEntry): Promise<Verdict> {
  if (built.identity.length > 0) {
    const why = `${options.target.target} ${built.identity.join(',')}`;
    // Written before it goes out: an identity that left without a trace could never be accounted for.
    try {
      const note = { by: 'system', action: 'identity.forward', on: [entry.ticket], why };
      await options.store.admin.audit(note, options.clock.now());
    } catch (error) {
      if (error instanceof StoreUnavailable) return failureOf('dispatch.store');
      throw error;
    }
  }
  return options.target.send(built.body);
}

/** A refusal is an answer; everything else that is no delivery tells against the target. */
function isTargetFailure(verdict: Verdict): boolean {
  return verdict.kind === 'unavailable' || verdict.kind === 'unknown';
}

function unbuildable(error: unknown): Verdict {
  if (error instanceof EntryUnbuildable) return { ...failureOf(error.code), kind: 'refused' };
  if (error instanceof StoreUnavailable) return failureOf('dispatch.store');
  throw error;
}

function failureOf(code: CauseCode): { readonly kind: 'unavailable' } & Failure {
  return { kind: 'unavailable', code, status: null, detail: null, retryAfterMs: null };
}

async function record(options: ForwarderOptions, tried: Tried, random: () => number): Promise<void> {
  const { entry, result, mask } = tried;
  const { store, clock, log } = options;
  const at = clock.now();
  const answer =
    result.kind === 'delivered'
      ? () => store.outbox.finish(entry.id, entry.token, { at, caseNumber: result.caseNumber })
      : () => store.outbox.fail(entry.id, entry.token, failureFor(options, entry, result, { at, random, mask }));
  const written = await writeDown(answer);
  if (written instanceof StoreUnavailable) {
    // Its lease runs out, it is sent again under the same key, and the case system knows it.
    log.fail('dispatch.unrecorded', written, { entry: entry.id });
  } else if (written === 'lost-lease') {
    log.warn('dispatch.lost-lease', { entry: entry.id });
  } else if (result.kind === 'refused') {
    log.warn('dispatch.dead-letter', { entry: entry.id, code: result.code, status: result.status });
  }
}

function failureFor(
  options: ForwarderOptions,
  entry: ClaimedEntry,
  result: Exclude<Result, { kind: 'delivered' }>,
  { at, random, mask }: { at: number; random: () => number; mask: (text: string) => string },
) {
  const { settings, breaker } = options;
  if (result.kind === 'paused') {
    const retryAt = at + Math.max(breaker.waitMs(), 1);
    // What went wrong before says more than that sending is paused.
    const cause = entry.cause ?? causeText('dispatch.circuit-open', null);
    return { at, retryAt, cause, unknown: entry.unknown, counted: false };
  }
  const detail = result.detail ?? (result.status === null ? null : `HTTP ${result.status}`);
  const cause = causeText(result.code, detail === null ? null : maskedWords(mask(detail)));
  if (result.kind === 'refused') return { at, retryAt: null, cause, unknown: entry.unknown };
  const counted = countsAgainst(result, breaker);
  const own = retryDelayMs(entry.attempts + 1, settings.retry, random());
  // A probe waits by the schedule too, so that the next probe is another entry.
  const wait = own ?? (counted ? null : settings.retry.every * 1000);
  const retryAt = wait === null ? null : at + notBefore(wait, result.retryAfterMs, settings.retry);
  return { at, retryAt, cause, unknown: result.kind === 'unknown', counted };
}

/**
 * While the circuit is open the target as a whole is down, so its probes burn no attempts of the entries they are made with.
 * An answer 500 counts all the same: it may be this entry that breaks them.
 */
function countsAgainst(result: Failure, breaker: Breaker): boolean {
  if (result.code === 'dispatch.store') return false;
  return breaker.state === 'closed' || result.code === 'case-system.failed';
}

/** Offers the outcome to the store a few times: what is not written down has to be sent again. */
async function writeDown<T>(write: () => Promise<T>): Promise<T | StoreUnavailable> {
  for (let tried = 1; ; tried++) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      if (tried === WRITE_TRIES) return error;
      await delay(250 * tried);
    }
  }
}
