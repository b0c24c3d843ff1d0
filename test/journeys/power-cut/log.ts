// The recorder's log as typed events.
import { readFileSync } from 'node:fs';

/** One thing that was done to a file of the recorded folder; `file` is the recorder's id of it. */
export type FileEvent =
  | { readonly kind: 'open'; readonly file: number; readonly name: string }
  | { readonly kind: 'held'; readonly file: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly kind: 'unlink'; readonly file: number }
  | { readonly kind: 'rename'; readonly file: number; readonly name: string }
  | { readonly kind: 'sync-begin' | 'sync-end'; readonly file: number; readonly turn: number };

const HEAD_BYTES = 17;

function toEvent(type: string, file: number, offset: number, bytes: Buffer): FileEvent {
  switch (type) {
    case 'O':
      return { kind: 'open', file, name: bytes.toString() };
    case 'H':
      return { kind: 'held', file, offset, bytes };
    case 'W':
      return { kind: 'write', file, offset, bytes };
    case 'T':
      return { kind: 'truncate', file, size: offset };
    case 'U':
      return { kind: 'unlink', file };
    case 'R':
      return { kind: 'rename', file, name: bytes.toString() };
    case 'B':
      return { kind: 'sync-begin', file, turn: offset };
    case 'E':
      return { kind: 'sync-end', file, turn: offset };
    default:
      throw new Error(`the recorder's log is damaged: a record of type ${JSON.stringify(type)}`);
  }
}

/** Reads a whole log. */
export function readLog(path: string): readonly FileEvent[] {
  const log = readFileSync(path);
  const events: FileEvent[] = [];
  for (let at = 0; at < log.length; ) {
    const length = log.readUInt32LE(at + 13);
    const bytes = log.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    if (bytes.length < length) throw new Error("the recorder's log ends within a record");
    const offset = Number(log.readBigUInt64LE(at + 5));
    events.push(toEvent(String.fromCharCode(log[at]!), log.readUInt32LE(at + 1), offset, bytes));
    at += HEAD_BYTES + length;
  }
  return events;
}
