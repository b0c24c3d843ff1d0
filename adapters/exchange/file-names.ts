// Names of files as platforms give them: those of Windows in bytes of GBK, too long ones, and ones that are taken already.
import { basename, dirname, join } from 'node:path';

/** A name as a person reads it. Windows programs upload names in GBK, which a file system keeps as they are. */
export function readName(bytes: Uint8Array): { readonly name: string; readonly isUtf8: boolean } {
  try {
    return { name: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), isUtf8: true };
  } catch {
    // What is no UTF-8 is to be read by a person only; the file goes on by its bytes.
    return { name: new TextDecoder('gb18030').decode(bytes).replaceAll('/', '_'), isUtf8: false };
  }
}

const LONGEST_NAME = 150;

/** A file's name with room for the endings we give it; a file system takes 255 bytes at most. */
export function roomyName(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name;
  const dot = name.lastIndexOf('.');
  const ending = dot > 0 && name.length - dot <= 10 ? name.slice(dot) : '';
  let stem = '';
  for (const sign of name.slice(0, name.length - ending.length)) {
    if (Buffer.byteLength(stem + sign + ending) > LONGEST_NAME) break;
    stem += sign;
  }
  return stem + ending;
}

/** The path as it is, or with a number where it is taken: `a.csv`, `a-2.csv`. */
export function* candidates(path: string): Iterable<string> {
  yield path;
  for (let turn = 2; ; turn++) yield join(dirname(path), numbered(basename(path), turn));
}

/** The number goes before the ending, which tells programs what a file is. */
function numbered(name: string, turn: number): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? `${name.slice(0, dot)}-${turn}${name.slice(dot)}` : `${name}-${turn}`;
}
