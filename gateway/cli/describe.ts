// A result as lines for a person: label and value, nested values indented.
import { catalogueEntry } from '../catalogue.ts';
import { type Language, word } from '../locale.ts';
import type { Row } from './command.ts';
import { plain, time } from './table.ts';

/** Milliseconds since the epoch fall in this range; other numbers are counts. */
const TIMES = { from: Date.UTC(2001, 0), to: Date.UTC(2100, 0) };

/** Empty values are left out. */
export function lines(result: Row, language: Language, indent = ''): readonly string[] {
  return Object.entries(result).flatMap(([key, value]) => {
    const label = `${indent}${word(language, 'label', key)}: `;
    if (isEmpty(value)) return [];
    if (Array.isArray(value) && value.some(item => typeof item === 'object')) {
      return [label.trimEnd(), ...value.map(item => listItem(item, language, `${indent}  `, OF[key]))];
    }
    if (typeof value === 'object' && !Array.isArray(value)) {
      const inner = `${indent}  `;
      return [
        label.trimEnd(),
        ...(key === 'settings' ? asNamed(value as Row, inner) : lines(value as Row, language, inner)),
      ];
    }
    return [label + named(key, value, language)];
  });
}

/** Settings under the names by which they are set. */
function asNamed(settings: Row, indent: string): readonly string[] {
  return Object.entries(settings).map(([name, value]) => `${indent}${name}: ${plain(JSON.stringify(value))}`);
}

/** What `of` is called in a list: a link to a ticket says nothing of joining it. */
const OF: Readonly<Record<string, string>> = { links: 'linked' };

function listItem(item: unknown, language: Language, indent: string, of = 'of'): string {
  return `${indent}- ${inLine(item as Row, language, of).join('  ')}`;
}

function inLine(value: Row, language: Language, of = 'of'): readonly string[] {
  return Object.entries(value)
    .filter(([, one]) => !isEmpty(one))
    .map(([key, one]) => `${word(language, 'label', key === 'of' ? of : key)} ${named(key, one, language)}`);
}

/** Values that the locale has words for, by the key they stand under. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  state: ['ticketState', 'messageState', 'entryState'],
  outcome: ['outcome'],
  reason: ['reason', 'holdReason'],
  kind: ['outcome', 'linkKind', 'entryKind', 'moveKind', 'eventKind'],
  supervised: ['boolean', 'supervision'],
  because: ['supervision'],
  verdict: ['verdict'],
  by: ['by'],
  what: ['deadline'],
  reasons: ['repeat'],
  identity: ['identity'],
  asks: ['label'],
  entries: ['entryKind'],
  detail: ['detail'],
  problems: [],
};

function named(key: string, value: unknown, language: Language): string {
  const groups = WORDS[key];
  if (groups === undefined) return scalar(value, language);
  if (Array.isArray(value)) return value.map(item => named(key, item, language)).join(' ');
  // A reason carries its figure, or the feature it names, after a colon (`days:3`, `for:rare`).
  const [code, figure] = String(value)
    .replace(/^repeat\./, '')
    .split(':') as [string, string?];
  const found =
    groups.map(group => word(language, group, code)).find(text => text !== code) ?? explained(code, language);
  return figure === undefined ? found : `${found} ${word(language, 'feature', figure)}`;
}

/** Codes of failures keep standing beside their words: logs and docs know them by the code. */
function explained(code: string, language: Language): string {
  const entry = catalogueEntry(code);
  return entry === null ? code : `${code} (${entry[language].title})`;
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.values(value).every(isEmpty);
}

function scalar(value: unknown, language: Language): string {
  if (typeof value === 'number' && value > TIMES.from && value < TIMES.to) return time(value);
  if (typeof value === 'boolean') return word(language, 'boolean', String(value));
  if (Array.isArray(value)) return value.map(item => scalar(item, language)).join(' ');
  if (typeof value === 'object' && value !== null) return inLine(value as Row, language).join(' ');
  return plain(String(value));
}
