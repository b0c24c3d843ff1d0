// Whether a data folder has been used before.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a data folder that has been used. */
const USED = ['huisu.db', 'lock.db'];

export function isUsed(folder: string): boolean {
  return USED.some(file => existsSync(join(folder, file)));
}
