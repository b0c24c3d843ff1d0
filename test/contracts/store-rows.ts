// Rows for the store's contract suite, and opening a store for each of its cases.

import { createHash } from 'node:crypto';
import { NOTHING_MORE } from '../../store/nothing-more.ts';
import type {
  AcceptRow,
  AuditNote,
  BornRow,
  CommitRow,
  EntryKind,
  NewEntry,
  Outcome,
  Store,
} from '../../store/store.ts';

export interface OpenedStore {
  readonly store: Store;
  /** Ends the process' hold on the store without finishing anything and opens it again, as after a crash or a restart. */
  reopen(): Promise<Store>;
  /** Closes it and removes what it kept. */
  remove(): Promise<void>;
}

export type OpenStore = () => Promise<OpenedStore>;

/** A case of the suite with a store of its own. */
export function withStore(
  open: OpenStore,
  run: (store: Store, opened: OpenedStore) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const opened = await open();
    try {
      await run(opened.store, opened);
    } finally {
      await opened.remove();
    }
  };
}

export const NOW = Date.UTC(2026, 10, 24, 1, 0, 0);
export const SYSTEM: AuditNote = { by: 'system', action: 'test.step', on: [] };

export function hex(text: string, bytes: number): string {
  return createHash('sha256')
    .update(text)
    .digest('hex')
    .slice(0, 2 * bytes);
}

/** A message by a short name; everything about it follows from the name, so that two calls give the same row. */
export function message(name: string, more: Partial<AcceptRow> = {}): AcceptRow {
  const lane = more.lane ?? hex(`lane ${name}`, 8);
  return {
    key: hex(`key ${name}`, 16),
    weakKey: null,
    fingerprint: hex(`body ${name}`, 16),
    number: numberOf(name),
    channel: 'app-1',
    shard: Number.parseInt(lane.slice(0, 2), 16) % 64,
    acceptedAt: NOW,
    wrappedContent: Buffer.from(`wrapped ${name}`),
    sealed: Buffer.from(`sealed ${name}`),
    blob: null,
    ...more,
    lane,
  };
}

/** The number `message` gives to a name. */
export function numberOf(name: string): string {
  return `261124${hex(name, 6)}`;
}

export function born(name: string, more: Partial<BornRow> = {}): BornRow {
  return {
    number: numberOf(name),
    state: 'queued',
    channel: 'app-1',
    type: '投诉',
    category: 'city.light',
    urgency: '一般',
    division: '220502',
    confidential: false,
    acceptedAt: NOW,
    closedRepeatOf: null,
    incident: null,
    wrappedIdentity: Buffer.from(`wrapped identity ${name}`),
    born: Buffer.from(`born ${name}`),
    identity: Buffer.from(`identity ${name}`),
    identityKeys: [],
    facts: Buffer.from(`facts ${name}`),
    ...more,
  };
}

export function decision(name: string, outcome: Outcome, more: Partial<CommitRow> = {}): CommitRow {
  return {
    ...NOTHING_MORE,
    number: numberOf(name),
    revision: 0,
    decidedAt: NOW,
    outcome,
    decision: Buffer.from(`decision ${name}`),
    ...more,
  };
}

export function entry(name: string, kind: EntryKind, more: Partial<NewEntry> = {}): NewEntry {
  return {
    message: numberOf(name),
    revision: 0,
    kind,
    ticket: numberOf(name),
    lane: 'lane',
    urgent: false,
    notBefore: 0,
    afterCreated: kind !== 'ticket.created',
    ...more,
  };
}

export function entryId(name: string, kind: EntryKind, revision = 0): string {
  return `${numberOf(name)}:${revision}:${kind}`;
}

/** A decision that makes a ticket and its created entry in a lane. */
export function ticketOf(name: string, lane: string, more: Partial<CommitRow> = {}): CommitRow {
  return decision(
    name,
    { kind: 'ticket', held: false },
    {
      ticket: born(name),
      outbox: [entry(name, 'ticket.created', { lane })],
      ...more,
    },
  );
}

/** Accepts messages and decides them. */
export async function decided(store: Store, rows: readonly CommitRow[]): Promise<void> {
  const parts = rows.flatMap(row => row.parts);
  const numbers = [...new Set([...parts, ...rows.map(row => row.number)])];
  await store.messages.accept(numbers.map(number => ({ ...message(number), number })));
  const answers = await store.decisions.commit(rows, null);
  if (answers.some(answer => answer !== 'committed')) throw new Error(`not committed: ${answers.join(' ')}`);
}

/** Bytes as text, for comparing whatever kind of byte array an engine answers. */
export function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}

export function numbers(rows: readonly { readonly number: string }[]): string[] {
  return rows.map(row => row.number);
}
