// 半成品: the folder in which a backup or a restore is made before it gets its name.
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a new folder beside `target`. One that was killed leaves its own, with files that must get into no other; the number of its
 * process would not tell them apart, since in a container every process has the same.
 */
export function makePartial(target: string): string {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const partial = `${target}.${randomBytes(4).toString('hex')}.partial`;
  mkdirSync(partial, { mode: 0o700 });
  return partial;
}
