// JSON Schema (draft 2020-12, as OpenAPI 3.1 uses it) of a Joi schema: what Joi makes by itself, and what it leaves out.
import type { Description, Schema } from 'joi';

export type JsonSchema = Record<string, unknown>;

/**
 * The JSON Schema that takes what the Joi schema takes. Joi gives types, limits, patterns and lists; added here are titles
 * (from labels) and the rules between fields: `xor`, `and`, `with`. A rule of another kind throws, lest the two drift apart.
 */
export function jsonSchemaOf(schema: Schema): JsonSchema {
  const made = schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema;
  return complete(made, schema.describe());
}

function complete(made: JsonSchema, described: Description): JsonSchema {
  const label = (described.flags as { label?: string } | undefined)?.label;
  const result: JsonSchema = { ...(label === undefined ? {} : { title: label }), ...made, ...between(described) };
  // Joi says "no empty string" by a minimum of one, and forgets to take it back where '' is allowed.
  if (result['type'] === 'string' && allowsEmpty(described)) delete result['minLength'];
  const properties = made['properties'] as Record<string, JsonSchema> | undefined;
  if (properties !== undefined) {
    const keys = described.keys as Record<string, Description>;
    const entries = Object.entries(properties).map(([key, child]) => [key, complete(child, keys[key] ?? never(key))]);
    result['properties'] = Object.fromEntries(entries);
  }
  const items = described['items'] as Description[] | undefined;
  if (items?.[0] !== undefined && made['items'] !== undefined)
    result['items'] = complete(made['items'] as JsonSchema, items[0]);
  return result;
}

function never(key: string): never {
  throw new TypeError(`Joi described no field ${key} that it made a JSON Schema of`);
}

function allowsEmpty(described: Description): boolean {
  return (described['allow'] as unknown[] | undefined)?.includes('') ?? false;
}

interface Dependency {
  readonly rel: string;
  readonly key?: string;
  readonly peers: readonly string[];
}

/** Rules between the fields of one object. */
function between(described: Description): JsonSchema {
  const all: JsonSchema[] = [];
  const dependent: Record<string, string[]> = {};
  for (const { rel, key, peers } of (described['dependencies'] as Dependency[] | undefined) ?? []) {
    if (rel === 'xor') all.push({ oneOf: peers.map(peer => ({ required: [peer] })) });
    else if (rel === 'and') for (const peer of peers) dependent[peer] = peers.filter(other => other !== peer);
    else if (rel === 'with' && key !== undefined) dependent[key] = [...peers];
    else throw new TypeError(`no JSON Schema is known for the rule ${rel} between fields`);
  }
  return {
    ...(all.length === 0 ? {} : { allOf: all }),
    ...(Object.keys(dependent).length === 0 ? {} : { dependentRequired: dependent }),
  };
}
