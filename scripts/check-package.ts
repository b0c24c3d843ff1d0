// Packs the build, unpacks it as an installed package in another folder and runs it there as plain JavaScript.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const folder = mkdtempSync(join(tmpdir(), 'huisu-package-'));
const run = (command: string, args: readonly string[], cwd: string) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], ROOT)) as [
    { filename: string },
  ];
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  run('tar', ['-xzf', join(folder, filename), '-C', folder], folder);
  // Links instead of an install: the same packages, and no network. Node strips no types under node_modules, so a
  // TypeScript file that slipped into the package would fail here as it would for a user.
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  }
  run('mv', [join(folder, 'package'), join(modules, 'huisu')], folder);
  const entry = join(modules, 'huisu', 'dist', 'gateway', 'main.js');
  if (!existsSync(entry)) throw new Error('the package has no dist: run npm run build first');
  const answer = run(process.execPath, [entry, 'check', '--json'], folder);
  if ((JSON.parse(answer.trim().split('\n').at(-1) as string) as { ok?: boolean }).ok !== true) throw new Error(answer);
  console.log(`${filename} runs from another folder`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
