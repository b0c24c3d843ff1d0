// All word lists of the rulebook as one automaton (Aho and Corasick): every list is searched in one pass over the text.

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

interface Pending<Item> {
  readonly family: Family;
  readonly item: Item;
  readonly length: number;
  /** -1 for a whole word; otherwise the number of the pair, `tail` telling which half. */
  readonly pair: number;
  readonly tail: boolean;
}

interface Trie<Item> {
  readonly next: Map<number, number>[];
  readonly outputs: (Pending<Item>[] | undefined)[];
}

function insert<Item>(trie: Trie<Item>, word: string, output: Pending<Item>): void {
  let state = 0;
  for (let i = 0; i < word.length; i++) {
    const code = fold(word.charCodeAt(i));
    let target = trie.next[state]!.get(code);
    if (target === undefined) {
      target = trie.next.length;
      trie.next.push(new Map());
      trie.outputs.push(undefined);
      trie.next[state]!.set(code, target);
    }
    state = target;
  }
  trie.outputs[state] = [...(trie.outputs[state] ?? []), output];
}

/** ASCII capitals are read as small letters, so that offsets stay those of the text. */
function fold(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}

function growTrie<Item>(entries: readonly LexiconEntry<Item>[]): Trie<Item> {
  const trie: Trie<Item> = { next: [new Map()], outputs: [undefined] };
  let pairs = 0;
  for (const { family, word, item } of entries) {
    const at = word.indexOf(GAP);
    if (at < 0) {
      insert(trie, word, { family, item, length: word.length, pair: -1, tail: false });
      continue;
    }
    const head = word.slice(0, at);
    const tail = word.slice(at + GAP.length);
    insert(trie, head, { family, item, length: head.length, pair: pairs, tail: false });
    insert(trie, tail, { family, item, length: tail.length, pair: pairs, tail: true });
    pairs++;
  }
  return trie;
}

/** Failure links in breadth-first order; a state also takes over what its failure state finds. */
function linkFailures<Item>(trie: Trie<Item>): Uint32Array {
  const fail = new Uint32Array(trie.next.length);
  const queue: number[] = [...trie.next[0]!.values()];
  for (let head = 0; head < queue.length; head++) {
    const state = queue[head]!;
    for (const [code, target] of trie.next[state]!) {
      let back = fail[state]!;
      while (back !== 0 && !trie.next[back]!.has(code)) back = fail[back]!;
      fail[target] = trie.next[back]!.get(code) ?? 0;
      const inherited = trie.outputs[fail[target]];
      if (inherited !== undefined) trie.outputs[target] = [...(trie.outputs[target] ?? []), ...inherited];
      queue.push(target);
    }
  }
  return fail;
}

/** More states than this do not fit the keys. */
const MOST_STATES = 65_535;

/** Transitions in one open-addressed table: key = state and character, so that a step is one or two array reads. */
function packTransitions<Item>(trie: Trie<Item>) {
  if (trie.next.length > MOST_STATES) throw new RangeError(`the word lists make more than ${MOST_STATES} states`);
  let size = 1024;
  while (size < trie.next.length * 3) size *= 2;
  const keys = new Uint32Array(size);
  const targets = new Uint32Array(size);
  const root = new Uint32Array(65536);
  for (const [code, target] of trie.next[0]!) root[code] = target;
  for (let state = 1; state < trie.next.length; state++) {
    for (const [code, target] of trie.next[state]!) {
      const key = state * 65536 + code;
      let slot = slotOf(state, code, size);
      while (keys[slot] !== 0) slot = (slot + 1) & (size - 1);
      keys[slot] = key;
      targets[slot] = target;
    }
  }
  return { keys, targets, root, size };
}

function slotOf(state: number, code: number, size: number): number {
  return (Math.imul(state, 0x9e3779b1) ^ Math.imul(code, 0x85ebca6b)) & (size - 1);
}

/** Keeps the longest of overlapping hits that lie inside each other, in order of their start. */
function longestOnly<Item>(hits: Hit<Item>[]): Hit<Item>[] {
  if (hits.length < 2) return hits;
  hits.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: Hit<Item>[] = [];
  let reach = -1;
  let reachStart = -1;
  for (const hit of hits) {
    const same = hit.end === reach && hit.start === reachStart;
    if (hit.end <= reach && !same) continue;
    kept.push(hit);
    reach = hit.end;
    reachStart = hit.start;
  }
  return kept;
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
  const trie = growTrie(entries);
  const fail = linkFailures(trie);
  const { keys, targets, root, size } = packTransitions(trie);
  const outputs = trie.outputs;
  const states = trie.next.length;
  const pairs = entries.filter(({ word }) => word.includes(GAP)).length;
  // Where the head of each pair was last seen in the text of this scan; one text at a time.
  const headStarts = new Int32Array(pairs);
  const headEnds = new Int32Array(pairs);

  function step(from: number, code: number): number {
    let state = from;
    while (state !== 0) {
      const key = (state * 65536 + code) >>> 0;
      let slot = slotOf(state, code, size);
      while (keys[slot] !== 0) {
        if (keys[slot] === key) return targets[slot]!;
        slot = (slot + 1) & (size - 1);
      }
      state = fail[state]!;
    }
    return root[code]!;
  }

  function scan(text: string): ReadonlyMap<Family, readonly Hit<Item>[]> {
    const found = new Map<Family, Hit<Item>[]>();
    headEnds.fill(-1);
    let state = 0;
    for (let i = 0; i < text.length; i++) {
      state = step(state, fold(text.charCodeAt(i)));
      const here = outputs[state];
      if (here === undefined) continue;
      for (const output of here) {
        let start = i + 1 - output.length;
        if (output.pair >= 0) {
          if (!output.tail) {
            headStarts[output.pair] = start;
            headEnds[output.pair] = i + 1;
            continue;
          }
          const headStart = headStarts[output.pair]!;
          const headEnd = headEnds[output.pair]!;
          if (headEnd < 0 || start < headEnd || start - headEnd > GAP_LENGTH || sentenceBreak(text, headEnd, start))
            continue;
          start = headStart;
        }
        const hits = found.get(output.family) ?? [];
        if (hits.length === 0) found.set(output.family, hits);
        if (hits.length < MOST_HITS) hits.push({ item: output.item, start, end: i + 1, gap: output.pair >= 0 });
      }
    }
    for (const [family, hits] of found) found.set(family, longestOnly(hits));
    return found;
  }

  return { scan, states };
}
