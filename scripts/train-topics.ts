// node scripts/train-topics.ts FILE…: config/rules/repeats/topics.json from appeals (JSON Lines with user, title, body or
// content): everyday pairs of characters, each as a point near those it is used with (latent semantic analysis).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRepeats } from '../config/load-repeats.ts';
import { COUNT_MASK, gramRules, gramsOf, pairHash } from '../normalizer/grams.ts';
import { cleanText } from '../normalizer/text.ts';
import type { TopicData } from '../normalizer/topics.ts';
import { ownPairs } from './own-words.ts';

const RULES = new URL('../config/rules/', import.meta.url);
const DIMENSIONS = 32;
/** A pair is kept that so many appeals of so many senders have; it is dropped where too many have it. */
const LEAST_APPEALS = 10;
const LEAST_SENDERS = 5;
const MOST_SHARE = 0.12;
const ROUNDS = 6;
/** Beside the wanted dimensions, so that those come out clean. */
const SPARE = 6;

interface Appeal {
  readonly sender: string;
  readonly hashes: Uint32Array;
  readonly counts: Uint8Array;
}

interface Row {
  readonly places: Uint32Array;
  readonly weights: Float32Array;
}

/** Our own words, without provinces, cities and counties less their last character: some are words of ours by chance. */
function nameless(): readonly string[] {
  const named = readFileSync(new URL('china.yaml', RULES), 'utf8').match(/[\u4e00-\u9fff]{2,}/g) ?? [];
  const names = new Set([...named.map(name => name.replace(/(?:省|市|区|县|盟|州)$/, '')), ...SURNAMES]);
  return ownPairs().filter(pair => !names.has(pair));
}

/** Surnames of two characters that are written in our rules. */
const SURNAMES = ['欧阳'];

function readAppeals(files: readonly string[]): readonly Appeal[] {
  const { idleCharacters, phrases } = loadRepeats(RULES.pathname);
  const rules = gramRules(idleCharacters, phrases);
  const seen = new Set<number>();
  const appeals: Appeal[] = [];
  for (const line of files.flatMap(file => readFileSync(file, 'utf8').split('\n'))) {
    if (line.trim() === '') continue;
    const row = JSON.parse(line) as Readonly<Record<string, string>>;
    const title = cleanText(row['title'] ?? '', 300).text.replaceAll('\n', ' ');
    const content = cleanText(row['body'] ?? row['content'] ?? '', 20_000).text;
    const { hashes, counts, textHash } = gramsOf(`${title}\n${content}`, [], null, {
      contentStart: title.length + 1,
      rules,
    });
    if (seen.has(textHash)) continue;
    seen.add(textHash);
    appeals.push({ sender: row['user'] ?? '', hashes, counts });
  }
  return appeals;
}

function chosenPairs(appeals: readonly Appeal[]) {
  const own = new Map(nameless().map(pair => [pairHash(pair), { pair, appeals: 0, senders: new Set<string>() }]));
  for (const { hashes, sender } of appeals) {
    for (const hash of hashes) {
      const known = own.get(hash);
      if (known === undefined) continue;
      known.appeals += 1;
      if (known.senders.size < LEAST_SENDERS) known.senders.add(sender);
    }
  }
  return [...own]
    .filter(([, { appeals: count, senders }]) => count >= LEAST_APPEALS && senders.size >= LEAST_SENDERS)
    .filter(([, { appeals: count }]) => count < MOST_SHARE * appeals.length)
    .map(([hash, { pair, appeals: count }]) => ({ hash, pair, rarity: Math.log(appeals.length / count) }));
}

type Pair = ReturnType<typeof chosenPairs>[number];

