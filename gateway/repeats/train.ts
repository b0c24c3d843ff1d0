// huisu repeats train: links and incidents that clerks made and undid are labelled pairs; weights are trained on them beside what shipped.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadRepeats, loadWeights, OWN_WEIGHTS, SHIPPED_WEIGHTS } from '../../config/load-repeats.ts';
import type { Config } from '../../config/schema.ts';
import { probability, type RepeatModel } from '../../normalizer/repeat-model.ts';
import { type Example, trainParts } from '../../normalizer/repeat-training.ts';
import { similarity } from '../../normalizer/similarity.ts';
import { decodeFacts } from '../../store/facts-codec.ts';
import type { Store } from '../../store/store.ts';
import { DeskError } from '../desk/desk-error.ts';
import { pairFigures, rounded } from './figures.ts';
import { partOf } from './folds.ts';

export interface TrainParts {
  readonly store: Store;
  readonly config: Config;
  now(): number;
}

/** A pair of tickets that a clerk has decided about. */
export interface ClerkPair extends Example {
  readonly a: string;
  readonly b: string;
}

/** Fewer of either kind say nothing that could be trusted. */
const LEAST_OF_A_KIND = 20;
/** One pair in so many is held out. */
const PARTS = 5;
const PAGE = 500;
const PREVIOUS = '.before';

/** What the audit says of a clerk's decision on two tickets; the latest on two tickets counts. Incidents are named after
 *  tickets of theirs: of two that were merged or parted, those two stand for the others. */
const DECIDED: Readonly<Record<string, boolean>> = {
  'ticket.link': true,
  'ticket.unlink': false,
  'incident.merge': true,
  'incident.split': false,
};

/** Labelled pairs of the store, as far as both are still there to be compared. */
export async function clerkPairs(store: Pick<Store, 'admin' | 'tickets'>): Promise<readonly ClerkPair[]> {
  const decided = new Map<string, { readonly a: string; readonly b: string; readonly same: boolean }>();
  for (let after = 0; ; ) {
    const records = await store.admin.auditList(after, PAGE);
    for (const { action, by, on } of records) {
      // What two processes missed is linked by the weights in use: nobody has looked at it.
      if (by === 'system') continue;
      const same = DECIDED[action];
      const [a, b] = on;
      if (same === undefined || a === undefined || b === undefined) continue;
      decided.set([a, b].sort().join(' '), { a, b, same });
    }
    const last = records.at(-1);
    if (last === undefined) break;
    after = last.seq;
  }
  const pairs: ClerkPair[] = [];
  for (const { a, b, same } of decided.values()) {
    const [one, other] = await Promise.all([store.tickets.get(a), store.tickets.get(b)]);
    if (one === null || other === null) continue;
    pairs.push({ a, b, same, features: similarity(decodeFacts(one.facts), decodeFacts(other.facts)) });
  }
  return pairs;
}

/**
 * Trains on four pairs of five and shows how the weights in use and the new ones do on the fifth; the new ones are then
 * trained on all. Nothing changes without `apply`.
 * @throws DeskError when clerks have decided too little yet
 */
export async function train({ store, config, now }: TrainParts, by: string, apply: boolean) {
  const { policy } = loadRepeats(config.rules, config.data);
  const pairs = await clerkPairs(store);
  const same = pairs.filter(pair => pair.same).length;
  if (Math.min(same, pairs.length - same) < LEAST_OF_A_KIND) {
    throw new DeskError('repeats.too_few_decided', { same, other: pairs.length - same, least: LEAST_OF_A_KIND });
  }
  const heldOut = pairs.filter(pair => isHeldOut(pair));
  const base = loadWeights(join(config.rules, SHIPPED_WEIGHTS));
  const tried = modelOf(
    pairs.filter(pair => !isHeldOut(pair)),
    base,
    'tried',
    '1970-01-01',
  );
  const figures = (model: RepeatModel) => figuresOf(heldOut, model, policy.thresholds.suggest);
  const [before, after] = [figures(policy.model), figures(tried)];
  const made = new Date(now()).toISOString();
  const version = `own.${made.replace(/[^0-9]/g, '').slice(0, 14)}`;
  const report = { pairs: pairs.length, same, heldOut: heldOut.length, before, after, from: policy.model.version };
  if (!apply) return { ...report, applied: false };
  const file = join(config.data, OWN_WEIGHTS);
  const model = { ...modelOf(pairs, base, version, made.slice(0, 10)), figures: after };
  keep(file, join(config.rules, SHIPPED_WEIGHTS), model);
  await store.admin.audit({ by, action: 'repeats.train', on: [policy.model.version, version] }, now());
  return { ...report, applied: true, version, file };
}

function isHeldOut({ a, b }: ClerkPair): boolean {
  return partOf([a, b].sort().join(' '), PARTS) === 0;
}

/** On top of the shipped model, whatever is in use: trained twice on the same links, the weights are the same. */
function modelOf(pairs: readonly ClerkPair[], base: RepeatModel, version: string, made: string): RepeatModel {
  const parts = trainParts(pairs, base);
  const trainedOn = { ...base.trainedOn, clerks: pairs.length };
  return { version, made, trainedOn, figures: {}, ...parts };
}

function figuresOf(pairs: readonly ClerkPair[], model: RepeatModel, threshold: number) {
  const scored = pairs.map(({ features, same }) => ({ same, score: probability(model, features) }));
  const { precision, recall, f1 } = pairFigures(scored, threshold);
  return { precision: rounded(precision), recall: rounded(recall), f1: rounded(f1) };
}

/** The weights in use so far are kept beside the new ones; a crash in between leaves either the old or the new. */
function keep(file: string, shipped: string, model: RepeatModel): void {
  mkdirSync(dirname(file), { recursive: true });
  write(`${file}${PREVIOUS}`, readFileSync(existsSync(file) ? file : shipped, 'utf8'));
  write(file, `${JSON.stringify(model)}\n`);
  loadWeights(file);
}

function write(file: string, text: string): void {
  writeFileSync(`${file}~`, text, { mode: 0o600, flush: true });
  renameSync(`${file}~`, file);
}

/**
 * Puts the weights back that were in use before the last training.
 * @throws DeskError when there are none
 */
export async function putBack({ store, config, now }: TrainParts, by: string) {
  const file = join(config.data, OWN_WEIGHTS);
  const previous = `${file}${PREVIOUS}`;
  if (!existsSync(previous)) throw new DeskError('repeats.none_before', { file: previous });
  const { version } = loadWeights(previous);
  const from = existsSync(file) ? readFileSync(file, 'utf8') : null;
  write(file, readFileSync(previous, 'utf8'));
  // What was just replaced can be put back in turn.
  if (from === null) rmSync(previous);
  else write(previous, from);
  await store.admin.audit({ by, action: 'repeats.put-back', on: [version] }, now());
  return { version, file };
}
