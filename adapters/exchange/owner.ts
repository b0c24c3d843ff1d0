// One channel a folder: two would take the same rows, each as its own. The first to put its id into work/ has it.
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Misconfigured } from '../contract.ts';
import { codeOf, type Folder } from './folder.ts';

const OWNER = 'channel';
/** Network shares mostly know no links. */
const LINKLESS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EISDIR']);
/** Whoever has made the file writes it at once. */
const WRITTEN_MS = 250;

/** Throws `Misconfigured` where the folder is another channel's, also one's that is opened in the same instant. */
export async function claimFolder({ work }: Folder, base: string, channel: string): Promise<void> {
  const path = join(work, OWNER);
  const own = `${path}.${randomUUID()}.tmp`;
  await writeFile(own, channel, { mode: 0o600, flag: 'wx' });
  try {
    await linkOrWrite(own, path, channel);
    // Left so by a crash where there are no links.
    if ((await ownerIn(path)) === '') await rename(own, path);
  } finally {
    await unlink(own).catch(error => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }
  const owner = await ownerIn(path);
  if (owner !== channel) {
    throw new Misconfigured(
      'exchange.folder_taken',
      '/folder',
      `${base} is the folder of channel ${owner}; see ${path}`,
    );
  }
}

/** A link stands there whole or not at all; a file that is made and then written is empty for a moment. */
async function linkOrWrite(own: string, path: string, channel: string): Promise<void> {
  try {
    await link(own, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (!LINKLESS.has(codeOf(error))) throw error;
    await writeFile(path, channel, { mode: 0o600, flag: 'wx' }).catch(failure => {
      if (codeOf(failure) !== 'EEXIST') throw failure;
    });
  }
}

async function ownerIn(path: string): Promise<string> {
  const owner = (await readFile(path, 'utf8')).trim();
  if (owner !== '') return owner;
  await sleep(WRITTEN_MS);
  return (await readFile(path, 'utf8')).trim();
}
