// Purge and re-wrapping that are killed in the middle go on where they were; the clock is watched over restarts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createIntake } from '../../../gateway/intake.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { checkClock, trustClock, watchClock } from '../../../gateway/upkeep/clock.ts';
import { inTurn } from '../../../gateway/upkeep/turn.ts';
import { createUpkeep } from '../../../gateway/upkeep/upkeep.ts';
import { createCipher, type FieldCipher, wrappingId } from '../../../store/field-cipher.ts';
import { createDevelopmentKeys, type KeyRing, loadKeyRing, macKey, rotate } from '../../../store/key-ring.ts';
import { openSqliteStore, type SqliteStore } from '../../../store/sqlite/engine.ts';
import { openOriginal } from '../../../store/ticket-seal.ts';
import { decision } from '../../contracts/store-rows.ts';

const PROCESS = join(import.meta.dirname, '..', 'fixtures', 'upkeep-process.ts');
const MESSAGES = 3000;
const DAY = 86_400_000;
const OLD = Date.now() - 200 * DAY;
const app = { kind: 'app', capabilities: { weakIds: false } } as Parameters<
  ReturnType<typeof createIntake>['accept']
>[1];

describe('upkeep', function () {
  this.timeout(60_000);
  let folder: string;
  let ring: KeyRing;
  let cipher: FieldCipher;
  let store: SqliteStore | null = null;
  const keys = () => join(folder, 'keys.json');
  const open = async () => {
    store = await openSqliteStore({ folder: join(folder, 'data'), auditKey: macKey(ring, 'audit'), profile: 'intl' });
    return store;
  };
  const closed = async () => {
    await store?.close();
    store = null;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-upkeep-'));
    ring = createDevelopmentKeys(keys());
    cipher = createCipher(ring);
  });
  afterEach(async () => {
    await closed();
    rmSync(folder, { recursive: true, force: true });
  });

  const original = (place: number) => ({
    platformId: `p${place}`,
    sender: null,
    body: Buffer.from(`body ${place}`),
    mediaType: 'text/plain',
    meta: {},
  });
  const accept = (one: SqliteStore, places: readonly number[]) =>
    createIntake({ store: one, cipher, now: () => OLD, acknowledged: () => undefined }).accept(
      'app-1',
      app,
      places.map(original),
    );
  const all = Array.from({ length: MESSAGES }, (_, place) => place);

  async function fill(): Promise<string[]> {
    const filled = await open();
    const accepted = await accept(filled, all);
    const numbers = accepted.flatMap(answer => (answer.kind === 'fresh' ? [answer.number] : []));
    const outcome = { kind: 'quarantined', reason: 'test.reason' } as const;
    const rows = numbers.map(number => ({ ...decision('', outcome), number, decidedAt: OLD, decision: null }));
    await filled.decisions.commit(rows, null);
    await closed();
    return numbers;
  }

  /** Runs the task and kills it once it is past `share` of the messages; answers what it said at last. */
  async function runUntil(task: string, share: number): Promise<Record<string, unknown> | null> {
    const child = spawn(process.execPath, [PROCESS, task, join(folder, 'data'), keys()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(child, 'exit');
    let ended: Record<string, unknown> | null = null;
    for await (const line of createInterface({ input: child.stdout })) {
      const said = JSON.parse(line) as { done?: number; ended?: Record<string, unknown> };
      if ((said.done ?? 0) > MESSAGES * share) child.kill('SIGKILL');
      ended = said.ended ?? ended;
    }
    await gone;
    return ended;
  }

  it('sweeps away the halves of files that a killed process left, and logs it', async () => {
    const one = await open();
    await one.blobs.put('ab'.repeat(32), Buffer.alloc(10));
    const half = join(folder, 'data', 'blobs', 'ab', `${'ab'.repeat(32)}.0123456789ab.tmp`);
    writeFileSync(half, 'half');
    const swept = Promise.withResolvers<Record<string, unknown>>();
    const write = (line: string) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      if (entry['code'] === 'blobs.swept') swept.resolve(entry);
    };
    let looks = 0;
    const upkeep = createUpkeep({
      ...{ store: one, cipher, now: Date.now, owner: 'me', forget: async () => undefined, ring: () => ring },
      settings: () => ({ originalDays: 190, identityDaysAfterClose: null, attachments: [], auto: false }),
      log: createLog({ level: 'info', destination: { write } }),
      // An hour goes by between one look and the next.
      elapsed: () => looks++ * 3_600_000,
    });
    upkeep.wake();
    upkeep.wake();
    assert.equal((await swept.promise)['count'], 1);
    assert.deepEqual([existsSync(half), (await one.blobs.get('ab'.repeat(32)))?.length], [false, 10]);
    await upkeep.close();
  });

  it('goes on with a purge that was killed; every redelivery still gets its number', async () => {
    const numbers = await fill();
    assert.equal(await runUntil('purge', 0.3), null, 'it was not killed in time');
    const between = await open();
    const left = (await between.admin.finished(Date.now(), null, MESSAGES)).length;
    assert.ok(left > 0 && left < MESSAGES, `${left} left`);
    await closed();
    const ended = await runUntil('purge', Number.POSITIVE_INFINITY);
    assert.equal(ended?.['quarantined'], left);
    const later = await open();
    assert.deepEqual(await later.admin.finished(Date.now(), null, 1), []);
    const again = await accept(later, all);
    assert.deepEqual(
      again.map(answer => answer.kind !== 'id-reused' && [answer.kind, answer.number]),
      numbers.map(number => ['redelivery', number]),
    );
    assert.deepEqual(await later.admin.auditVerify().then(({ broken }) => broken), null);
    assert.equal((await later.messages.counts()).total, MESSAGES);
  });

  it('goes on with a re-wrapping that was killed, until the old key wraps nothing and everything opens', async () => {
    await fill();
    const old = ring.sealing.content?.at(-1)?.id as string;
    rotate(keys(), 'content');
    assert.equal(await runUntil('rewrap', 0.4), null, 'it was not killed in time');
    const ended = await runUntil('rewrap', Number.POSITIVE_INFINITY);
    assert.deepEqual(ended?.['retired'], [old]);
    assert.ok(Number(ended?.['rewrapped']) <= MESSAGES);
    const later = await open();
    const renewed = createCipher(rotateless());
    for (let after = 0; ; ) {
      const page = await later.admin.wrappedKeys(after, 500);
      for (const { content } of page) assert.notEqual(wrappingId(content as Uint8Array), old);
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.ordinal;
    }
    for (const row of await later.messages.list({ limit: 50 })) {
      assert.ok(openOriginal(renewed, renewed.openDataKey(row.wrappedContent), row.number, row.sealed as Uint8Array));
    }
    assert.ok((await later.admin.auditList(0, 99)).some(record => record.action === 'keys.retire'));
  });

  /** The ring of the file without the key that was rotated away. */
  function rotateless(): KeyRing {
    const whole = loadKeyRing({ file: keys() });
    return { ...whole, sealing: { ...whole.sealing, content: whole.sealing.content?.slice(-1) ?? [] } };
  }

  it('notes a leap of the clock, while it runs and over a restart, and trusts it again when somebody has looked', async () => {
    const opened = await open();
    const log = createLog({ level: 'error', destination: { write: () => undefined } });
    let wall = OLD;
    let mono = 0;
    const start = () =>
      watchClock(
        opened,
        () => wall,
        log,
        () => mono,
      );
    const pass = (ms: number, leap = 0) => {
      mono += ms;
      wall += ms + leap;
    };
    const watch = start();
    await watch.look();
    for (let i = 0; i < 5; i++) {
      pass(60_000);
      await watch.look();
    }
    await checkClock(opened, wall);
    pass(60_000, 200 * DAY);
    await watch.look();
    await assert.rejects(checkClock(opened, wall), { code: 'purge.clock_leapt' });
    await trustClock(opened, 'tester', wall);
    await checkClock(opened, wall);
    pass(DAY);
    await start().look();
    await checkClock(opened, wall);
    wall = Date.UTC(2016, 0, 1);
    await start().look();
    await assert.rejects(checkClock(opened, OLD + 201 * DAY), { code: 'purge.clock_leapt' });
    await assert.rejects(checkClock(opened, wall), { code: 'purge.clock_back' });
    await assert.rejects(checkClock(opened, OLD + 300 * DAY), { code: 'purge.clock_ahead' });
  });

  it('keeps a purge out of a backup, but not re-wrapping', async () => {
    const opened = await open();
    const { promise, resolve } = Promise.withResolvers<void>();
    const backup = inTurn(opened, 'backup', () => promise);
    await assert.rejects(
      inTurn(opened, 'purge', async () => undefined),
      { code: 'upkeep.busy' },
    );
    assert.equal(await inTurn(opened, 'rewrap', async () => 'done'), 'done');
    resolve();
    await backup;
    assert.equal(await inTurn(opened, 'purge', async () => 'done'), 'done');
  });
});
