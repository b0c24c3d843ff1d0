// Every setting with its meaning, bounds and default, for the documentation.
import { join } from 'node:path';
import type Joi from 'joi';
import { SHIPPED } from './load.ts';
import { configSchema } from './schema.ts';
import { readSource, type Settings } from './source.ts';

/** One setting as the docs show it. */
export interface SettingDescription {
  /** `listen.port`; list items as `channels[].id`. */
  readonly path: string;
  readonly zh: string;
  readonly en: string;
  /** `number`, `string` … with the allowed values or bounds. */
  readonly type: string;
  /** As in the shipped file, or the schema's own; undefined where there is none. */
  readonly standard: unknown;
  readonly required: boolean;
  /** Never shown again once it is stored. */
  readonly secret: boolean;
}

/** All settings in the order of the schema. */
export function describeConfig(): readonly SettingDescription[] {
  const defaults = readSource(join(SHIPPED, 'huisu.yaml'), {}).values;
  return describeSchema(configSchema, defaults);
}

/** All settings of a schema in its order. */
export function describeSchema(schema: Joi.ObjectSchema, defaults: unknown = {}): readonly SettingDescription[] {
  return [...walk(schema.describe(), '', defaults, {})];
}

interface Words {
  readonly label?: string;
  readonly description?: string;
}

/** @param above the words of the group, for members that have none of their own */
function* walk(
  description: Joi.Description,
  prefix: string,
  defaults: unknown,
  above: Words,
): Iterable<SettingDescription> {
  const keys = (description['keys'] ?? {}) as Record<string, Joi.Description>;
  for (const [key, below] of Object.entries(keys)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const standard =
      isMap(defaults) && key in defaults ? defaults[key] : (below.flags as Settings | undefined)?.['default'];
    const words = { ...above, ...(below.flags as Words | undefined) };
    if (below['keys'] !== undefined) {
      yield* walk(below, path, standard, words);
      continue;
    }
    yield {
      path,
      zh: words.label ?? key,
      en: words.description ?? '',
      type: typeOf(below),
      standard,
      required: (below.flags as Settings | undefined)?.['presence'] === 'required',
      secret: isSecret(below),
    };
    const item = (below['items'] as Joi.Description[] | undefined)?.[0];
    if (item !== undefined) yield* walk(item, `${path}[]`, undefined, words);
  }
}

function isSecret(description: Joi.Description): boolean {
  const metas = (description['metas'] ?? []) as Settings[];
  const items = (description['items'] ?? []) as Joi.Description[];
  return metas.some(meta => meta['secret'] === true) || items.some(isSecret);
}

const isMap = (value: unknown): value is Settings => typeof value === 'object' && value !== null;

function typeOf(description: Joi.Description): string {
  const allowed = description['allow'] as unknown[] | undefined;
  if (allowed !== undefined && (description.flags as Settings | undefined)?.['only'] === true)
    return allowed.map(String).join(' | ');
  if (description.type === 'alternatives') {
    const matches = (description['matches'] ?? []) as { schema: Joi.Description }[];
    return matches.map(match => typeOf(match.schema)).join(' | ');
  }
  const rules = (description['rules'] ?? []) as { name: string; args?: { limit?: unknown } }[];
  const bound = (name: string) => rules.find(rule => rule.name === name)?.args?.limit;
  const [least, most] = [bound('min'), bound('max')];
  const bounds = least === undefined && most === undefined ? '' : ` ${String(least ?? '')}…${String(most ?? '')}`;
  return `${description.type}${bounds}${allowed?.includes(null) ? ' | null' : ''}`;
}
