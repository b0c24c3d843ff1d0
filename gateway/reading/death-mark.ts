// What is being read, in a file that outlives the process: a death that ends all of it, such as a crash inside a native module or the
// system's want of memory, leaves behind which messages it may have been.
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'reading-now';

export interface DeathMark {
  /** These and no others are being parsed and judged. It is in the system's hands at once, and never forced to the disk: it is to
   *  outlive this process and not the machine, whose end is no message's fault. */
  set(numbers: Iterable<string>): void;
}

/** Of one data folder, by the process that holds it. */
export interface MarkFile {
  readonly path: string;
  /** What was being read when the process before this one died; empty where it ended in good order. */
  readonly left: readonly string[];
  /** At an end in good order, and at any that the program has decided on itself. */
  remove(): void;
}

/** Throws where it cannot be written. */
export function openMarkFile(folder: string): MarkFile {
  const path = join(folder, NAME);
  const left = leftIn(path);
  const file = openSync(path, 'w', 0o600);
  try {
    write(file, []);
  } finally {
    closeSync(file);
  }
  return { path, left, remove: () => rmSync(path, { force: true }) };
}

function leftIn(path: string): readonly string[] {
  try {
    const [line = ''] = readFileSync(path, 'latin1').split('\n');
    return line.split(' ').filter(number => number !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

/** In the thread that reads. */
export function openDeathMark(path: string): DeathMark {
  const file = openSync(path, 'r+');
  write(file, []);
  return { set: numbers => write(file, numbers) };
}

/** What stands behind the line is of an earlier, longer one. */
function write(file: number, numbers: Iterable<string>): void {
  writeSync(file, `${[...numbers].join(' ')}\n`, 0, 'latin1');
}
