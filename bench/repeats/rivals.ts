// What anybody would write first, for comparison: Jaccard of character triples against every ticket, and MinHash with LSH.
import type { LabelledMessage } from '../../gateway/repeats/labelled-files.ts';

export interface Rival {
  readonly name: string;
  /** @param own the ticket's `triples` */
  add(own: Uint32Array): void;
  /** Places of the best tickets, in the order in which they were added. */
  best(message: LabelledMessage, most: number): readonly number[];
}

/** Comparing with every ticket takes long, and recall is known from a few hundred. */
export const RIVAL_PROBES = 150;

/** What a rival reached on one store. */
export interface RivalFigures {
  readonly name: string;
  readonly tickets: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly found20: number;
}

/** Hashes of all runs of three letters, figures or characters, rising, each once. */
export function triples({ title, content }: Pick<LabelledMessage, 'title' | 'content'>): Uint32Array {
  const text = `${title}${content}`
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
  const hashes = new Set<number>();
  for (let at = 0; at + 3 <= text.length; at++) {
    let hash = 0x811c9dc5;
    for (let place = at; place < at + 3; place++) hash = Math.imul(hash ^ text.charCodeAt(place), 0x01000193);
    hashes.add((hash ^ (hash >>> 15)) >>> 0);
  }
  return Uint32Array.from(hashes).sort();
}

function jaccard(a: Uint32Array, b: Uint32Array): number {
  let both = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const left = a[i] as number;
    const right = b[j] as number;
    if (left === right) both++;
    if (left <= right) i++;
    if (right <= left) j++;
  }
  return both === 0 ? 0 : both / (a.length + b.length - both);
}

function ranked(own: Uint32Array, sets: readonly Uint32Array[], places: Iterable<number>, most: number): number[] {
  const scored: { readonly place: number; readonly score: number }[] = [];
  for (const place of places) {
    const score = jaccard(own, sets[place] as Uint32Array);
    const last = scored[most - 1];
    if (score === 0 || (last !== undefined && score <= last.score)) continue;
    let at = scored.length;
    while (at > 0 && (scored[at - 1] as { score: number }).score < score) at--;
    scored.splice(at, 0, { place, score });
    if (scored.length > most) scored.pop();
  }
  return scored.map(({ place }) => place);
}

export function bruteForce(): Rival {
  const sets: Uint32Array[] = [];
  return {
    name: 'Jaccard, every ticket',
    add: own => void sets.push(own),
    best: (message, most) => ranked(triples(message), sets, sets.keys(), most),
  };
}

const BANDS = 64;
const ROWS = 2;

/** 64 bands of two rows; those that share a band are ranked by Jaccard. */
export function minHash(tickets: number): Rival {
  const sets: Uint32Array[] = [];
  const size = 1 << Math.ceil(Math.log2(tickets * BANDS * 2));
  const keys = new Uint32Array(size);
  const heads = new Int32Array(size).fill(-1);
  const nexts = new Int32Array(tickets * BANDS);
  const slotOf = (key: number): number => {
    let slot = (key ^ (key >>> 16)) & (size - 1);
    while (heads[slot] !== -1 && keys[slot] !== key) slot = (slot + 1) & (size - 1);
    return slot;
  };
  return {
    name: `MinHash LSH ${BANDS}×${ROWS}`,
    add(own) {
      bandsOf(own).forEach((key, band) => {
        const slot = slotOf(key);
        keys[slot] = key;
        nexts[sets.length * BANDS + band] = heads[slot] as number;
        heads[slot] = sets.length * BANDS + band;
      });
      sets.push(own);
    },
    best(message, most) {
      const own = triples(message);
      const places = new Set<number>();
      for (const key of bandsOf(own)) {
        for (let at = heads[slotOf(key)] as number; at !== -1; at = nexts[at] as number)
          places.add(Math.floor(at / BANDS));
      }
      return ranked(own, sets, places, most);
    },
  };
}

const HASHES = BANDS * ROWS;
const FACTORS = Uint32Array.from({ length: HASHES }, (_, n) => Math.imul(n * 2 + 1, 0x9e3779b1) | 1);
const ADDENDS = Uint32Array.from({ length: HASHES }, (_, n) => Math.imul(n + 1, 0x85ebca6b));

/** One key a band. */
function bandsOf(set: Uint32Array): Uint32Array {
  const least = new Uint32Array(HASHES).fill(0xffffffff);
  for (const element of set) {
    for (let n = 0; n < HASHES; n++) {
      let hash = Math.imul(element ^ (ADDENDS[n] as number), FACTORS[n] as number);
      hash = (hash ^ (hash >>> 15)) >>> 0;
      if (hash < (least[n] as number)) least[n] = hash;
    }
  }
  return Uint32Array.from({ length: BANDS }, (_, band) => {
    let key = Math.imul(band + 1, 0xc2b2ae35);
    for (let row = 0; row < ROWS; row++) key = Math.imul(key ^ (least[band * ROWS + row] as number), 0x01000193);
    return (key ^ (key >>> 13)) >>> 0;
  });
}