function rowsOf(appeals: readonly Appeal[], pairs: readonly Pair[]): readonly Row[] {
  const place = new Map(pairs.map(({ hash }, at) => [hash, at]));
  return appeals.map(({ hashes, counts }) => {
    const places: number[] = [];
    const weights: number[] = [];
    hashes.forEach((hash, at) => {
      const found = place.get(hash);
      if (found === undefined) return;
      places.push(found);
      weights.push((1 + Math.log(counts[at]! & COUNT_MASK)) * pairs[found]!.rarity);
    });
    const length = Math.hypot(...weights) || 1;
    return { places: Uint32Array.from(places), weights: Float32Array.from(weights, weight => weight / length) };
  });
}

/** The strongest directions of the appeals, by repeated multiplication; each comes with its strength. */
function directions(rows: readonly Row[], size: number, width: number) {
  let basis = new Float32Array(size * width);
  let state = 7;
  for (let at = 0; at < basis.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    basis[at] = state / 0x1_0000_0000 - 0.5;
  }
  orthonormal(basis, size, width);
  let strengths = new Float64Array(width);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float32Array(size * width);
    const seen = new Float64Array(width);
    for (const { places, weights } of rows) {
      seen.fill(0);
      places.forEach((place, i) => {
        for (let p = 0; p < width; p++) seen[p]! += weights[i]! * basis[place * width + p]!;
      });
      places.forEach((place, i) => {
        for (let p = 0; p < width; p++) next[place * width + p]! += weights[i]! * seen[p]!;
      });
    }
    strengths = lengths(next, size, width).map(Math.sqrt);
    basis = next;
    orthonormal(basis, size, width);
  }
  return { basis, strengths };
}

function lengths(columns: Float32Array, size: number, width: number): Float64Array {
  const found = new Float64Array(width);
  for (let i = 0; i < size; i++) for (let p = 0; p < width; p++) found[p]! += columns[i * width + p]! ** 2;
  return found.map(Math.sqrt);
}

/** Gram and Schmidt. */
function orthonormal(columns: Float32Array, size: number, width: number): void {
  for (let a = 0; a < width; a++) {
    for (let b = 0; b < a; b++) {
      let dot = 0;
      for (let i = 0; i < size; i++) dot += columns[i * width + a]! * columns[i * width + b]!;
      for (let i = 0; i < size; i++) columns[i * width + a]! -= dot * columns[i * width + b]!;
    }
    let squares = 0;
    for (let i = 0; i < size; i++) squares += columns[i * width + a]! ** 2;
    const length = Math.sqrt(squares) || 1;
    for (let i = 0; i < size; i++) columns[i * width + a]! /= length;
  }
}

/** Rarity and strength are multiplied in, so that a reader only adds rows up. */
function bytesOf(pairs: readonly Pair[], basis: Float32Array, strengths: Float64Array, width: number): Int8Array {
  const values = new Float64Array(pairs.length * DIMENSIONS);
  pairs.forEach(({ rarity }, row) => {
    for (let p = 0; p < DIMENSIONS; p++) {
      values[row * DIMENSIONS + p] = (rarity * basis[row * width + p]!) / Math.sqrt(strengths[p]!);
    }
  });
  // A few figures stand far out; they are cut, so that the others keep their differences.
  const most = values.map(Math.abs).sort()[Math.floor(values.length * 0.9995)]!;
  return Int8Array.from(values, value => Math.round(Math.max(-1, Math.min(1, value / most)) * 127));
}

const appeals = readAppeals(process.argv.slice(2));
const pairs = chosenPairs(appeals);
const width = DIMENSIONS + SPARE;
const { basis, strengths } = directions(rowsOf(appeals, pairs), pairs.length, width);
const data: TopicData = {
  version: `${new Date().toISOString().slice(0, 10)}.${pairs.length}`,
  dimensions: DIMENSIONS,
  pairs: pairs.map(({ pair }) => pair).join(''),
  vectors: Buffer.from(bytesOf(pairs, basis, strengths, width).buffer).toString('base64'),
};
const file = join(RULES.pathname, 'repeats', 'topics.json');
writeFileSync(file, `${JSON.stringify(data)}\n`);
console.log(JSON.stringify({ file, appeals: appeals.length, pairs: pairs.length, version: data.version }));
