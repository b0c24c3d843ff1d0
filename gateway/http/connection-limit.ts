// How many connections there may be, so that threads, databases, files and what the gateway asks of others always have theirs.
import { readFileSync } from 'node:fs';

/** What all else in a process needs at its busiest, by far. */
const OTHERS = 256;

export interface ConnectionLimit {
  readonly connections: number;
  /** Files that the process may have open, where that is why it is not what the settings name; else null. */
  readonly openFiles: number | null;
}

/**
 * Every connection is an open file, and a process that may open no more can neither read its keys nor start a thread: callers
 * who only hold connections open must not bring that about.
 * @param openFiles as many as the process may have open; null: without a limit
 */
export function connectionLimit(wanted: number, openFiles: number | null = openFilesLimit()): ConnectionLimit {
  if (openFiles === null || wanted + OTHERS <= openFiles) return { connections: wanted, openFiles: null };
  // With so few that even the others do not have theirs, something is served all the same.
  return { connections: Math.max(openFiles - OTHERS, Math.floor(openFiles / 4)), openFiles };
}

let known: number | null | undefined;

/** What `ulimit -n` or LimitNOFILE says, which stays as it was at the start; null where it is not known, or there is none. */
function openFilesLimit(): number | null {
  if (known === undefined) known = process.platform === 'linux' ? readLimit() : null;
  return known;
}

function readLimit(): number | null {
  // Node.js raises the soft limit to the hard one when it starts.
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? null : Number(soft);
}
