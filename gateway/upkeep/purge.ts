// 清理: ends the keeping of what is older than its time, a little at a time; numbers and redelivery keys stay for ever.
import { setTimeout as rest } from 'node:timers/promises';
import type { FileRule, RetentionSettings } from '../../config/retention.ts';
import type { ClosedPlace, ClosedRow, FinishedRow } from '../../store/retention.ts';
import type { AuditNote, MessageRow } from '../../store/store.ts';
import { isErased } from '../../store/ticket-seal.ts';
import { type EraseParts, eraseTickets, type Failed } from './erase.ts';
import { filesOf, removeBlobs } from './originals.ts';

export interface PurgeOrder {
  readonly by: string;
  /** Nothing is changed; what would be is counted. */
  readonly dry: boolean;
  readonly signal: AbortSignal;
  progress(stage: 'originals' | 'identities' | 'files', done: number): void;
}

/** How many; of a dry run, how many would be. */
export interface PurgeReport {
  readonly dry: boolean;
  readonly quarantined: number;
  readonly notAnAppeal: number;
  readonly identities: number;
  readonly files: number;
  /** Tickets and messages on hold, whatever their age. */
  readonly held: number;
  /** Tickets whose requester could not be erased; tried again by the next one. */
  readonly failed: readonly Failed[];
}

const DAY = 86_400_000;
/** Small steps and rests between them, so that intake is not held up. */
const AT_ONCE = 50;
const REST_MS = 10;
/** Tickets whose identity is erased before the index is told. */
const TICKETS_AT_ONCE = 20;

/** Where the sweeps over closed tickets stand, by rule. */
const PLACES = 'purge.places';
/** What a case system tells of late was closed before a place that is long passed: all are gone through again after so long. */
const ANEW_MS = 7 * DAY;

interface Place extends ClosedPlace {
  /** When the sweep began with the first of all. */
  readonly since: number;
}

/** The clock is the caller's to check before. */
export async function purge(parts: EraseParts, settings: RetentionSettings, order: PurgeOrder): Promise<PurgeReport> {
  const at = parts.now();
  const { quarantined, notAnAppeal } = await purgeOriginals(parts, at - settings.originalDays * DAY, order);
  const { identityDaysAfterClose: days } = settings;
  const failed: Failed[] = [];
  const identities = days === null ? 0 : await purgeIdentities(parts, at - days * DAY, order, failed);
  let files = 0;
  for (const rule of settings.attachments) files += await purgeFiles(parts, rule, at - rule.days * DAY, order);
  const { admin } = parts.store;
  if (!order.dry && quarantined + notAnAppeal + identities + files > 0) await admin.scrub();
  const held = (await admin.holds()).length;
  return { dry: order.dry, quarantined, notAnAppeal, identities, files, held, failed };
}

async function purgeOriginals(parts: EraseParts, until: number, { by, dry, signal, progress }: PurgeOrder) {
  const { admin } = parts.store;
  const found = { quarantined: 0, notAnAppeal: 0 };
  for (let after: FinishedRow | null = null; ; await rest(REST_MS)) {
    signal.throwIfAborted();
    const rows: readonly FinishedRow[] = await admin.finished(until, after, AT_ONCE);
    const done = dry ? rows : await shredAll(parts, rows, { by, action: 'purge.originals' });
    for (const { kind } of done) found[kind === 'quarantined' ? 'quarantined' : 'notAnAppeal']++;
    progress('originals', found.quarantined + found.notAnAppeal);
    after = rows.at(-1) ?? null;
    if (rows.length < AT_ONCE) return found;
  }
}

/** Files first: once the key is gone nobody knows their names any more. Answers those that went. */
export async function shredAll(
  parts: EraseParts,
  rows: readonly FinishedRow[],
  note: Omit<AuditNote, 'on'>,
): Promise<readonly FinishedRow[]> {
  const { messages, admin } = parts.store;
  for (const { number } of rows) {
    const lead = await messages.get(number);
    const gathered = (await messages.joined(number)).filter(row => row.outcome?.kind === 'part');
    for (const row of lead === null ? [] : [lead, ...gathered]) await removeBlobs(parts, row);
  }
  const items = rows.map(({ number }) => ({ number, extent: 'all' as const }));
  const answers = await admin.shred(items, { ...note, on: [] }, parts.now());
  return rows.filter((_, place) => answers[place] === 'shredded');
}

