// What the cells of a row mean: headings to fields, words of the platform to ours, and an appeal of them. Pure.
import type { InboundAppeal, InboundAttachment, InboundContact, InboundPlace } from '../contract.ts';
import { type Field, fieldOf, foldHeading, headingFinder } from './columns.ts';
import type { RowFault } from './row-errors.ts';
import type { NamedCell, NamedRow } from './rows.ts';
import type { ExchangeSettings } from './settings.ts';
import { readTime } from './times.ts';

const LONGEST_TEXT = 100_000;
const LONGEST_NUMBER = 128;
const MOST_ATTACHMENTS = 20;
/** Headings remembered for a channel; those of strangers' JSON Lines may be without end. */
const MOST_REMEMBERED = 5000;

/** Fields whose every digit counts; Excel writes long ones as `1.38E+10` into a CSV, and what it has rounded off is gone. */
const NUMBERS: ReadonlySet<Field | null> = new Set<Field>(['externalId', 'phone', 'callerPhone', 'idNumber']);
const ROUNDED = /^\s*(?:\d(?:[.,]\d+)?E\+\d{2,}|\d{16,}\.0+)\s*$/i;

/** `="0013"`: how a CSV makes Excel keep zeros and long numbers. */
const KEPT_AS_TEXT = /^=\s*"(.*)"$/s;
/** What exports put before a number for the same end, and signs that cannot be seen, which come along when one is copied. */
const NO_DIGIT_OF_IT = /^['`‘’](?=[\p{L}\p{N}])|\p{Cf}/gu;

/** What programs write for a cell with nothing in it; taken for an id, it would make one person of many. */
const NOTHING = /^(?:null|\\N|[(<]null[)>]|nan|none|undefined|#?n\/a)$/i;
/** A number that went through a program as a fraction: `13800138000.0`. */
const FRACTION = /^(\d+)\.0+$/;

function plainText(text: string, isNumber: boolean): string {
  const plain = text.trim();
  const kept = (KEPT_AS_TEXT.exec(plain)?.[1] ?? plain).trim();
  if (NOTHING.test(kept)) return '';
  return isNumber ? kept.replace(NO_DIGIT_OF_IT, '').trim().replace(FRACTION, '$1') : kept;
}

/** The first filled cell of each field, in the platform's words changed by the channel's tables. */
export type Fields = ReadonlyMap<Field, string>;

export interface Mapper {
  readonly find: (heading: string) => Field | null;
  /** Cells that belong to the original. */
  kept(cells: readonly NamedCell[]): readonly NamedCell[];
  fields(cells: readonly NamedCell[]): Fields;
  /** Why a row is sent back instead of taken; null when it is taken. */
  fault(row: NamedRow): RowFault | null;
}

const mappers = new WeakMap<object, Mapper>();

/** The mapper of a channel's settings; made once for them. */
export function mapperOf(settings: ExchangeSettings): Mapper {
  const known = mappers.get(settings);
  if (known !== undefined) return known;
  const made = makeMapper(settings);
  mappers.set(settings, made);
  return made;
}

function makeMapper({ columns, values, ignoreColumns }: ExchangeSettings): Mapper {
  const find = headingFinder(columns);
  const ignored = new Set(ignoreColumns.map(foldHeading));
  const remembered = new Map<string, Field | null>();
  const field = (heading: string): Field | null => {
    let found = remembered.get(heading);
    if (found === undefined) {
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      found = fieldOf(find, heading);
      remembered.set(heading, found);
    }
    return found;
  };
  const fields = (cells: readonly NamedCell[]): Fields => {
    const read = new Map<Field, string>();
    for (const { heading, text } of cells) {
      const name = field(heading);
      const plain = plainText(text, NUMBERS.has(name));
      if (name === null || plain === '' || read.has(name)) continue;
      const table = values[name];
      read.set(name, table !== undefined && Object.hasOwn(table, plain) ? (table[plain] as string) : plain);
    }
    return read;
  };
  return {
    find,
    kept: cells => (ignored.size === 0 ? cells : cells.filter(({ heading }) => !ignored.has(foldHeading(heading)))),
    fields,
    fault: row => row.fault ?? totalFault(row) ?? cellFault(row, field) ?? rowFault(row.row, fields(row.cells)),
  };
}

const TOTAL = /^(?:合计|总计|小计|共计|累计)[:：]?$/;

/** What stands below a table, whose counts are no appeal's words. */
function totalFault({ row, cells }: NamedRow): RowFault | null {
  const first = cells.find(({ text }) => text.trim() !== '')?.text.replace(/\s/g, '') ?? '';
  return TOTAL.test(first) ? { code: 'exchange.total_row', row, column: null } : null;
}

/** Cells of columns that nobody asks for may hold what they like, NUL bytes excepted. */
function cellFault({ row, cells }: NamedRow, field: (heading: string) => Field | null): RowFault | null {
  for (const { heading: column, text, fault } of cells) {
    if (text.includes('\0')) return { code: 'exchange.nul_bytes', row, column: column.replaceAll('\0', '') };
    const held = field(column);
    if (held === null) continue;
    if (fault !== undefined) return { code: fault, row, column };
    if (NUMBERS.has(held) && ROUNDED.test(text)) return { code: 'exchange.digits_lost', row, column };
    if (text.length > LONGEST_TEXT) {
      return { code: 'exchange.cell_too_long', row, column, values: { most: LONGEST_TEXT } };
    }
  }
  return null;
}

function rowFault(row: number, fields: Fields): RowFault | null {
  const empty = (fields.get('content') ?? '') === '' && (fields.get('title') ?? '') === '';
  if (empty) return { code: 'exchange.no_content', row, column: null };
  if ((fields.get('externalId')?.length ?? 0) > LONGEST_NUMBER) {
    return { code: 'exchange.bad_number', row, column: null, values: { most: LONGEST_NUMBER } };
  }
  return null;
}

/** Whose row it is: rows of one sender keep their order. */
export function senderOf(fields: Fields): string | null {
  const phone = (fields.get('phone') ?? fields.get('callerPhone') ?? '').normalize('NFKC').replace(/\D/g, '');
  if (phone !== '') return phone;
  return fields.get('idNumber') ?? fields.get('openid') ?? fields.get('email') ?? null;
}

const CONTACT = [
  'name',
  'sex',
  'phone',
  'callerPhone',
  'email',
  'idKind',
  'idNumber',
  'address',
  'organisation',
  'replyBy',
] as const satisfies readonly (Field & keyof InboundContact)[];
const SAME = ['type', 'urgency', 'subject'] as const satisfies readonly (Field & keyof InboundAppeal)[];
const TIMES = ['occurredAt', 'sentAt'] as const satisfies readonly (Field & keyof InboundAppeal)[];
const FLAGS = ['anonymous', 'confidential', 'public'] as const satisfies readonly (Field & keyof InboundAppeal)[];

/** An appeal of fields that hold a content or a title. */
export function appealOf(fields: Fields): InboundAppeal {
  const title = fields.get('title') ?? '';
  const content = fields.get('content') ?? '';
  const openid = fields.get('openid');
  const externalId = fields.get('externalId');
  const category = categories(fields);
  const place = placeOf(fields);
  return {
    kind: 'appeal',
    content: content === '' ? title : content,
    ...(title === '' || content === '' ? {} : { title }),
    ...picked(SAME, fields, text => text),
    ...picked(TIMES, fields, readTime),
    ...picked(FLAGS, fields, flag),
    ...(category.length === 0 ? {} : { category }),
    ...(place === null ? {} : { place }),
    contact: {
      ...picked(CONTACT, fields, text => text),
      ...(openid === undefined ? {} : { openid: openid.includes(':') ? openid : `exchange:${openid}` }),
    },
    externalIds: externalId === undefined ? {} : { externalId },
    attachments: attachments(fields.get('attachments') ?? ''),
  };
}

/** Those of the names that are filled; `undefined` leaves one out. */
function picked<N extends Field, T>(
  names: readonly N[],
  fields: Fields,
  read: (text: string, name: N) => T | undefined,
): Partial<Record<N, T>> {
  const found: Partial<Record<N, T>> = {};
  for (const name of names) {
    const text = fields.get(name);
    const value = text === undefined ? undefined : read(text, name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

const YES = /^(是|真|有|要|y|yes|true|1|√|✓|同意|需要)$/i;
const NO = /^(否|不|假|无|n|no|false|0|×|不同意|不需要)$/i;
type Flag = (typeof FLAGS)[number];
/** Words that are a yes or no in the column of one flag, and may be the other in that of another. */
const SAID: Readonly<Record<Flag, { readonly yes: RegExp; readonly no: RegExp }>> = {
  anonymous: { yes: /^(?:匿名|不公开|保密)$/, no: /^(?:不匿名|非匿名|实名|公开)$/ },
  confidential: { yes: /^(?:保密|不公开|匿名)$/, no: /^(?:不保密|非保密|公开)$/ },
  public: { yes: /^(?:公开|愿意公开|同意公开)$/, no: /^(?:不公开|非公开|保密|匿名|不愿公开|不同意公开)$/ },
};

/** Nothing where a word is on neither list: the text of the appeal then decides. */
function flag(text: string, name: Flag): boolean | undefined {
  if (YES.test(text) || SAID[name].yes.test(text)) return true;
  return NO.test(text) || SAID[name].no.test(text) ? false : undefined;
}

function categories(fields: Fields): readonly string[] {
  const levels = (fields.get('category') ?? '').split(/\s*[/\\>＞→|]\s*/);
  const all = [...levels, fields.get('category2') ?? '', fields.get('category3') ?? ''];
  return all.map(level => level.trim()).filter(level => level !== '');
}

function placeOf(fields: Fields): InboundPlace | null {
  const text = fields.get('place');
  const division = fields.get('division');
  const longitude = degrees(fields.get('longitude'), 180);
  const latitude = degrees(fields.get('latitude'), 90);
  const datum = fields.get('datum');
  const point = longitude === null || latitude === null ? null : { longitude, latitude };
  if (text === undefined && division === undefined && point === null) return null;
  return {
    ...(text === undefined ? {} : { text }),
    ...(division === undefined ? {} : { division }),
    ...(point ?? {}),
    ...(point === null || datum === undefined ? {} : { datum }),
  };
}

function degrees(text: string | undefined, most: number): number | null {
  const value = text === undefined ? Number.NaN : Number(text);
  return Number.isFinite(value) && Math.abs(value) <= most ? value : null;
}

/** Addresses in one cell, parted by blanks, commas or semicolons; names of files that nobody can fetch are left in the cell. */
function attachments(text: string): readonly InboundAttachment[] {
  const urls = text.split(/[\s,;|，；、]+/).filter(part => /^https?:\/\/[^\s]+$/i.test(part));
  return urls.slice(0, MOST_ATTACHMENTS).map(url => ({ name: nameIn(url), source: { kind: 'url', url } }));
}

function nameIn(url: string): string {
  const last =
    url
      .replace(/[?#].*$/, '')
      .split('/')
      .at(-1) ?? '';
  try {
    return decodeURIComponent(last).slice(0, 255) || 'file';
  } catch {
    return last.slice(0, 255);
  }
}
