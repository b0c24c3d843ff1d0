// A quick yes to bodies: the JSON Schema of a Joi schema, compiled once, takes what Joi takes in a small part of the time.
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Description, ObjectSchema } from 'joi';
import { jsonSchemaOf } from './json-schema.ts';

/** True means that the Joi schema takes the value as it is; false only that Joi is to be asked. */
export type QuickCheck = (value: unknown) => boolean;

const compiled = new WeakMap<ObjectSchema, QuickCheck>();

/**
 * Compiles a schema, once for all who ask with the same one. Throws a `TypeError` for a schema that uses what no JSON
 * Schema says (custom rules, defaults, conversions), since a yes would then be worth nothing.
 */
export function quickCheck(schema: ObjectSchema): QuickCheck {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const described = schema.describe();
  if ((described['preferences'] as { convert?: boolean } | undefined)?.convert !== false) {
    throw new TypeError('a schema for the quick check must not convert: prefs({ convert: false })');
  }
  requirePlain(described);
  // Joi counts UTF-16 units and runs its patterns on them, hence no `unicode` (whose warning the logger would print).
  const ajv = new Ajv2020({ strict: false, unicode: false, unicodeRegExp: false, logger: false });
  const check: QuickCheck = ajv.compile(jsonSchemaOf(schema));
  compiled.set(schema, check);
  return check;
}

/** Parts of a description that a JSON Schema says too; what a rule means is proven in a test, body by body. */
const PARTS = new Set(['type', 'flags', 'keys', 'rules', 'allow', 'items', 'dependencies', 'preferences', 'metas']);
const FLAGS = new Set(['label', 'description', 'presence', 'only']);
const RULES: Readonly<Record<string, readonly string[]>> = {
  object: [],
  array: ['max', 'min'],
  string: ['max', 'pattern'],
  number: ['max', 'min', 'integer'],
  boolean: [],
};

function requirePlain(described: Description): void {
  const rules = ((described['rules'] as { name: string }[] | undefined) ?? []).map(rule => rule.name);
  const known = RULES[described.type ?? ''];
  const foreign = [
    ...Object.keys(described).filter(part => !PARTS.has(part)),
    ...Object.keys(described.flags ?? {}).filter(flag => !FLAGS.has(flag)),
    ...(known === undefined ? [`type ${described.type}`] : rules.filter(rule => !known.includes(rule))),
  ];
  if (foreign.length > 0) throw new TypeError(`the quick check knows no ${foreign.join(', ')}`);
  for (const child of Object.values((described.keys ?? {}) as Record<string, Description>)) requirePlain(child);
  for (const item of (described['items'] as Description[] | undefined) ?? []) requirePlain(item);
}