async function purgeIdentities(parts: EraseParts, until: number, order: PurgeOrder, failed: Failed[]): Promise<number> {
  let erased = 0;
  await overClosed(parts, { rule: 'identity', until, atOnce: TICKETS_AT_ONCE }, order, async numbers => {
    const rows = await Promise.all(numbers.map(number => parts.store.tickets.get(number)));
    const wanted = rows.flatMap(row => (row === null || isErased(row) ? [] : [row.number]));
    if (order.dry) {
      erased += wanted.length;
      order.progress('identities', erased);
      return [];
    }
    const why = 'retention.identityDaysAfterClose';
    const report = await eraseTickets(parts, wanted, { by: order.by, why, everybody: true });
    erased += report.tickets.length;
    failed.push(...report.failed);
    order.progress('identities', erased);
    return report.failed.map(({ number }) => number);
  });
  return erased;
}

async function purgeFiles(parts: EraseParts, rule: FileRule, until: number, order: PurgeOrder): Promise<number> {
  let removed = 0;
  await overClosed(parts, { rule: `files ${rule.type}`, until, atOnce: AT_ONCE }, order, async numbers => {
    const before = removed;
    for (const number of numbers) removed += await removeFiles(parts, rule, number, order.dry);
    order.progress('files', removed);
    if (order.dry || removed === before) return [];
    const note = { by: order.by, action: 'purge.files', on: numbers, why: rule.type };
    await parts.store.admin.audit(note, parts.now());
    return [];
  });
  return removed;
}

/** Fetched ones, and those that came with the originals of the ticket and its follow-ups. */
async function removeFiles(parts: EraseParts, { type }: FileRule, number: string, dry: boolean): Promise<number> {
  const { store, now } = parts;
  const lead = await store.messages.get(number);
  let removed = 0;
  for (const row of lead === null ? [] : [lead, ...(await store.messages.joined(number))]) {
    for (const file of await store.admin.attachments(row.number)) {
      if (file.blob === null || !isOfType(file.mediaType, type)) continue;
      removed++;
      if (dry) continue;
      await store.blobs.remove(file.blob);
      const gone = { ...file, state: 'failed' as const, blob: null, cause: 'attachment.purged' };
      await store.admin.settleAttachment(gone, now());
    }
    removed += await removeRequestFiles(parts, row, type, dry);
  }
  return removed;
}

async function removeRequestFiles(parts: EraseParts, row: MessageRow, type: string, dry: boolean): Promise<number> {
  let removed = 0;
  for (const { blob, mediaType } of await filesOf(parts, row)) {
    if (!isOfType(mediaType, type) || (await parts.store.blobs.get(blob)) === null) continue;
    removed++;
    if (!dry) await parts.store.blobs.remove(blob);
  }
  return removed;
}

function isOfType(mediaType: string | null, type: string): boolean {
  if (type === '*') return true;
  const plain = (mediaType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return type.endsWith('/*') ? plain.startsWith(type.slice(0, -1)) : plain === type;
}

interface Sweep {
  readonly rule: string;
  readonly until: number;
  readonly atOnce: number;
}

/**
 * Goes on where the last sweep of this rule ended, and not past a ticket whose time is still to come; what was on hold then is looked
 * at again once a hold is lifted.
 * @param each answers those that are to be looked at again
 */
async function overClosed(
  parts: EraseParts,
  { rule, until, atOnce }: Sweep,
  { dry, signal }: PurgeOrder,
  each: (numbers: readonly string[]) => Promise<readonly string[]>,
): Promise<void> {
  const { admin } = parts.store;
  const places = JSON.parse((await admin.meta(PLACES)) ?? '{}') as Record<string, Partial<Place>>;
  const { since, from } = beginning(places[rule] ?? {}, parts.now());
  let isPassing = true;
  for (let after = from; ; await rest(REST_MS)) {
    signal.throwIfAborted();
    const rows: readonly ClosedRow[] = await admin.closed(until, after, atOnce);
    const left = new Set(await each(rows.flatMap(({ number, young }) => (young ? [] : [number]))));
    const stop = rows.findIndex(({ number, young }) => young || left.has(number));
    const passed = isPassing ? rows.at(stop === -1 ? -1 : stop - 1) : undefined;
    if (passed !== undefined && stop !== 0 && !dry) {
      const { closedAt, ordinal } = passed;
      await admin.setMeta(PLACES, JSON.stringify({ ...places, [rule]: { closedAt, ordinal, since } }));
    }
    isPassing &&= stop === -1;
    after = rows.at(-1) ?? null;
    if (rows.length < atOnce) return;
  }
}

/** Where a sweep goes on: behind the last place, or with the first of all. A clock that was set back since says nothing. */
function beginning({ closedAt, ordinal, since }: Partial<Place>, now: number) {
  const isOld = since === undefined || since > now || now - since >= ANEW_MS;
  if (isOld || closedAt === undefined || ordinal === undefined) return { since: now, from: null };
  return { since, from: { closedAt, ordinal } };
}

/** All closed tickets are looked at again; after a hold was lifted. */
export async function sweepAgain({ store }: Pick<EraseParts, 'store'>): Promise<void> {
  await store.admin.setMeta(PLACES, '{}');
}
