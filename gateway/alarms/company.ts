// 各进程: what each process of several says of itself at every look, kept in one value of the store, and which of them tells people.
import type { Store } from '../../store/store.ts';
import type { Role } from '../role.ts';
import type { OwnFacts } from './rules.ts';

/** What a process said of itself last. */
export interface ProcessWord {
  /** Of one run of one process. */
  readonly id: string;
  /** For people: its machine and its number there. */
  readonly name: string;
  readonly role: Role;
  readonly at: number;
  /** Milliseconds between two looks of it. */
  readonly everyMs: number;
  readonly facts: OwnFacts;
  /** Messages that came in here since its start, by channel. */
  readonly arrived: Readonly<Record<string, number>>;
}

export interface Company {
  readonly id: string;
  readonly name: string;
  /** Says it to the others. Answers what each of those that run said last, this one among them, and whether it is this one that
   *  tells people: one of them does, for as long as it comes. Rejects with `StoreUnavailable`. */
  meet(word: ProcessWord): Promise<{ readonly words: readonly ProcessWord[]; readonly tells: boolean }>;
  /** Is not missed by the others; another one tells people at once. */
  leave(now: number): Promise<void>;
}

const BOARD = 'processes';
const TELLS = 'alarms';
/** Whoever has said nothing for so long is gone. */
const GONE_MS = 60_000;
/** And tells people no more after so long; at least three looks. */
const TELLS_MS = 30_000;
/** Others may say something in the same moment; whoever comes too late so often says it at his next look. */
const TRIES = 20;

type Admin = Pick<Store['admin'], 'meta' | 'setMeta' | 'lease'>;

/** @param id machine, process and something of its own, with colons between them */
export function createCompany(admin: Admin, shared: { release(token: string): Promise<void> }, id: string): Company {
  let token: string | null = null;
  return {
    id,
    name: id.slice(0, id.lastIndexOf(':')),
    async meet(word) {
      const words = await put(admin, word.at, id, word);
      token = await admin.lease(TELLS, id, word.at, Math.max(TELLS_MS, 3 * word.everyMs));
      return { words, tells: token !== null };
    },
    async leave(now) {
      await put(admin, now, id, null);
      if (token !== null) await shared.release(token);
    },
  };
}

/** Those that run, as they said last; none where no process shares the store. */
export async function readCompany(admin: Pick<Admin, 'meta'>, now: number): Promise<readonly ProcessWord[]> {
  return wordsOf(await admin.meta(BOARD)).filter(word => isThere(word, now));
}

async function put(admin: Admin, now: number, id: string, word: ProcessWord | null): Promise<readonly ProcessWord[]> {
  for (let tried = 1; ; tried++) {
    const text = await admin.meta(BOARD);
    const others = wordsOf(text).filter(one => one.id !== id && isThere(one, now));
    const words = word === null ? others : [...others, word];
    const put = await admin.setMeta(BOARD, JSON.stringify({ v: 1, words }), text);
    if (put || tried === TRIES) return words;
  }
}

function isThere({ at, everyMs }: ProcessWord, now: number): boolean {
  return now - at < Math.max(GONE_MS, 3 * everyMs);
}

function wordsOf(text: string | null): readonly ProcessWord[] {
  if (text === null) return [];
  const kept = JSON.parse(text) as { readonly v?: number; readonly words?: readonly ProcessWord[] };
  return kept.v === 1 ? (kept.words ?? []) : [];
}
