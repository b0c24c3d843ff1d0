// 语义: vectors of a sentence-embedding service as appeals keep them, and what their likeness adds to a comparison; pure.

/** One byte a figure after four bytes that name the model, so that vectors of two models are never compared. */
export type Meaning = Int8Array;

const NAME_BYTES = 4;
const LENGTH = 127;
/** Longer vectors than any model in use has. */
const MOST_FIGURES = 4_096;

/** Settings of the one feature that a service adds; its weight is not trained with the others. */
export interface MeaningPolicy {
  readonly weight: number;
  readonly mean: number;
}

/** null for what is no vector: empty, of nothing but noughts, too long, or with figures that are no numbers. */
export function meaningOf(model: string, figures: readonly unknown[]): Meaning | null {
  if (figures.length === 0 || figures.length > MOST_FIGURES) return null;
  let squares = 0;
  for (const figure of figures) {
    if (typeof figure !== 'number' || !Number.isFinite(figure)) return null;
    squares += figure * figure;
  }
  if (squares === 0 || !Number.isFinite(squares)) return null;
  const meaning = new Int8Array(NAME_BYTES + figures.length);
  new DataView(meaning.buffer).setUint32(0, nameHash(model), true);
  // Scaled by the greatest figure, so that a long vector's small figures keep their differences.
  const greatest = (figures as readonly number[]).reduce((most, figure) => Math.max(most, Math.abs(figure)), 0);
  figures.forEach((figure, i) => {
    meaning[NAME_BYTES + i] = Math.round(((figure as number) / greatest) * LENGTH);
  });
  return meaning;
}

/** Cosine from 0 to 1; null where one has none, or the two are of different models. */
export function likeness(a: Meaning | undefined, b: Meaning | undefined): number | null {
  if (a === undefined || b === undefined || a.length !== b.length) return null;
  for (let i = 0; i < NAME_BYTES; i++) if (a[i] !== b[i]) return null;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let i = NAME_BYTES; i < a.length; i++) {
    const left = a[i] as number;
    const right = b[i] as number;
    product += left * right;
    squaresA += left * left;
    squaresB += right * right;
  }
  return squaresA === 0 || squaresB === 0 ? null : Math.max(0, product / Math.sqrt(squaresA * squaresB));
}

/** The probability with the feature added to its log odds; as it is where there is no likeness. */
export function withMeaning(probability: number, alike: number | null, policy: MeaningPolicy | null): number {
  const adds = addedBy(alike, policy);
  if (adds === 0) return probability;
  return 1 / (1 + Math.exp(-(Math.log(probability / (1 - probability)) + adds)));
}

/** In the unit of the log odds. */
export function addedBy(alike: number | null, policy: MeaningPolicy | null): number {
  return alike === null || policy === null ? 0 : policy.weight * (alike - policy.mean);
}

function nameHash(name: string): number {
  let hash = 0x811c_9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x0100_0193);
  return hash >>> 0;
}
