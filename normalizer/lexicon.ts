// All word lists of the rulebook as one automaton: every list is searched in one pass over the text.
import { automatonOf, COLUMNS, FAIL, FOLLOWERS, FROM, fold, followerBit, slotOf, TO } from './automaton.ts';

/** A family of words that compete with each other: the longest wins, words inside it are not seen. */
export type Family =
  | 'type'
  | 'category'
  | 'urgency'
  | 'context'
  | 'signal'
  | 'triage'
  | 'privacy'
  | 'place'
  | 'ending'
  | 'name'
  | 'spam';

/** One word found: `item` is what its list says it means, positions are UTF-16 offsets into the searched text. */
export interface Hit<Item> {
  readonly item: Item;
  readonly start: number;
  readonly end: number;
  /** True when it is two words with something between them. */
  readonly gap: boolean;
  /** Where the second of two begins; of one word where it begins. */
  readonly tail: number;
}

export interface LexiconEntry<Item> {
  readonly family: Family;
  readonly word: string;
  readonly item: Item;
}

export interface Lexicon<Item> {
  /** Finds all words, in families, each in order of its start; linear in the text. */
  scan(text: string): ReadonlyMap<Family, readonly Hit<Item>[]>;
  readonly states: number;
}

/** Between the two halves of `A…B`. */
const GAP = '…';
/** Longest text between the two halves. */
const GAP_LENGTH = 10;
/** More hits than this in one family say nothing new, and keep hostile text cheap. */
const MOST_HITS = 2000;

/** A word, or one half of two with something between them. */
interface Part {
  readonly entry: number;
  readonly text: string;
  /** -1 for a whole word; otherwise the number of the pair, `tail` telling which half. */
  readonly pair: number;
  readonly tail: boolean;
}

function partsOf(entries: readonly LexiconEntry<unknown>[]): Part[] {
  let pairs = 0;
  return entries.flatMap(({ word }, entry): Part[] => {
    const at = word.indexOf(GAP);
    if (at < 0) return [{ entry, text: word, pair: -1, tail: false }];
    const pair = pairs++;
    return [
      { entry, text: word.slice(0, at), pair, tail: false },
      { entry, text: word.slice(at + GAP.length), pair, tail: true },
    ];
  });
}

/** What was found of one family in one text, kept in order of its start, the longer before the shorter. */
class Found {
  #starts = new Int32Array(32);
  #ends = new Int32Array(32);
  #parts = new Uint16Array(32);
  #size = 0;

  get empty(): boolean {
    return this.#size === 0;
  }

  clear(): void {
    this.#size = 0;
  }

  /** Hits come in order of their end, so that each has few to pass. */
  add(part: number, start: number, end: number): void {
    if (this.#size === MOST_HITS) return;
    if (this.#size === this.#starts.length) this.#grow();
    const [starts, ends, parts] = [this.#starts, this.#ends, this.#parts];
    let at = this.#size++;
    while (at > 0 && (starts[at - 1]! > start || (starts[at - 1] === start && ends[at - 1]! < end))) {
      starts[at] = starts[at - 1]!;
      ends[at] = ends[at - 1]!;
      parts[at] = parts[at - 1]!;
      at--;
    }
    starts[at] = start;
    ends[at] = end;
    parts[at] = part;
  }

  /** Those that lie in no longer one. */
  longest<Item>(hitOf: (part: number, start: number, end: number) => Hit<Item>): Hit<Item>[] {
    const kept: Hit<Item>[] = [];
    let reach = -1;
    let reachStart = -1;
    for (let at = 0; at < this.#size; at++) {
      const start = this.#starts[at]!;
      const end = this.#ends[at]!;
      if (end <= reach && !(end === reach && start === reachStart)) continue;
      kept.push(hitOf(this.#parts[at]!, start, end));
      reach = end;
      reachStart = start;
    }
    return kept;
  }

  #grow(): void {
    const size = this.#starts.length * 2;
    const larger = <A extends Int32Array | Uint16Array>(of: A, into: A): A => {
      into.set(of);
      return into;
    };
    this.#starts = larger(this.#starts, new Int32Array(size));
    this.#ends = larger(this.#ends, new Int32Array(size));
    this.#parts = larger(this.#parts, new Uint16Array(size));
  }
}

function sentenceBreak(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x3002 || code === 0xff01 || code === 0xff1f || code === 0xff1b || code === 10) {
      return true;
    }
  }
  return false;
}

/** Compiles the entries. Words are matched in clean text (simplified, half-width); capitals do not matter. */
export function compileLexicon<Item>(entries: readonly LexiconEntry<Item>[]): Lexicon<Item> {
  const parts = partsOf(entries);
  const { root, states, table, mask, outputs, count } = automatonOf(parts.map(({ text }) => text));
  const families = [...new Set(entries.map(({ family }) => family))];
  const familyOf = Uint8Array.from(parts, ({ entry }) => families.indexOf(entries[entry]!.family));
  const lengths = Uint16Array.from(parts, ({ text }) => text.length);
  const pairs = Int32Array.from(parts, ({ pair }) => pair);
  const tails = Uint8Array.from(parts, ({ tail }) => (tail ? 1 : 0));
  // Where the head of each pair was last seen in the text of this scan, and what was found; one text at a time.
  const headStarts = new Int32Array(parts.length - entries.length);
  const headEnds = new Int32Array(parts.length - entries.length);
  const found = families.map(() => new Found());

  function step(from: number, code: number): number {
    for (let state = from; state !== 0; state = states[state * COLUMNS + FAIL]!) {
      if ((states[state * COLUMNS + FOLLOWERS]! & followerBit(code)) === 0) continue;
      const key = (state << 16) | code;
      for (let slot = slotOf(key, mask); table[slot * 2] !== 0; slot = (slot + 1) & mask) {
        if (table[slot * 2] === key) return table[slot * 2 + 1]!;
      }
    }
    return root[code]!;
  }

  /** Where what ends here begins; -1 where it is no hit: a first half, or a second one that is too far from its first. */
  function startOf(text: string, part: number, end: number): number {
    const start = end - lengths[part]!;
    const pair = pairs[part]!;
    if (pair < 0) return start;
    if (tails[part] === 0) {
      headStarts[pair] = start;
      headEnds[pair] = end;
      return -1;
    }
    const headEnd = headEnds[pair]!;
    const apart = headEnd < 0 || start < headEnd || start - headEnd > GAP_LENGTH || sentenceBreak(text, headEnd, start);
    return apart ? -1 : headStarts[pair]!;
  }

  const hitOf = (part: number, start: number, end: number): Hit<Item> => ({
    item: entries[parts[part]!.entry]!.item,
    start,
    end,
    gap: pairs[part]! >= 0,
    tail: end - lengths[part]!,
  });

  function scan(text: string): ReadonlyMap<Family, readonly Hit<Item>[]> {
    for (const one of found) one.clear();
    headEnds.fill(-1);
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      state = step(state, fold(text.charCodeAt(i)));
      const to = states[state * COLUMNS + TO]!;
      for (let at = states[state * COLUMNS + FROM]!; at < to; at++) {
        const part = outputs[at]!;
        const start = startOf(text, part, i + 1);
        if (start >= 0) found[familyOf[part]!]!.add(part, start, i + 1);
      }
    }
    const hits = new Map<Family, Hit<Item>[]>();
    families.forEach((family, at) => {
      if (!found[at]!.empty) hits.set(family, found[at]!.longest(hitOf));
    });
    return hits;
  }

  return { scan, states: count };
}
