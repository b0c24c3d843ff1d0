// A trained linear model of texts: runs of up to four characters, each with a weight for every class.

/** A shipped model, config/rules/*-model.json; made by scripts/train-*.ts. Plain data. */
export interface TextModelData {
  readonly version: string;
  /** Day it was trained. */
  readonly made: string;
  /** How many messages it was trained on, and what it reached on those kept aside in turn (five parts). */
  readonly trainedOn: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, number>>;
  /** What it tells apart: codes of first-level classes, or urgencies. */
  readonly classes: readonly string[];
  /** Runs of one to four characters, parted by spaces; each one's beginnings are among them. */
  readonly grams: string;
  /** Base64 of one byte a gram: its rarity times 16. */
  readonly rarity: string;
  /** Base64 of one signed byte a gram and class; `scale` turns them back into weights. */
  readonly weights: string;
  readonly scale: number;
  /** For each thing that the rules can say: one weight a class, times the logarithm of 1 + its score. */
  readonly rules: Readonly<Record<string, readonly number[]>>;
  readonly bias: readonly number[];
  /** Makes probabilities of scores. */
  readonly sharpness: number;
}

/** Different grams of one text with how often they occur; buffers are reused by the next text. */
export interface GramCounts {
  readonly size: number;
  /** The first `size` are the grams of this text. */
  readonly grams: Uint16Array;
  /** By gram: how often, up to 255; one in the title counts three times. */
  readonly counts: Uint8Array;
  /** By gram: where it first stands. */
  readonly firstAt: Uint16Array;
}

/** What the model makes of one text. */
export interface ModelScores {
  /** By class: probability. */
  readonly probabilities: Float64Array;
  /** How many different runs of two and more characters it knew. */
  readonly known: number;
}

/** A model ready for use. Its buffers belong to one thread and to one text at a time. */
export interface TextModel {
  readonly classes: readonly string[];
  count(text: string, contentAt: number): GramCounts;
  /** @param rules what the rules say, each with its score */
  score(counts: GramCounts, rules: ReadonlyMap<string, number>): ModelScores;
  /** Phrases of the text that speak most for a class, strongest first. */
  phrases(text: string, counts: GramCounts, place: number, most: number): string[];
}

/** More grams than this do not fit the keys of the table. */
export const MOST_GRAMS = 32_767;
export const LONGEST_GRAM = 4;
const TITLE_TIMES = 3;
/** What a long letter is about stands in its first part. */
const LONGEST_TEXT = 8_192;
export const RARITY_STEPS = 16;
/** Added to the squared length of a text: the fewer grams it has, the less they count beside the rules. */
export const SHORTNESS = 400;

const LOGS = Float64Array.from({ length: 256 }, (_, count) => Math.log1p(count));

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64);
  return Uint8Array.from(binary, character => character.charCodeAt(0));
}

interface GramTable {
  /** Gram of a single character plus one, by UTF-16 unit; 0: none. */
  readonly roots: Uint16Array;
  /** Key (gram plus one, and the character behind it) and target in turn, open-addressed; no key is 0. */
  readonly steps: Int32Array;
  readonly mask: number;
  /** By gram plus one: which characters may stand behind it, a bit for each 32 of them. Most grams have none. */
  readonly followers: Int32Array;
  readonly size: number;
}

/** Every gram as one step from the gram that is one character shorter. */
export function gramTable(grams: readonly string[]): GramTable {
  const index = new Map(grams.map((gram, at) => [gram, at + 1]));
  const slots = 1 << Math.ceil(Math.log2(Math.max(64, grams.length * 2)));
  const table = {
    roots: new Uint16Array(65_536),
    steps: new Int32Array(slots * 2),
    mask: slots - 1,
    followers: new Int32Array(grams.length + 1),
    size: grams.length,
  };
  grams.forEach((gram, at) => {
    const last = gram.charCodeAt(gram.length - 1);
    if (gram.length === 1) {
      table.roots[last] = at + 1;
      return;
    }
    const before = index.get(gram.slice(0, -1));
    if (before === undefined) return;
    const key = (before << 16) | last;
    let slot = slotOf(key, table.mask);
    while (table.steps[slot * 2] !== 0) slot = (slot + 1) & table.mask;
    table.steps[slot * 2] = key;
    table.steps[slot * 2 + 1] = at + 1;
    table.followers[before] = table.followers[before]! | (1 << (last & 31));
  });
  return table;
}

function slotOf(key: number, mask: number): number {
  const mixed = Math.imul(key, 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) & mask;
}

