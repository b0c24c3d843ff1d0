// npm run new-adapter: makes an adapter's folder with its simulator, its test, its words and its page, all of it green.
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const TEMPLATE = join(ROOT, 'scripts', 'adapter-template');

const HELP = `npm run new-adapter -- KIND [--zh 名称] [--en NAME]
  KIND   lower-case words joined by hyphens, such as city-portal; it names the folder, the setting and the error codes
  --zh   what operators call the platform (KIND)
  --en   the same in English (KIND)`;

/** Template by the file it becomes; KIND stands for the adapter's kind. */
const FILES: Readonly<Record<string, string>> = {
  'index.ts.txt': 'adapters/KIND/index.ts',
  'settings.ts.txt': 'adapters/KIND/settings.ts',
  'parse.ts.txt': 'adapters/KIND/parse.ts',
  'webhook.ts.txt': 'adapters/KIND/webhook.ts',
  'setup.zh.md.txt': 'adapters/KIND/setup.zh.md',
  'quality.yaml.txt': 'adapters/KIND/quality.yaml',
  'platform.ts.txt': 'test/platforms/KIND.ts',
  'conformance.test.ts.txt': 'test/adapters/KIND-conformance.test.ts',
};
const FORMATTER = 'node_modules/@biomejs/biome/bin/biome';
const WORDS = 'gateway/locale/problems.yaml';

interface Names {
  readonly kind: string;
  readonly zh: string;
  readonly en: string;
}

/** The template's own names, each by what takes its place. */
function filled(text: string, { kind, zh, en }: Names): string {
  const joined = kind
    .split('-')
    .map(word => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  return text
    .replaceAll('my-platform', kind)
    .replaceAll('MY_PLATFORM', kind.replaceAll('-', '_').toUpperCase())
    .replaceAll('MyPlatform', joined)
    .replaceAll('My platform', en)
    .replaceAll('我的平台', zh);
}

/** Writes the adapter into a clone and answers the files it made; throws, in words, where it cannot. */
function newAdapter(root: string, names: Names): readonly string[] {
  const { kind } = names;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(kind)) throw new Error(`${kind}: lower-case words joined by hyphens`);
  for (const word of [names.zh, names.en]) if (/['\\\n]/.test(word)) throw new Error(`${word}: no quotes, one line`);
  const made = Object.values(FILES).map(path => path.replaceAll('KIND', kind));
  const there = [`adapters/${kind}`, ...made].find(path => existsSync(join(root, path)));
  if (there !== undefined) throw new Error(`${there} is there already`);
  for (const [template, path] of Object.entries(FILES)) {
    const file = join(root, path.replaceAll('KIND', kind));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, filled(readFileSync(join(TEMPLATE, template), 'utf8'), names));
  }
  appendFileSync(join(root, WORDS), filled(readFileSync(join(TEMPLATE, 'problems.yaml.txt'), 'utf8'), names));
  return made;
}

/** The list of adapters and their pages are made by programs that have not read the folders as they were before. */
function run(...args: readonly string[]): void {
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { zh: { type: 'string' }, en: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  const kind = positionals[0];
  if (values.help || kind === undefined) {
    console.log(HELP);
    process.exit(kind === undefined && !values.help ? 64 : 0);
  }
  try {
    const made = newAdapter(ROOT, { kind, zh: values.zh ?? kind, en: values.en ?? kind });
    for (const script of ['registry.ts', 'docs.ts']) run(`scripts/${script}`);
    // The order of imports depends on the kind.
    run(FORMATTER, 'check', '--write', '--vcs-enabled=false', '--log-level=error', ...made, WORDS);
    console.log(['made:', ...[...made, `docs/adapters/${kind}.md`].map(path => `  ${path}`)].join('\n'));
    console.log(`  words in ${WORDS}\nnow: npm test -- ${kind} docs.test registry.test && npm run lint`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(65);
  }
}
