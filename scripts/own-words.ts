// Pairs of characters in our own rule files: words we chose ourselves, so that no name of a person or place is among them.
import { readdirSync, readFileSync } from 'node:fs';

const RULES = new URL('../config/rules/', import.meta.url);
/** Files of our own words that hold names. */
const WITH_NAMES = /^(?:places|china|units|personal)/;

/** @returns each pair once, in order */
export function ownPairs(): readonly string[] {
  const pairs = new Set<string>();
  for (const file of readdirSync(RULES).filter(name => name.endsWith('.yaml') && !WITH_NAMES.test(name))) {
    const text = readFileSync(new URL(file, RULES), 'utf8').replace(/#.*$/gm, '');
    for (const word of text.split(/[^\u4e00-\u9fff]+/)) {
      for (let at = 0; at + 2 <= word.length; at++) pairs.add(word.slice(at, at + 2));
    }
  }
  return [...pairs].sort();
}