/** Counts the grams of texts by one table. */
export function gramCounter(table: GramTable): (text: string, contentAt: number) => GramCounts {
  const { roots, steps, mask, followers, size } = table;
  const grams = new Uint16Array(size);
  const counts = new Uint8Array(size);
  const firstAt = new Uint16Array(size);
  let used = 0;
  return (text, contentAt) => {
    for (let at = 0; at < used; at++) counts[grams[at]!] = 0;
    used = 0;
    const end = Math.min(text.length, LONGEST_TEXT);
    for (let at = 0; at < end; at++) {
      let node = roots[text.charCodeAt(at)]!;
      const times = at < contentAt ? TITLE_TIMES : 1;
      for (let next = at + 1; node !== 0; next++) {
        const gram = node - 1;
        const before = counts[gram]!;
        if (before === 0) {
          grams[used++] = gram;
          firstAt[gram] = at;
        }
        counts[gram] = Math.min(255, before + times);
        if (next >= end) break;
        const code = text.charCodeAt(next);
        if ((followers[node]! & (1 << (code & 31))) === 0) break;
        const key = (node << 16) | code;
        let slot = slotOf(key, mask);
        node = 0;
        while (steps[slot * 2] !== 0) {
          if (steps[slot * 2] === key) {
            node = steps[slot * 2 + 1]!;
            break;
          }
          slot = (slot + 1) & mask;
        }
      }
    }
    return { size: used, grams, counts, firstAt };
  };
}

/** Probabilities out of scores. */
export function softmax(scores: Float64Array, sharpness: number): Float64Array {
  const most = Math.max(...scores);
  const raised = scores.map(score => Math.exp((score - most) * sharpness));
  const sum = raised.reduce((total, value) => total + value, 0);
  return raised.map(value => value / sum);
}

export function textModel(data: TextModelData): TextModel {
  const names = data.grams.split(' ');
  const lengths = Uint8Array.from(names, gram => gram.length);
  const count = gramCounter(gramTable(names));
  const rarity = bytesOf(data.rarity);
  const weights = new Int8Array(bytesOf(data.weights).buffer);
  const { classes, bias, scale, sharpness } = data;
  const width = classes.length;

  function score(counts: GramCounts, rules: ReadonlyMap<string, number>): ModelScores {
    const sums = new Float64Array(width);
    let squares = 0;
    let known = 0;
    for (let at = 0; at < counts.size; at++) {
      const gram = counts.grams[at]!;
      const times = LOGS[counts.counts[gram]!]!;
      const length = times * rarity[gram]!;
      squares += length * length;
      if (lengths[gram]! > 1) known++;
      const row = gram * width;
      for (let place = 0; place < width; place++) sums[place]! += times * weights[row + place]!;
    }
    const norm = scale / Math.sqrt(squares / RARITY_STEPS ** 2 + SHORTNESS);
    const scores = sums.map((sum, place) => sum * norm + bias[place]!);
    for (const [code, value] of rules) {
      const row = data.rules[code];
      if (row === undefined) continue;
      const times = Math.log1p(value);
      for (let place = 0; place < width; place++) scores[place]! += times * row[place]!;
    }
    return { probabilities: softmax(scores, sharpness), known };
  }

  /** Grams that speak for a class, the strongest first, of two equal ones the earlier in the model. */
  function strongest(counts: GramCounts, place: number, most: number): readonly number[] {
    const best: number[] = [];
    const strengths: number[] = [];
    for (let at = 0; at < counts.size; at++) {
      const gram = counts.grams[at]!;
      const weight = weights[gram * width + place]!;
      if (lengths[gram]! < 2 || weight <= 0) continue;
      const strength = weight * LOGS[counts.counts[gram]!]!;
      const behind = (rank: number) =>
        strength > strengths[rank]! || (strength === strengths[rank]! && gram < best[rank]!);
      if (best.length === most && !behind(most - 1)) continue;
      let rank = Math.min(best.length, most - 1);
      for (; rank > 0 && behind(rank - 1); rank--) {
        best[rank] = best[rank - 1]!;
        strengths[rank] = strengths[rank - 1]!;
      }
      best[rank] = gram;
      strengths[rank] = strength;
    }
    return best;
  }

  function phrases(text: string, counts: GramCounts, place: number, most: number): string[] {
    const spans = strongest(counts, place, most * 2).map(gram => {
      const start = counts.firstAt[gram]!;
      return { start, end: start + lengths[gram]! };
    });
    return joinedSpans(spans)
      .slice(0, most)
      .map(({ start, end }) => text.slice(start, end));
  }

  return { classes, count, score, phrases };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Spans that overlap become one, which stands where the stronger of them stood. */
function joinedSpans(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const at = joined.findIndex(({ start, end }) => span.start < end && start < span.end);
    const other = joined[at];
    if (other === undefined) joined.push(span);
    else joined[at] = { start: Math.min(span.start, other.start), end: Math.max(span.end, other.end) };
  }
  return joined;
}
