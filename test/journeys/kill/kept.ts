// Reads what a stopped gateway's store holds, through the Store port.
import { join } from 'node:path';
import { type EngineOptions, openStore } from '../../../gateway/engines.ts';
import { createCipher, type FieldCipher } from '../../../store/field-cipher.ts';
import { loadKeyRing } from '../../../store/key-ring.ts';
import { decodeOriginal } from '../../../store/original-codec.ts';
import type { MessageRow, Store } from '../../../store/store.ts';
import { openOriginal } from '../../../store/ticket-seal.ts';
import type { KeptEntry, KeptMessage, KeptTicket } from './oracle.ts';

const PAGE = 1000;

/** Everything of a list that pages by ordinal, newest first. */
async function all<T extends { readonly ordinal: number }>(
  page: (before: number | undefined) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const rows: T[] = [];
  for (let before: number | undefined; ; ) {
    const next = await page(before);
    rows.push(...next);
    before = next.at(-1)?.ordinal;
    if (next.length < PAGE || before === undefined) return rows;
  }
}

/** What the platform calls a message, out of its original. */
async function platformIdOf(store: Store, cipher: FieldCipher, row: MessageRow): Promise<string> {
  const sealed = row.sealed ?? (await store.blobs.get(row.blob as string));
  if (sealed === null) throw new Error(`the original of ${row.number} is gone`);
  return decodeOriginal(openOriginal(cipher, cipher.openDataKey(row.wrappedContent), row.number, sealed)).platformId;
}

/** Numbers of all messages of some channels, by the platform's own id. */
async function numbersOf(
  store: Store,
  cipher: FieldCipher,
  rows: readonly MessageRow[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const numbers = new Map<string, string[]>();
  for (const row of rows) {
    const id = await platformIdOf(store, cipher, row);
    numbers.set(id, [...(numbers.get(id) ?? []), row.number]);
  }
  return numbers;
}

async function gather(store: Store, cipher: FieldCipher, untold: readonly string[]) {
  const messages = await all(before =>
    store.messages.list({ limit: PAGE, ...(before === undefined ? {} : { before }) }),
  );
  const tickets = await all(before => store.tickets.list({ limit: PAGE, ...(before === undefined ? {} : { before }) }));
  const states = ['due', 'parked', 'in-flight', 'done', 'dead', 'void'] as const;
  const entries = await Promise.all(states.map(state => store.outbox.list({ state, limit: 1_000_000 })));
  const byPlatformId = await numbersOf(
    store,
    cipher,
    messages.filter(({ channel }) => untold.includes(channel)),
  );
  return {
    byPlatformId,
    messages: messages.map(({ number, state, outcome }): KeptMessage => ({ number, state, outcome })),
    tickets: tickets.map(({ number, urgency, state }): KeptTicket => ({ number, urgency, state })),
    entries: entries.flat().map(({ id, kind, ticket, state }): KeptEntry => ({ id, kind, ticket, state })),
    auditBroken: (await store.admin.auditVerify()).broken,
  };
}

/**
 * Opens the store of a crash run's folder, reads it and closes it again.
 * @param untold channels whose platforms are told no numbers
 */
export async function readKept(
  folder: string,
  untold: readonly string[],
  mongo: EngineOptions['mongo'] = null,
): Promise<Awaited<ReturnType<typeof gather>>> {
  const data = join(folder, 'data');
  const ring = loadKeyRing({ file: join(folder, 'keys.json'), env: {}, dataFolder: data });
  const fatal: Error[] = [];
  const { store } = await openStore({
    mongo,
    folder: data,
    auditKey: Buffer.from(ring.macs.audit!),
    profile: ring.profile,
    groupCommitMs: 0,
    onFatal: error => fatal.push(error),
  });
  try {
    const kept = await gather(store, createCipher(ring), untold);
    if (fatal[0] !== undefined) throw fatal[0];
    return kept;
  } finally {
    await store.close();
  }
}
