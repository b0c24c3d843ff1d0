// Parts of conversations on their way: gathered, decided together once they are over, and what comes late beside that decision.
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { CommitRow, Store, TicketRow, UnreadRow } from '../../store/store.ts';
import { unscoredLink } from '../unscored-link.ts';
import { type CommitParts, type DraftMessage, followUpRow, undraftedRow } from './commit-rows.ts';
import { createConversations, type Gathered } from './conversations.ts';
import { joinsAsLatePart, ticketForLatePart } from './late-parts.ts';
import type { Reading } from './protocol.ts';
import type { Reading as BeingRead, Read, Together } from './read-batch.ts';

export type PartReading = Extract<Reading, { readonly kind: 'part' }>;

/** Makes rows of what has been read. */
export type RowsOf = (reads: readonly Read[]) => CommitRow[] | Promise<CommitRow[]>;

export interface ConversationParts extends CommitParts {
  readonly store: Pick<Store, 'decisions' | 'messages' | 'tickets'>;
  readonly cipher: FieldCipher;
  readonly now: () => number;
  read(groups: readonly Together[], key: string | null, gathered?: boolean): Promise<readonly BeingRead[]>;
  /** Does something once all that was judged before it is on its way to the store. */
  inTurn(task: () => Promise<void>): void;
  /** Decides on what is being read, in its turn; without `rowsOf` as every message is decided on. */
  decide(reads: Promise<readonly BeingRead[]>, rowsOf?: RowsOf): void;
  /** Resolves when no decision that is on its way by now is so any more. */
  settled(): Promise<void>;
  /** Something may have to be looked at sooner than was thought. */
  lookAgain(): void;
}

export interface ConversationReading {
  /** A part that has been read alone: it waits with the others, or follows the ticket that they became. */
  part(row: UnreadRow, reading: PartReading): Promise<void>;
  /** A conversation, by its key, has been decided on; the row may still be on its way. */
  decided(key: string): void;
  /** Has those decided on that have been quiet long enough by `until`, milliseconds since the epoch. */
  queueDue(until: number): void;
  /** When the next one will be due; null when none is. */
  nextDue(): number | null;
  /** Forgets conversations whose messages fit, and answers their messages' numbers. */
  drop(fits: (row: UnreadRow) => boolean): readonly string[];
}

/** A part of a conversation, read alone. */
interface PartRead {
  readonly row: UnreadRow;
  readonly reading: PartReading;
}

/** Conversations decided lately, for parts that come late while the commit is still on its way. */
const REMEMBERED = 10_000;

export function createConversationReading(parts: ConversationParts): ConversationReading {
  const { store, cipher, now, read, inTurn, decide, settled, lookAgain } = parts;
  const conversations = createConversations();
  /** Keys of conversations that were decided lately: their commits may still be on their way. */
  const ended = new Set<string>();
  /** Conversations with a decision on its way, and the parts that came meanwhile. */
  const deciding = new Map<string, PartRead[]>();
  const isDeciding = (key: string): boolean => deciding.has(key);

  async function part(row: UnreadRow, reading: PartReading): Promise<void> {
    const key = cipher.mac('dedupe', 'conversation', row.lane, reading.key).toString('hex', 0, 16);
    if (deciding.has(key) || conversations.has(key)) return gather(key, row, reading);
    if (ended.has(key)) await settled();
    const ticket = await ticketForLatePart(store, key, row, reading.quietMs);
    if (ticket === null) gather(key, row, reading);
    else follow({ row, reading }, key, ticket);
  }

  function gather(key: string, row: UnreadRow, reading: PartReading): void {
    const late = deciding.get(key);
    if (late !== undefined) return void late.push({ row, reading });
    const over = conversations.add(key, row, reading);
    if (over !== null) queue([over]);
    // The loop may be asleep for longer than this conversation is to be waited for.
    else lookAgain();
  }

  /** Conversations that are over take their place when they are decided. */
  function queue(over: readonly Gathered[]): void {
    for (const { key, rows } of over) {
      deciding.set(key, []);
      decide(withSettledParts(rows).then(all => read([all], key)));
    }
  }

  /** A lead that is read again was gathered before: its parts are decided already and stand in the store. */
  async function withSettledParts(rows: Gathered['rows']): Promise<Gathered['rows']> {
    const [lead, ...rest] = rows;
    if (lead.revision === 0) return rows;
    const settled = (await store.messages.joined(lead.number)).filter(row => row.outcome?.kind === 'part');
    return [lead, ...settled, ...rest];
  }

  /** Read once more, now as an appeal of its own, since the case system is to get its words. */
  function follow(late: PartRead, key: string, ticket: TicketRow): void {
    deciding.set(key, []);
    decide(read([[late.row]], null, true), ready => ready.flatMap(one => followRow(one, late, key, ticket)));
  }

  function followRow({ message, result }: Read, late: PartRead, key: string, ticket: TicketRow): CommitRow[] {
    // Only when the gateway is closing: the next start reads it again.
    if ('died' in result) return [];
    takeLate(key);
    const { reading } = result;
    const decidedAt = now();
    if (reading.kind === 'draft') {
      if (!joinsAsLatePart(cipher, reading.head, ticket)) {
        gather(key, late.row, late.reading);
        return [];
      }
      const draft: DraftMessage = { ...message, head: reading.head, draft: result.draft as Uint8Array };
      const link = unscoredLink('repeat', ticket.number, 'conversation');
      return [followUpRow(parts, draft, ticket.number, [link], decidedAt)];
    }
    if (reading.kind === 'part') throw new Error('what is gathered is read as an appeal');
    return [undraftedRow(cipher, message, reading, decidedAt)];
  }

  function takeLate(key: string): void {
    const late = deciding.get(key) ?? [];
    deciding.delete(key);
    // Another conversation under it may have been due meanwhile.
    if (conversations.has(key)) lookAgain();
    // After the decision that is being made, which they may have to join.
    for (const { row, reading } of late) inTurn(() => part(row, reading));
  }

  return {
    part,
    decided(key) {
      ended.add(key);
      for (const oldest of ended) {
        if (ended.size <= REMEMBERED) break;
        ended.delete(oldest);
      }
      takeLate(key);
    },
    queueDue: until => queue(conversations.due(until, isDeciding)),
    nextDue: () => conversations.nextDue(isDeciding),
    drop: conversations.drop,
  };
}
