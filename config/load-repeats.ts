// config/rules/repeats.yaml with the trained weights and topics beside it, checked and in the form their users want.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Joi from 'joi';
import type { RepeatPolicy } from '../normalizer/facts.ts';
import { FEATURES } from '../normalizer/features.ts';
import type { RepeatModel } from '../normalizer/repeat-model.ts';
import type { TopicData } from '../normalizer/topics.ts';
import { readJson } from './json-file.ts';
import { check } from './load.ts';
import { readSource } from './source.ts';

/** Plain data; sent to the reading threads as it is. */
export interface RepeatRules {
  readonly policy: RepeatPolicy;
  /** Characters that only hold sentences together. */
  readonly idleCharacters: string;
  /** Greetings and set phrases, which make no terms. */
  readonly phrases: readonly string[];
  /** Everyday words of appeals, counted as frequent before the first message has come. */
  readonly common: readonly string[];
  readonly topics: TopicData;
}

interface RepeatFile extends Omit<RepeatPolicy, 'model' | 'onlySuggest' | 'meaning'> {
  readonly onlySuggest: string[];
  readonly idleCharacters: string;
  readonly phrases: string[];
  readonly common: string[];
}

/** In the data folder: weights that a city has trained on its own clerks' decisions; they stand in for the shipped ones. */
export const OWN_WEIGHTS = join('repeats', 'weights.json');
export const SHIPPED_WEIGHTS = join('repeats', 'weights.json');
const TOPICS = join('repeats', 'topics.json');
/** Trained files beside the YAML, by their paths in the rules folder. */
export const SHIPPED_MODELS: readonly string[] = [SHIPPED_WEIGHTS, TOPICS];

const probability = Joi.number().greater(0).max(1).required();
const figures = Joi.object().pattern(Joi.string(), Joi.number()).required();
const perFeature = Joi.object(Object.fromEntries(FEATURES.map(name => [name, Joi.number()]))).required();

const schema = Joi.object<RepeatFile, true>({
  windowDays: Joi.number().integer().min(1).required(),
  thresholds: Joi.object({
    ...{ repeat: probability, incident: probability, suggest: probability },
    short: Joi.object({
      characters: Joi.number().integer().min(1).required(),
      ...{ repeat: probability, incident: probability },
    }),
  }).required(),
  minimumTerms: Joi.number().integer().min(0).required(),
  cohesion: Joi.number().min(0).max(1).required(),
  onlySuggest: Joi.array()
    .items(Joi.string().valid(...FEATURES))
    .required(),
  idleCharacters: Joi.string().required(),
  phrases: Joi.array().items(Joi.string()).required(),
  common: Joi.array().items(Joi.string()).required(),
});

/** A split leads to nodes behind it, and no two to the same one, so that no file can make a tree that never ends or has more
 *  leaves than `LEAVES`. */
const tree = Joi.array()
  .items(
    Joi.alternatives(
      Joi.array().ordered(Joi.number().required()).max(1),
      Joi.array().ordered(
        Joi.number()
          .integer()
          .min(0)
          .max(FEATURES.length - 1)
          .required(),
        Joi.number().required(),
        Joi.number().integer().required(),
        Joi.number().integer().required(),
      ),
    ),
  )
  .min(1)
  .max(64)
  .custom((nodes: readonly (readonly number[])[], { error }) => {
    const sound = nodes.every((node, at) =>
      node.slice(2).every(next => next > at && next < nodes.length && nodes[next] !== undefined),
    );
    const led = nodes.flatMap(node => node.slice(2));
    return sound && new Set(led).size === led.length ? nodes : error('any.invalid');
  });

const weights = Joi.object<RepeatModel, true>({
  version: Joi.string()
    .pattern(/^[\w.-]{1,64}$/)
    .required(),
  made: Joi.string()
    .pattern(/^\d{4}-\d{2}-\d{2}$/)
    .required(),
  trainedOn: figures,
  figures,
  features: Joi.array<readonly string[]>()
    .ordered(...FEATURES.map(name => Joi.string().valid(name)))
    .min(1)
    .required() as unknown as Joi.ObjectSchema<readonly string[]>,
  linear: Joi.object({ bias: Joi.number().required(), weights: perFeature, means: perFeature }).required(),
  trees: Joi.object({ bias: Joi.number().required(), trees: Joi.array().items(tree).max(1000).required() }).required(),
}).custom((model: RepeatModel, { error }) => (knowsItsFeatures(model) ? model : error('any.invalid')));

/** A model of before knows the first features only; what it knows, it has weights for, and its trees ask for nothing else. */
function knowsItsFeatures({ features, linear, trees }: RepeatModel): boolean {
  const weighed = [linear.weights, linear.means].every(
    list => Object.keys(list).length === features.length && features.every(name => name in list),
  );
  return weighed && trees.trees.flat().every(node => node.length === 1 || node[0] < features.length);
}

const topics = Joi.object<TopicData, true>({
  version: Joi.string().required(),
  dimensions: Joi.number().integer().min(1).max(256).required(),
  pairs: Joi.string().required(),
  vectors: Joi.string().base64().required(),
}).custom((data: TopicData, { error }) => {
  const bytes = Buffer.byteLength(data.vectors, 'base64');
  return data.pairs.length % 2 === 0 && bytes === (data.pairs.length / 2) * data.dimensions
    ? data
    : error('any.invalid');
});

/**
 * @param rulesFolder absolute path of the rules folder
 * @param dataFolder where weights trained on clerks' decisions may lie; null: the shipped ones
 * @throws ConfigError when a file is missing or does not fit
 */
export function loadRepeats(rulesFolder: string, dataFolder: string | null = null): RepeatRules {
  const source = readSource(join(rulesFolder, 'repeats.yaml'), {});
  const { idleCharacters, phrases, common, ...policy } = check(schema, source.values, [], source.locate);
  const own = dataFolder === null ? null : join(dataFolder, OWN_WEIGHTS);
  const model = loadWeights(own !== null && existsSync(own) ? own : join(rulesFolder, SHIPPED_WEIGHTS));
  return {
    policy: { ...policy, model } as RepeatPolicy,
    idleCharacters,
    phrases,
    common: common.flatMap(line => line.split(' ')),
    topics: loadTopics(join(rulesFolder, TOPICS)),
  };
}

/** @throws ConfigError naming the file and what is wrong in it */
export function loadWeights(file: string): RepeatModel {
  return check(weights, readJson(file), [], () => ({ file, line: null, column: null }));
}

function loadTopics(file: string): TopicData {
  return check(topics, readJson(file), [], () => ({ file, line: null, column: null }));
}
