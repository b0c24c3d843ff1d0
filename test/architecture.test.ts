// The import rules of the house, read from the files themselves: down only and never round, adapters like a third party, one vendor one file.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const ROOMS = ['normalizer', 'config', 'store', 'adapters', 'gateway'] as const;
type Room = (typeof ROOMS)[number];

/** What each room may import of the others. Types may come from the seams below; `import type` counts like any import. */
const BELOW: Readonly<Record<Room, readonly Room[]>> = {
  normalizer: [],
  config: ['normalizer'],
  store: ['normalizer'],
  adapters: ['normalizer'],
  gateway: ['normalizer', 'config', 'store', 'adapters'],
};

/** Where a package may be imported; what is not named here may be imported nowhere in the product. */
const VENDORS: Readonly<Record<string, readonly string[]>> = {
  express: ['gateway/http/'],
  pino: ['gateway/telemetry/telemetry.ts'],
  'prom-client': ['gateway/telemetry/metrics.ts'],
  commander: ['gateway/main.ts', 'gateway/cli/'],
  'cli-progress': ['gateway/cli/'],
  bull: ['gateway/dispatch/bull-queue.ts'],
  '@bull-board/api': ['gateway/http/queue-board.ts'],
  '@bull-board/express': ['gateway/http/queue-board.ts'],
  cockatiel: ['gateway/dispatch/breaker.ts'],
  undici: ['adapters/kit/http.ts'],
  nodemailer: ['gateway/alarms/mail.ts'],
  ajv: ['adapters/kit/quick-check.ts'],
  'ipaddr.js': ['adapters/kit/address.ts'],
  busboy: ['adapters/kit/multipart.ts'],
  'secure-json-parse': ['adapters/kit/json.ts'],
  htmlparser2: ['normalizer/html.ts', 'adapters/mailbox/html-text.ts'],
  mailparser: ['adapters/mailbox/parse.ts'],
  'csv-parse': ['adapters/exchange/csv.ts'],
  yauzl: ['adapters/exchange/zip.ts'],
  saxes: ['adapters/exchange/xml.ts'],
  'opencc-js': ['normalizer/characters.ts'],
  'chinese-days': ['normalizer/work-calendar.ts'],
  imapflow: ['adapters/mailbox/client.ts'],
  mongoose: ['store/mongo/'],
  yaml: ['config/source.ts'],
  joi: ['config/', 'normalizer/', 'adapters/', 'gateway/dispatch/'],
  mocha: ['adapters/conformance'],
  'fast-check': ['adapters/conformance'],
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const STATEMENT = /^\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

/** Every import of a source text, `import()` and types included. */
function importsOf(file: string, text: string): readonly Import[] {
  const code = text.replace(COMMENT, '');
  const found: Import[] = [];
  for (const [, type, from, bare] of code.matchAll(STATEMENT)) {
    found.push({ file, target: (from ?? bare) as string, typeOnly: type !== undefined });
  }
  for (const [, target] of code.matchAll(DYNAMIC)) found.push({ file, target: target as string, typeOnly: false });
  return found;
}

function roomOf(path: string): Room | null {
  return ROOMS.find(room => path.startsWith(`${room}/`)) ?? null;
}

/** Why an import breaks a rule; null when it does not. */
function fault({ file, target }: Import): string | null {
  if (target.startsWith('node:')) return null;
  if (!target.startsWith('.')) return vendorFault(file, target);
  const path = relative(ROOT, resolve(ROOT, dirname(file), target)).replaceAll('\\', '/');
  const from = roomOf(file) as Room;
  const to = roomOf(path);
  if (to === null) return `${file} imports ${path}, which is in no room of the product`;
  if (to !== from && !BELOW[from].includes(to)) return `${file} imports upwards: ${path}`;
  return adapterFault(file, path);
}

function vendorFault(file: string, target: string): string | null {
  const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : (target.split('/')[0] as string);
  const places = VENDORS[name];
  if (places === undefined) return `${file} imports ${name}, which is not in the list of vendors`;
  return places.some(place => file.startsWith(place)) ? null : `${file} imports ${name}, which belongs to ${places}`;
}

/** An in-tree adapter sees what a third party's would: contract, kit, its own folder. */
function adapterFault(file: string, path: string): string | null {
  const folder = /^adapters\/([^/]+)\//.exec(file)?.[1];
  if (folder === undefined) return null;
  const allowed = folder === 'kit' ? ['adapters/kit/', 'adapters/contract.ts', 'adapters/errors.ts'] : null;
  const own = allowed ?? [`adapters/${folder}/`, 'adapters/kit/', 'adapters/contract.ts'];
  return own.some(place => path.startsWith(place))
    ? null
    : `${file} imports ${path}: an adapter sees contract, kit and itself`;
}

function sources(): readonly string[] {
  return filesIn(ROOMS);
}

function filesIn(folders: readonly string[]): readonly string[] {
  return folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
      .map(entry => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/')),
  );
}

/** Parts of the product that are there for tests and for the pages made from code. */
const FOR_TESTS: readonly string[] = [
  // What docs/case-system.md shows, which a test writes and compares.
  'gateway/dispatch/examples.ts DOCUMENTED',
  // Every code of a link's reasons: a test finds those without words.
  'normalizer/dedupe.ts REASONS',
  // What reading may make of a message, whatever it holds.
  'normalizer/ticket-schema.ts ticketDraftSchema',
  // Whether the list of adapters is the one that the folders make.
  'scripts/registry.ts registryListIsCurrent',
];
/** What third parties import: nothing of ours need use it. */
const PUBLIC = /^adapters\/(?:kit\/|conformance\.ts)/;
const EXPORTED = /^export (?:async )?(?:const|function\*?|class) (\w+)/gm;

/**
 * Functions, constants and classes that a file hands out and nothing else names.
 * @param texts by file, without comments
 */
function unused(texts: ReadonlyMap<string, string>): readonly string[] {
  const named = new Map<string, number>();
  for (const text of texts.values()) {
    for (const [word] of text.matchAll(/\w+/g)) named.set(word, (named.get(word) ?? 0) + 1);
  }
  return [...texts]
    .filter(([file]) => !PUBLIC.test(file))
    .flatMap(([file, text]) => [...text.matchAll(EXPORTED)].map(([, name = '']) => ({ file, name })))
    .flatMap(({ file, name }) => (named.get(name) === 1 ? [`${file} ${name}`] : []));
}

/** The first circle of imports there is, as the files along it; null where there is none. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (file: string): readonly string[] | null => {
    const before = way.indexOf(file);
    if (before !== -1) return [...way.slice(before), file];
    if (done.has(file)) return null;
    way.push(file);
    for (const target of imports.get(file) ?? []) {
      const circle = visit(target);
      if (circle !== null) return circle;
    }
    way.pop();
    done.add(file);
    return null;
  };
  for (const file of imports.keys()) {
    const circle = visit(file);
    if (circle !== null) return circle;
  }
  return null;
}

/** What a file imports of the product's own files, types included. */
function ownImports(file: string): readonly string[] {
  return importsOf(file, readFileSync(join(ROOT, file), 'utf8'))
    .filter(({ target }) => target.startsWith('.'))
    .map(({ target }) => relative(ROOT, resolve(ROOT, dirname(file), target)).replaceAll('\\', '/'));
}

describe('architecture', () => {
  it('keeps every import going down, adapters like a third party’s, and each vendor in its place', () => {
    const faults = sources().flatMap(file =>
      importsOf(file, readFileSync(join(ROOT, file), 'utf8')).flatMap(one => fault(one) ?? []),
    );
    assert.deepEqual(faults, []);
  });

  it('would catch an import upwards, sideways, of a foreign vendor, and one hidden in import()', () => {
    const planted = [
      ['store/sqlite/engine.ts', "import { x } from '../../gateway/intake.ts';"],
      ['normalizer/normalize.ts', "import type { Store } from '../store/store.ts';"],
      ['adapters/app/parse.ts', "import { y } from '../mailbox/parse.ts';"],
      ['adapters/app/client.ts', "const z = await import('../../gateway/intake.ts');"],
      ['adapters/app/parse.ts', "import { n } from '../../normalizer/text.ts';"],
      ['gateway/intake.ts', "import { Router } from 'express';"],
      ['gateway/intake.ts', "import leftPad from 'left-pad';"],
      ['normalizer/text.ts', "export { q } from\n  '../gateway/number.ts';"],
    ] as const;
    for (const [file, text] of planted) {
      const faults = importsOf(file, text).map(fault);
      assert.equal(faults.length, 1, text);
      assert.notEqual(faults[0], null, text);
    }
  });

  it('has no circle of imports, and would find one', () => {
    assert.deepEqual(circleIn(new Map(sources().map(file => [file, ownImports(file)]))), null);
    const planted = new Map([
      ['a', ['b', 'c']],
      ['b', []],
      ['c', ['d']],
      ['d', ['c', 'b']],
    ]);
    assert.deepEqual(circleIn(planted), ['c', 'd', 'c']);
  });

  it('has nothing that only its tests use, which would look like a feature and be none, and would find it', () => {
    const files = filesIn([...ROOMS, 'scripts', 'bench']);
    const texts = files.map(file => [file, readFileSync(join(ROOT, file), 'utf8').replace(COMMENT, '')] as const);
    assert.deepEqual([...unused(new Map(texts))].sort(), FOR_TESTS);
    const planted = new Map([
      ['store/a.ts', 'export function used() {}\nexport async function dead() {}\nexport const KEPT = 1;'],
      ['store/b.ts', "import { used } from './a.ts';\nexport class Also {}\nused(KEPT);"],
      ['adapters/kit/c.ts', 'export const forOthers = 1;'],
    ]);
    assert.deepEqual(unused(planted), ['store/a.ts dead', 'store/b.ts Also']);
  });

  it('names every file in kebab case and begins it with a sentence on its duty', () => {
    for (const file of sources()) {
      assert.match(file, /^[a-z0-9/.-]+$/, file);
      assert.match(
        readFileSync(join(ROOT, file), 'utf8'),
        /^(#!.*\n)?(\/\/ \S.*|\/\*\*? \S)/,
        `${file} has no first sentence`,
      );
    }
  });

  it('has no room for what has no name', () => {
    const nameless = /(^|\/)(utils?|helpers?|common|shared|core|lib|services?|managers?)(\/|\.ts$)/;
    for (const file of sources()) assert.doesNotMatch(file, nameless);
  });
});
