// Words as one automaton (Aho and Corasick) in a few flat arrays: a step is one or two reads, whatever the words are.

/** What is found where a word ends; `output` is the word's place in the list it came in. */
interface Trie {
  readonly next: Map<number, number>[];
  readonly outputs: (number[] | undefined)[];
}

/** Columns of a state in `states`: where to go on when no word goes on; which characters may follow; its outputs. */
export const FAIL = 0;
export const FOLLOWERS = 1;
export const FROM = 2;
export const TO = 3;
export const COLUMNS = 4;

export interface Automaton {
  readonly count: number;
  /** State by the first character of a word; 0: no word begins with it. */
  readonly root: Uint16Array;
  /** Four columns a state. */
  readonly states: Int32Array;
  /** Key (state and character) and target in turn, open-addressed; no key is 0. */
  readonly table: Int32Array;
  readonly mask: number;
  /** Outputs of all states one after the other, the longest word of a state first. */
  readonly outputs: Uint16Array;
}

/** More of either do not fit the keys. */
const MOST = 65_535;

function growTrie(words: readonly string[]): Trie {
  const trie: Trie = { next: [new Map()], outputs: [undefined] };
  words.forEach((word, output) => {
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
  });
  return trie;
}

/** ASCII capitals are read as small letters, so that offsets stay those of the text. */
export function fold(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}

/** Failure links in breadth-first order; a state also takes over what its failure state finds. */
function linkFailures(trie: Trie): Uint32Array {
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

/** Nearly every character that does not follow a state is told by its bit alone, without a look into the table. */
export function followerBit(code: number): number {
  return 1 << (code & 31);
}

export function slotOf(key: number, mask: number): number {
  const mixed = Math.imul(key ^ (key >>> 16), 0x9e3779b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}

/** @param words each one's place in the list is what is found; the same word may stand there more than once */
export function automatonOf(words: readonly string[]): Automaton {
  const trie = growTrie(words);
  const count = trie.next.length;
  if (count > MOST || words.length > MOST) throw new RangeError(`the word lists make more than ${MOST} states`);
  const fail = linkFailures(trie);
  let slots = 1024;
  while (slots < count * 2) slots *= 2;
  const table = new Int32Array(slots * 2);
  const states = new Int32Array(count * COLUMNS);
  const root = new Uint16Array(65_536);
  const outputs: number[] = [];
  for (const [code, target] of trie.next[0]!) root[code] = target;
  for (let state = 1; state < count; state++) {
    let followers = 0;
    for (const [code, target] of trie.next[state]!) {
      followers |= followerBit(code);
      const key = (state << 16) | code;
      let slot = slotOf(key, slots - 1);
      while (table[slot * 2] !== 0) slot = (slot + 1) & (slots - 1);
      table[slot * 2] = key;
      table[slot * 2 + 1] = target;
    }
    const from = outputs.length;
    outputs.push(...(trie.outputs[state] ?? []));
    states.set([fail[state]!, followers, from, outputs.length], state * COLUMNS);
  }
  return { count, root, states, table, mask: slots - 1, outputs: Uint16Array.from(outputs) };
}
