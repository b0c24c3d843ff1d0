// config/rules/repeats.yaml: how repeats and incidents are recognised, checked and in the form its users want.
import { join } from 'node:path';
import Joi from 'joi';
import type { RepeatPolicy } from '../normalizer/facts.ts';
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
}

interface RepeatFile extends Omit<RepeatPolicy, never> {
  readonly idleCharacters: string;
  readonly phrases: string[];
  readonly common: string[];
}

const probability = Joi.number().greater(0).max(1).required();
const weights = Joi.object().pattern(Joi.string(), Joi.number()).min(1).required();

const schema = Joi.object<RepeatFile, true>({
  version: Joi.string().required(),
  windowDays: Joi.number().integer().min(1).required(),
  thresholds: Joi.object({ repeat: probability, incident: probability }).required(),
  minimumTerms: Joi.number().integer().min(0).required(),
  weights: Joi.object({ repeat: weights, incident: weights }).required(),
  idleCharacters: Joi.string().required(),
  phrases: Joi.array().items(Joi.string()).required(),
  common: Joi.array().items(Joi.string()).required(),
});

/**
 * @param rulesFolder absolute path of the rules folder
 * @throws ConfigError when the file is missing or does not fit
 */
export function loadRepeats(rulesFolder: string): RepeatRules {
  const source = readSource(join(rulesFolder, 'repeats.yaml'), {});
  const { idleCharacters, phrases, common, ...policy } = check(schema, source.values, [], source.locate);
  return { policy, idleCharacters, phrases, common: common.flatMap(line => line.split(' ')) };
}
