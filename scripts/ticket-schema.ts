// Writes docs/ticket.schema.json: the unified ticket as JSON Schema 2020-12, made of its Joi schema.
import { writeFileSync } from 'node:fs';
import type { Description } from 'joi';
import { ticketSchema } from '../normalizer/ticket-schema.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { [key: string]: Json };

/** Where the schema stands. */
export const TICKET_SCHEMA_FILE = new URL('../docs/ticket.schema.json', import.meta.url);

const TYPES: Readonly<Record<string, string>> = {
  string: 'string',
  boolean: 'boolean',
  object: 'object',
  array: 'array',
};

function rule(description: Description, name: string): number | string | undefined {
  const found = (description['rules'] as { name: string; args?: Record<string, unknown> }[] | undefined)?.find(
    ({ name: its }) => its === name,
  );
  const value = found?.args?.['limit'] ?? found?.args?.['regex'];
  return typeof value === 'number' || typeof value === 'string' ? value : undefined;
}

function hasRule(description: Description, name: string): boolean {
  return (description['rules'] as { name: string }[] | undefined)?.some(({ name: its }) => its === name) ?? false;
}

function limits(description: Description): JsonObject {
  const pattern = rule(description, 'pattern');
  const [min, max] = [rule(description, 'min'), rule(description, 'max')];
  return {
    ...(min === undefined ? {} : { minimum: min }),
    ...(max === undefined ? {} : { maximum: max }),
    ...(pattern === undefined ? {} : { pattern: String(pattern).replace(/^\/|\/[a-z]*$/g, '') }),
  };
}

function objectKeys(description: Description): JsonObject {
  const keys = (description.keys ?? {}) as Record<string, Description>;
  const patterns = description['patterns'] as { rule: Description }[] | undefined;
  if (patterns?.[0] !== undefined) return { additionalProperties: convert(patterns[0].rule) };
  const flags = (key: string) => keys[key]?.flags as { presence?: string } | undefined;
  return {
    properties: Object.fromEntries(Object.entries(keys).map(([key, its]) => [key, convert(its)])),
    required: Object.keys(keys).filter(key => flags(key)?.presence === 'required'),
    additionalProperties: false,
  };
}

/** One Joi description as JSON Schema. */
function convert(description: Description): JsonObject {
  const flags = (description.flags ?? {}) as { only?: boolean; label?: string; description?: string };
  const allowed = (description['allow'] as Json[] | undefined) ?? [];
  const nullable = allowed.includes(null);
  const numeric = description.type === 'number';
  const type = numeric
    ? hasRule(description, 'integer')
      ? 'integer'
      : 'number'
    : (TYPES[description.type ?? ''] ?? '');
  const items = (description['items'] as Description[] | undefined)?.[0];
  return {
    ...(flags.label === undefined ? {} : { title: flags.label }),
    ...(flags.description === undefined ? {} : { description: flags.description }),
    ...(type === '' ? {} : { type: nullable ? [type, 'null'] : type }),
    ...(flags.only === true ? { enum: allowed } : limits(description)),
    ...(items === undefined ? {} : { items: convert(items) }),
    ...(description.type === 'object' ? objectKeys(description) : {}),
  };
}

/** The unified ticket as JSON Schema 2020-12. */
export function ticketJsonSchema(): JsonObject {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...convert(ticketSchema.describe()) };
}

const LINE = 120;

/** JSON as the formatter of this house writes it: short lists on one line, everything else one item a line. */
function print(value: Json, indent: string, taken: number): string {
  if (Array.isArray(value)) {
    const line = `[${value.map(item => JSON.stringify(item)).join(', ')}]`;
    const flat = value.every(item => typeof item !== 'object' || item === null);
    if (flat && indent.length + taken + line.length < LINE) return line;
    const inner = `${indent}  `;
    return `[\n${value.map(item => inner + print(item, inner, 0)).join(',\n')}\n${indent}]`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value as JsonObject);
  if (entries.length === 0) return '{}';
  const inner = `${indent}  `;
  const lines = entries.map(([key, its]) => `${inner}${JSON.stringify(key)}: ${print(its, inner, key.length + 4)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** The file's text. */
export function ticketSchemaText(): string {
  return `${print(ticketJsonSchema(), '', 0)}\n`;
}

if (import.meta.main) writeFileSync(TICKET_SCHEMA_FILE, ticketSchemaText());
