// Turns our body into the one a foreign case system expects: names, value tables, times.
import type { CaseEntryKind, FieldMapping, MappedField } from '../../config/case-system.ts';

/** The value at a dotted path, own members only; undefined where there is none. */
export function valueAt(root: unknown, path: string): unknown {
  let value = root;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** Their body. A field of ours that is absent or null is left out, unless the mapping says what to send then. */
export function mapBody(body: unknown, kind: CaseEntryKind, mapping: FieldMapping): Record<string, unknown> {
  const theirs: Record<string, unknown> = {};
  for (const field of mapping.fields[kind] ?? mapping.fields.default ?? []) {
    const value = mapped(body, field, mapping);
    if (value !== undefined) place(theirs, field.to.split('.'), value);
  }
  return theirs;
}

function mapped(body: unknown, field: MappedField, mapping: FieldMapping): unknown {
  if (field.from === undefined) return field.value;
  const ours = valueAt(body, field.from);
  if (ours === undefined || ours === null) return field.otherwise;
  const table = field.table === undefined ? undefined : mapping.tables[field.table];
  return written(table === undefined ? ours : translated(ours, table), field.as, mapping.time);
}

function translated(ours: unknown, table: Readonly<Record<string, unknown>>): unknown {
  const key = String(ours);
  return Object.hasOwn(table, key) ? table[key] : ours;
}

function written(value: unknown, as: MappedField['as'], time: FieldMapping['time']): unknown {
  switch (as) {
    case undefined:
      return value;
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'number':
      return Number(value);
    case 'json':
      return JSON.stringify(value);
    case 'join':
      return Array.isArray(value) ? value.map(String).join(',') : String(value);
    case 'time':
      return writtenTime(value, time);
  }
}

/** `value` is an RFC 3339 text, as every time in our body is. */
function writtenTime(value: unknown, { format, zone }: FieldMapping['time']): unknown {
  const at = Date.parse(String(value));
  if (Number.isNaN(at)) return value;
  if (format === 'epoch-ms') return at;
  if (format === 'epoch-s') return Math.floor(at / 1000);
  const local = localTime(at, zone);
  if (format === 'yyyy-MM-dd HH:mm:ss') return local;
  if (format === 'yyyyMMddHHmmss') return local.replace(/\D/g, '');
  return `${local.replace(' ', 'T')}${offsetOf(at, local)}`;
}

/** Making one takes a hundred times as long as writing a time with it; there are as many zones as settings name. */
const clocks = new Map<string, Intl.DateTimeFormat>();

/** `yyyy-MM-dd HH:mm:ss` on the clocks of a zone; Swedish writes dates that way. */
function localTime(at: number, zone: string): string {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
    clocks.set(zone, clock);
  }
  return clock.format(at);
}

function offsetOf(at: number, local: string): string {
  const minutes = Math.round((Date.parse(`${local.replace(' ', 'T')}Z`) - Math.floor(at / 1000) * 1000) / 60_000);
  const two = (value: number) => String(value).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

const SHANGHAI_AHEAD_MS = 8 * 3600_000;

/** An instant as our body writes it, which is later than 1991, the last year with summer time: RFC 3339 with Shanghai's offset. */
export function shanghaiTime(at: number): string {
  return `${new Date(Math.floor(at / 1000) * 1000 + SHANGHAI_AHEAD_MS).toISOString().slice(0, 19)}+08:00`;
}

function place(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let into = target;
  for (const key of path.slice(0, -1)) {
    const inner = Object.hasOwn(into, key) ? into[key] : undefined;
    if (typeof inner === 'object' && inner !== null) into = inner as Record<string, unknown>;
    else {
      const made: Record<string, unknown> = {};
      into[key] = made;
      into = made;
    }
  }
  into[path.at(-1) as string] = value;
}
