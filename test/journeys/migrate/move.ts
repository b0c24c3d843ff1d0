// A city's move with kills on the way, and the same questions put to both engines afterwards.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { decodeFacts } from '../../../store/facts-codec.ts';
import { createDevelopmentKeys, macKey } from '../../../store/key-ring.ts';
import { openMongoStore } from '../../../store/mongo/engine.ts';
import { Postings } from '../../../store/postings.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';
import type { Store } from '../../../store/store.ts';
import { openFaultyLink } from '../../servers/mongo-faults.ts';
import { makeCity } from './city.ts';

const ENTRY = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url));
const LOOK_UPS = 200;

export interface MoveRun {
  readonly url: string;
  readonly messages: number;
  /** Rows moved at once. */
  readonly rows: number;
  /** Kills, each at so many inserts into the target since the last. */
  readonly kills: readonly number[];
  /** Afterwards it is killed at each insert in turn as well: as many runs as there are inserts, so for a small city only. */
  readonly atEach: boolean;
  say?(line: string): void;
}

export interface MoveResult {
  readonly messages: number;
  readonly kills: number;
  readonly lookUps: number;
  readonly report: Readonly<Record<string, unknown>>;
  readonly seconds: number;
}

export async function moveCity({
  url,
  messages,
  rows,
  kills,
  atEach,
  say = () => undefined,
}: MoveRun): Promise<MoveResult> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-migrate-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  writeFileSync(join(folder, 'huisu.yaml'), stringify({ data: './data', keys: { file: './keys.json' } }));
  const ring = createDevelopmentKeys(join(folder, 'keys.json'));
  const auditKey = Buffer.from(macKey(ring, 'audit'));
  let inserts = 0;
  let onInsert = () => undefined as unknown;
  const link = await openFaultyLink(url, name => {
    if (name !== 'insert') return;
    inserts++;
    onInsert();
  });
  const begun = performance.now();
  try {
    const tickets = await makeCity(data, auditKey, messages);
    say(`${messages} messages made, ${tickets.length} of them tickets`);
    let killed = 0;
    for (const at of kills) {
      inserts = 0;
      const { code } = await migrate(folder, link.url, rows, child => {
        onInsert = () => inserts === at && child.kill('SIGKILL');
      });
      assert.equal(code, 'SIGKILL', 'it ended before it was killed');
      killed++;
      say(`killed at insert ${at}`);
    }
    // Then, where asked, at each insert in turn, the record at its very end among them, until one comes to its end.
    let { code, out }: Awaited<ReturnType<typeof migrate>> = { code: 'SIGKILL', out: '' };
    for (let at = 1; code === 'SIGKILL'; at++) {
      inserts = 0;
      ({ code, out } = await migrate(folder, link.url, rows, child => {
        onInsert = () => atEach && inserts === at && child.kill('SIGKILL');
      }));
      if (code === 'SIGKILL') killed++;
    }
    assert.equal(code, 0, out);
    const report = JSON.parse(out.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    assert.equal(report['messages'], messages);
    const lookUps = await compare({ data, auditKey, url, tickets });
    return { messages, kills: killed, lookUps, report, seconds: (performance.now() - begun) / 1000 };
  } finally {
    await link.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function migrate(
  cwd: string,
  url: string,
  rows: number,
  started: (child: ReturnType<typeof spawn>) => void,
): Promise<{ readonly code: number | string; readonly out: string }> {
  const args = ['migrate', '--config', 'huisu.yaml', '--from', 'sqlite', '--to', 'mongo', '--rows', String(rows)];
  const env = { PATH: process.env['PATH'], HOME: cwd, LANG: 'en_US.UTF-8', HUISU_MONGO: url };
  const child = spawn(process.execPath, [ENTRY, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  for (const stream of [child.stderr, child.stdout]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
  }
  started(child);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? signal ?? '', out };
}

interface Both {
  readonly data: string;
  readonly auditKey: Buffer;
  readonly url: string;
  readonly tickets: readonly string[];
}

/** Puts the same questions to both engines; answers how many. */
async function compare({ data, auditKey, url, tickets }: Both): Promise<number> {
  const own = { auditKey, profile: 'intl' as const };
  const [old, moved] = [await openSqliteStore({ folder: data, ...own }), await openMongoStore({ url, ...own })];
  try {
    assert.deepEqual(await moved.messages.counts(), await old.messages.counts());
    assert.deepEqual(await moved.tickets.counts(), await old.tickets.counts());
    assert.deepEqual(await moved.outbox.counts(), await old.outbox.counts());
    const indexes = await Promise.all([old, moved].map(openIndex));
    const step = Math.max(1, Math.floor(tickets.length / LOOK_UPS));
    let asked = 0;
    for (let at = 0; at < tickets.length && asked < LOOK_UPS; at += step, asked++) {
      await compareOne(old, moved, indexes, tickets[at] as string);
    }
    return asked;
  } finally {
    await old.close();
    await moved.close();
  }
}

async function openIndex(store: Store): Promise<Postings> {
  const postings = new Postings(store.candidates, () => new Uint8Array(0));
  await postings.open(() => undefined);
  return postings;
}

async function compareOne(old: Store, moved: Store, indexes: readonly Postings[], number: string): Promise<void> {
  const [a, b] = await Promise.all([old, moved].map(store => store.tickets.get(number)));
  assert.ok(a && b);
  assert.equal(comparable(b), comparable(a));
  const [joinedA, joinedB] = await Promise.all([old, moved].map(store => store.messages.joined(number)));
  assert.equal(comparable(joinedB), comparable(joinedA));
  const [entriesA, entriesB] = await Promise.all(
    [old, moved].map(store => store.outbox.list({ ticket: number, limit: 50 })),
  );
  assert.equal(comparable(entriesB), comparable(entriesA));
  const [hitsA, hitsB] = await Promise.all(indexes.map(index => index.lookUp([index.queryOf(decodeFacts(a.facts))])));
  assert.ok((hitsA?.[0]?.length ?? 0) > 0, 'a ticket finds itself at least');
  assert.deepEqual(hitsB, hitsA);
}

/** Engines answer different kinds of byte arrays. */
function comparable(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof Uint8Array) return Buffer.from(one).toString('hex');
    const buffer = one as { readonly type?: string; readonly data?: number[] } | null;
    if (buffer?.type === 'Buffer' && buffer.data) return Buffer.from(buffer.data).toString('hex');
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([x], [y]) => (x < y ? -1 : 1)));
  });
}
