// A city's store to be moved: tickets, follow-ups, conversations, quarantine, holds, deliveries, files, records.
import { createHash } from 'node:crypto';
import type { Facts } from '../../../normalizer/facts.ts';
import { encodeFacts } from '../../../store/facts-codec.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';
import type { CommitRow, Store } from '../../../store/store.ts';
import { born, decision, entry, hex, message, NOW, numberOf, SYSTEM, ticketOf } from '../../contracts/store-rows.ts';

const AT_ONCE = 250;
const WORDS = 4000;

/** Terms drawn from the name, so that some tickets share some. */
export function factsOf(name: string): Facts {
  const digest = createHash('sha512').update(name).digest();
  const terms = new Set<number>();
  for (let at = 0; at < 48; at += 2) terms.add(Math.imul((digest.readUInt16LE(at) % WORDS) + 1, 0x9e37_79b1) >>> 0);
  const sorted = Uint32Array.from([...terms].sort((a, b) => a - b));
  return {
    terms: sorted,
    weights: Uint8Array.from(sorted, (_, i) => 40 + ((i * 37) % 200)),
    requesterKeys: [digest.toString('hex', 0, 8)],
    placeKeys: new Uint32Array(0),
    division: '220502',
    topics: new Int8Array(0),
    titleRuns: new Uint16Array(0),
    textHash: digest.readUInt32LE(0),
    length: 40,
    acceptedAt: NOW,
  };
}

function rowOf(i: number): CommitRow {
  const name = `t${i}`;
  if (i % 23 === 7) return decision(name, { kind: 'quarantined', reason: 'parser.died' });
  if (i % 10 === 3) {
    const of = numberOf(`t${i - 1}`);
    const outbox = [entry(name, 'ticket.followed-up', { ticket: of, lane: `lane ${i}` })];
    return decision(name, { kind: 'repeat', of }, { outbox });
  }
  const identityKeys = [hex(`phone ${i % 50}`, 16)];
  const ticket = born(name, { facts: encodeFacts(factsOf(name)), identityKeys, incident: i % 7 === 0 ? 'i1' : null });
  const wanted = i % 20 === 0 ? [{ index: 0, dueAt: NOW }] : [];
  return ticketOf(name, `lane ${i % 40}`, { ticket, wanted, audit: i % 5 === 0 ? SYSTEM : null });
}

async function live(store: Store, i: number): Promise<void> {
  const number = numberOf(`t${i}`);
  const event = { number, at: NOW + i, by: 'case-system', kind: 'progress', note: Buffer.from(`note ${i}`) };
  await store.tickets.add({ ...event, state: 'closed', step: '办结', eventId: `e${i}` }, [], null);
  await store.admin.hold(number, '行政复议', { ...SYSTEM, on: [number] }, NOW);
  await store.blobs.put(hex(`blob ${i}`, 32), Buffer.alloc(3000 + i, i % 256));
}

/** Fills a folder; answers the names of the tickets. */
export async function makeCity(folder: string, auditKey: Buffer, messages: number): Promise<readonly string[]> {
  const store = await openSqliteStore({ folder, auditKey, profile: 'intl' });
  const tickets: string[] = [];
  try {
    for (let from = 0; from < messages; from += AT_ONCE) {
      const places = Array.from({ length: Math.min(AT_ONCE, messages - from) }, (_, i) => from + i);
      await store.messages.accept(
        places.map(i => message(`t${i}`)),
        { channel: 'mail', value: String(from) },
      );
      // The last ones are still unread when the city moves.
      const rows = places.filter(i => i < messages - 5).map(rowOf);
      await store.decisions.commit(rows, null);
      tickets.push(...rows.flatMap(row => (row.ticket === null ? [] : [row.number])));
    }
    for (let i = 0; i < Math.min(40, messages); i += 4) await live(store, i);
    for (const claimed of await store.outbox.claim(NOW, 30, 60_000)) {
      await store.outbox.finish(claimed.id, claimed.token, { at: NOW, caseNumber: `C ${claimed.id}` });
    }
    await store.outbox.claim(NOW, 3, 60_000);
    await store.admin.setMeta('key-check', '{}');
  } finally {
    await store.close();
  }
  return tickets;
}
