// Messages to train the categories on: read from files, copies of those that are scored left out, grams that may be kept counted.
import { readFileSync } from 'node:fs';
import { cleanText } from '../normalizer/text.ts';
import { ownPairs } from './own-words.ts';

export interface TrainingRow {
  readonly title: string;
  readonly content: string;
  readonly sender: string;
  /** First-level label, where the file gives one. */
  readonly category1: string | null;
  /** Words, where the file holds segmented text. */
  readonly words: readonly string[] | null;
  readonly id: string;
}

type Json = Readonly<Record<string, string | undefined>>;

export function readRows(files: readonly string[]): readonly TrainingRow[] {
  return files
    .flatMap(file => readFileSync(file, 'utf8').split('\n'))
    .filter(line => line.trim() !== '')
    .map(line => {
      const row = JSON.parse(line) as Json;
      const segmented = row['segmented'];
      const raw = segmented?.replaceAll(' ', '') ?? row['body'] ?? row['content'] ?? '';
      return {
        id: row['id'] ?? '',
        title: cleanText(row['title'] ?? '', 300).text.replaceAll('\n', ' '),
        content: cleanText(raw, 20_000).text,
        sender: row['user'] ?? row['requester'] ?? '',
        category1: row['category1'] ?? null,
        words: segmented?.split(' ').filter(word => word !== '') ?? null,
      };
    });
}

/** So much of a message's words in order in another one makes it a copy. */
const COPIED_SHARE = 0.8;

function sharedInOrder(words: readonly string[], text: string): number {
  let at = 0;
  let found = 0;
  for (const word of words) {
    const next = text.indexOf(word, at);
    if (next < 0) continue;
    found++;
    at = next + word.length;
  }
  return found / words.length;
}

/** True for a segmented message that is one of the scored texts: two of its longest words, then most words in order. */
function isCopy(words: readonly string[], texts: readonly string[]): boolean {
  const longest = [...new Set(words)].sort((a, b) => b.length - a.length).slice(0, 3);
  return texts.some(
    text =>
      longest.filter(word => text.includes(word)).length >= Math.min(2, longest.length) &&
      sharedInOrder(words, text) >= COPIED_SHARE,
  );
}

/** Rows that are none of the scored messages. @param named ids that are said to be copies */
export function withoutCopies(
  rows: readonly TrainingRow[],
  scored: readonly TrainingRow[],
  named: ReadonlySet<string>,
): readonly TrainingRow[] {
  const texts = scored.map(({ title, content }) => `${title}${content}`.replaceAll(/\s/g, ''));
  const whole = new Set(texts);
  return rows.filter(({ id, title, content, words }) => {
    if (named.has(id) || whole.has(`${title}${content}`.replaceAll(/\s/g, ''))) return false;
    return words === null || !isCopy(words, texts);
  });
}

const LEAST_MESSAGES = 10;
const LEAST_SENDERS = 5;

/** Runs of one to four Han characters whose every pair is in our own words. */
function* gramsOf(text: string, own: ReadonlySet<string>): Iterable<string> {
  for (const run of text.split(/[^\u4e00-\u9fff]+/)) {
    for (let at = 0; at < run.length; at++) {
      yield run.charAt(at);
      for (let end = at + 2; end <= Math.min(run.length, at + 4) && own.has(run.slice(end - 2, end)); end++) {
        yield run.slice(at, end);
      }
    }
  }
}

/** Grams that so many messages of so many senders have, with the number of messages. */
export function commonGrams(appeals: readonly TrainingRow[]): ReadonlyMap<string, number> {
  const own = new Set(ownPairs());
  const seen = new Map<string, { messages: number; senders: Set<string> }>();
  for (const { title, content, sender } of appeals) {
    for (const gram of new Set(gramsOf(`${title}\n${content}`, own))) {
      const known = seen.get(gram) ?? { messages: 0, senders: new Set<string>() };
      seen.set(gram, known);
      known.messages++;
      if (known.senders.size < LEAST_SENDERS) known.senders.add(sender);
    }
  }
  const kept = [...seen].filter(
    ([, { messages, senders }]) => messages >= LEAST_MESSAGES && senders.size >= LEAST_SENDERS,
  );
  return new Map(kept.sort(([a], [b]) => (a < b ? -1 : 1)).map(([gram, { messages }]) => [gram, messages]));
}
