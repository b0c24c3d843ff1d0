// config/rules/incidents.yaml, checked: when an incident is supervised and what a burst is.
import { join } from 'node:path';
import Joi from 'joi';
import type { IncidentRules } from '../normalizer/incident.ts';
import { check } from './load.ts';
import { readSource } from './source.ts';

const count = Joi.number().integer().min(1).required();

const schema = Joi.object<IncidentRules, true>({
  supervise: Joi.object({ tickets: count, messages: count, months: count }).required(),
  burst: Joi.object({
    hours: count,
    usualDays: count,
    atLeast: count,
    times: Joi.number().min(1).required(),
  }).required(),
});

/**
 * @param rulesFolder absolute path of the rules folder
 * @throws ConfigError when the file is missing or does not fit
 */
export function loadIncidents(rulesFolder: string): IncidentRules {
  const source = readSource(join(rulesFolder, 'incidents.yaml'), {});
  return check(schema, source.values, [], source.locate);
}
