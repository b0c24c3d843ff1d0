// One JSON file of the rules folder as data.
import { readFileSync } from 'node:fs';
import { ConfigError } from './errors.ts';

/** @throws ConfigError naming the file where it cannot be read or is no JSON */
export function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const zh = '读不出来，或不是 JSON';
    const en = `cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new ConfigError([{ code: 'config.invalid', path: '$', file, line: null, column: null, zh, en }]);
  }
}
