// Copies what is not TypeScript (settings, rules, sentences, setup pages) beside the compiled files in dist.
import { cpSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const ROOMS = ['adapters', 'config', 'gateway', 'normalizer', 'store'];

let copied = 0;
for (const room of ROOMS) {
  for (const entry of readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    cpSync(file, join(ROOT, 'dist', file.slice(ROOT.length + 1)));
    copied++;
  }
}
console.log(`${copied} files copied into dist`);
