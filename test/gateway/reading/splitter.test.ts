// Containers are split in processes of their own: what they do there stays there, and is said.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Misconfigured, type Original, Unavailable, Unreadable } from '../../../adapters/contract.ts';
import { createSplitter, type SplitLimits, type Splitter } from '../../../gateway/reading/splitter.ts';
import { until } from '../dispatch/workbench.ts';
import type { SplitOrder } from '../fixtures/split-box.ts';

const BOX = fileURLToPath(new URL('../fixtures/split-box.ts', import.meta.url));
const PARENT = fileURLToPath(new URL('../fixtures/split-parent.ts', import.meta.url));
const LIMITS: SplitLimits = {
  atOnce: 2,
  memoryMb: 128,
  // Longer than a busy machine takes for anything here; who waits for the end of it says a shorter one.
  silenceMs: 15_000,
  totalMs: 20_000,
  parts: 200_000,
  partBytes: 1024 * 1024,
  totalBytes: 1024 * 1024 * 1024,
};

describe('splitting', () => {
  let said: { readonly code: string; readonly values: object; readonly cause: Error | undefined }[];
  const open: Splitter[] = [];

  beforeEach(() => {
    said = [];
  });
  afterEach(async () => {
    for (const splitter of open.splice(0)) await splitter.close();
  });

  function splitter(limits: Partial<SplitLimits> = {}, adapters = [BOX]): Splitter {
    const report = (code: string, values: object, cause?: Error) => void said.push({ code, values, cause });
    const one = createSplitter({ adapters, baseFolder: tmpdir(), limits: { ...LIMITS, ...limits }, report });
    open.push(one);
    return one;
  }

  const never = new AbortController().signal;
  const container = (order: SplitOrder, meta = {}): Original => ({
    ...{ platformId: 'container', sender: null, mediaType: 'application/json', meta },
    body: Buffer.from(JSON.stringify(order)),
  });
  const of = (channel = 'one') => ({ channel, kind: 'split-box', settings: { column: '内容' } });
  const partsOf = (from: Splitter, order: SplitOrder, signal = never, channel = 'one') =>
    from.split(of(channel), container(order), signal);

  async function all(from: Splitter, order: SplitOrder, channel = 'one'): Promise<Original[]> {
    return gathered(partsOf(from, order, never, channel));
  }

  /** What it throws, and how many parts came before. */
  async function failing(from: Splitter, order: SplitOrder): Promise<{ error: Error; before: number }> {
    let before = 0;
    try {
      for await (const _ of partsOf(from, order)) before++;
    } catch (error) {
      return { error: error as Error, before };
    }
    assert.fail(`${order.how} came to its end`);
  }

  async function unreadable(from: Splitter, order: SplitOrder, code: string): Promise<void> {
    const { error } = await failing(from, order);
    assert.ok(error instanceof Unreadable, String(error));
    assert.equal(error.code, code);
  }

  const pidOf = async (from: Splitter, channel = 'one') => {
    const [first] = await all(from, { how: 'told' }, channel);
    return Number(first?.meta['row']);
  };

  it('gives every part whole and in order, with its files', async () => {
    const one = splitter();
    const parts = await all(one, { how: 'reused', count: 5000 });
    assert.deepEqual(
      parts.map(({ body }) => Buffer.from(body).readDoubleLE()),
      Array.from({ length: 5000 }, (_, n) => n),
    );
    const [photo] = await all(one, { how: 'files' });
    assert.equal(photo?.files?.[0]?.name, '照片.jpg');
    assert.equal(Buffer.from(photo.files[0].bytes).toString(), '照片');
    assert.equal(Buffer.from(photo.body).toString(), '第 0 行');
    assert.deepEqual(await all(one, { how: 'rows', count: 0 }), []);
  });

  it('hands container and settings over as they are', async () => {
    const body = Buffer.from(JSON.stringify({ how: 'rows', pad: 'x'.repeat(3_000_000) }));
    const large = { ...container({ how: 'rows' }, { echo: 'yes' }), sender: '12345', body };
    const settings = { column: '内容', from: new Date(0), list: [1, undefined] };
    const one = splitter({ partBytes: 4 * 1024 * 1024 });
    const [echo] = await gathered(one.split({ channel: 'one', kind: 'split-box', settings }, large, never));
    assert.ok(echo !== undefined && body.equals(echo.body));
    assert.equal(echo.sender, '12345');
    assert.deepEqual(echo.meta, { settings: JSON.stringify(settings) });
  });

  it('streams 100,000 parts while the memory of the gateway stays flat', async () => {
    let count = 0;
    let most = 0;
    const before = process.memoryUsage.rss();
    const began = performance.now();
    for await (const { body } of partsOf(splitter(), { how: 'rows', count: 100_000, size: 4000 })) {
      assert.equal(body.length, 4000);
      if (++count % 5000 === 0) most = Math.max(most, process.memoryUsage.rss() - before);
    }
    assert.equal(count, 100_000);
    console.log(`      ${Math.round(count / ((performance.now() - began) / 1000))} parts/s, +${most >> 20} MB`);
    assert.ok(most < 150 * 1024 * 1024, `grew by ${most >> 20} MB for parts of 400 MB`);
  });

  it('gives nobody the process that was kept for the next container and is being let go', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const one = splitter();
      const first = await pidOf(one);
      assert.equal(await pidOf(one), first, 'it is kept for a while');
      mock.timers.tick(60_000);
      assert.notEqual(await pidOf(one), first);
    } finally {
      mock.timers.reset();
    }
  });

  it('waits where nobody asks for parts', async () => {
    const one = splitter();
    const pid = await pidOf(one);
    const parts = partsOf(one, { how: 'rows', count: 100_000, size: 10_000 })[Symbol.asyncIterator]();
    await parts.next();
    let before = -1;
    await until(async () => {
      await new Promise(resolve => setTimeout(resolve, 100));
      const now = writtenBy(pid);
      const same = now === before;
      before = now;
      return same;
    }, 'the process waits');
    assert.ok(before < 2 * 1024 * 1024, `${before} bytes were written for one part`);
    for (let n = 1; n < 1000; n++) assert.equal((await parts.next()).value.meta['row'], String(n));
    await parts.return?.();
  });

  for (const how of ['heap', 'buffers'] as const) {
    it(`ends a container that fills the memory with ${how}`, async () => {
      const one = splitter();
      await unreadable(one, { how }, 'reading.split_memory');
      assert.deepEqual(
        said.map(({ code, values }) => [code, values]),
        [['reading.splitter_died', { channel: 'one', reason: 'memory' }]],
      );
      assert.equal((await all(one, { how: 'rows', count: 3 })).length, 3, 'the next container is not touched by it');
    });
  }

  it('lets much garbage pass that is never much at one time', async () => {
    assert.equal((await all(splitter(), { how: 'garbage', count: 20_000 })).length, 20_000);
  });

  for (const how of ['loop', 'hang'] as const) {
    it(`ends a container that gives nothing for too long: ${how}`, async () => {
      await unreadable(splitter({ silenceMs: 300 }), { how }, 'reading.split_timeout');
    });
  }

  it('ends one that goes on for too long, and counts only the time in which it is waited for', async () => {
    await unreadable(splitter({ totalMs: 700 }), { how: 'slowly', count: 50 }, 'reading.split_timeout');
    const one = splitter({ silenceMs: 400, totalMs: 1000 });
    await pidOf(one);
    for await (const { meta } of partsOf(one, { how: 'rows', count: 3 })) {
      if (meta['row'] === '0') await new Promise(resolve => setTimeout(resolve, 1200));
    }
  });

  it('ends one with too many parts, too large a part, or too much in all', async () => {
    const one = splitter({ parts: 100, partBytes: 100_000, totalBytes: 900_000 });
    const { error, before } = await failing(one, { how: 'rows', count: 1000 });
    assert.equal((error as Unreadable).code, 'reading.split_too_many');
    assert.equal(before, 100);
    await unreadable(one, { how: 'rows', count: 2, size: 1_000_000 }, 'reading.split_too_large');
    await unreadable(one, { how: 'rows', count: 100, size: 50_000 }, 'reading.split_too_large');
  });

  for (const how of ['exit', 'abort', 'later'] as const) {
    it(`outlives a container that ends its process: ${how}`, async () => {
      await unreadable(splitter(), { how }, 'reading.split_crash');
      assert.deepEqual(
        said.map(({ values }) => values),
        [{ channel: 'one', reason: 'crash' }],
      );
    });
  }

  it('passes on what the adapter says, with its code and fields', async () => {
    const one = splitter();
    const { error, before } = await failing(one, { how: 'unreadable' });
    assert.ok(error instanceof Unreadable);
    assert.deepEqual([error.code, error.message, before], ['split-box.no_quote', 'line 2: a quote is never closed', 1]);
    const { error: wrong } = await failing(one, { how: 'misconfigured' });
    assert.ok(wrong instanceof Misconfigured && wrong.field === '/columns/content');
    const { error: later } = await failing(one, { how: 'unavailable' });
    assert.ok(later instanceof Unavailable && later.retryAfterSeconds === 7);
    assert.deepEqual(said, []);
  });

  it('calls a defect of the adapter one, with its frames and without its words', async () => {
    await unreadable(splitter(), { how: 'defect' }, 'reading.split_failed');
    await unreadable(splitter(), { how: 'nonsense' }, 'reading.split_failed');
    const [{ cause } = { cause: undefined }] = said;
    assert.equal(cause?.name, 'TypeError');
    assert.match(cause.stack ?? '', /split-box\.ts:\d+/);
    assert.doesNotMatch(JSON.stringify([said, cause.stack, cause.message]), /王芳|110105/);
  });

  it('ends its process when the caller has enough', async () => {
    const one = splitter({ atOnce: 1 });
    const pid = await pidOf(one);
    for await (const { meta } of partsOf(one, { how: 'rows', count: 100_000 })) if (meta['row'] === '10') break;
    assert.ok(!alive(pid));
    assert.equal((await all(one, { how: 'rows', count: 2 })).length, 2, 'its place is free again');
  });

  it('ends its process when its channel closes, and says why', async () => {
    const stop = new AbortController();
    const one = splitter();
    const pid = await pidOf(one);
    const parts = partsOf(one, { how: 'hang' }, stop.signal)[Symbol.asyncIterator]();
    await parts.next();
    const next = parts.next();
    stop.abort();
    await assert.rejects(next, { name: 'AbortError' });
    assert.ok(!alive(pid));
    await assert.rejects(gathered(partsOf(one, { how: 'rows', count: 1 }, stop.signal)), { name: 'AbortError' });
  });

  it('ends all processes with the gateway', async () => {
    const one = splitter();
    const pid = await pidOf(one);
    const next = assert.rejects(all(one, { how: 'loop' }), { name: 'Unavailable', code: 'reading.splitter_stopping' });
    await until(() => busy(pid), 'the process loops');
    await one.close();
    await next;
    assert.ok(!alive(pid));
    await assert.rejects(all(one, { how: 'rows', count: 1 }), { code: 'reading.splitter_stopping' });
  });

  it('leaves no process behind when the gateway is killed, not even one in a loop', async () => {
    const gateway = spawn(process.execPath, [PARENT, BOX], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(gateway.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    await until(() => busy(pid), 'the process loops');
    gateway.kill('SIGKILL');
    await until(() => !alive(pid), 'the process ends');
  });

  it('splits so many at one time and lets others wait for their turn', async () => {
    const one = splitter({ atOnce: 1, totalMs: 1500 });
    const first = partsOf(one, { how: 'rows', count: 2 })[Symbol.asyncIterator]();
    await first.next();
    await assert.rejects(all(one, { how: 'rows', count: 1 }), { name: 'Unavailable', code: 'reading.splitters_busy' });
    const stop = new AbortController();
    const waits = gathered(partsOf(one, { how: 'rows', count: 1 }, stop.signal));
    const second = all(one, { how: 'rows', count: 1 });
    stop.abort();
    await assert.rejects(waits, { name: 'AbortError' });
    await first.next();
    await first.next();
    assert.equal((await second).length, 1);
  });

  it('keeps a process for the next container of its channel, and for no other', async () => {
    const one = splitter();
    const first = await pidOf(one);
    assert.equal(await pidOf(one), first);
    const other = await pidOf(one, 'two');
    assert.notEqual(other, first);
    assert.ok(!alive(first));
    const [, , left] = await all(one, { how: 'told' }, 'three');
    assert.equal(Buffer.from(left?.body as Uint8Array).toString(), '0', 'nothing of another channel is left');
  });

  it('gives the process no keys, no handles and no right to write', async () => {
    process.env['HUISU_KEYS'] = 'secret of the test';
    try {
      const file = join(tmpdir(), `huisu-split-${process.pid}`);
      const [told, wrote] = await all(splitter(), { how: 'told', file });
      const { env, argv, open: handles } = JSON.parse(Buffer.from(told?.body as Uint8Array).toString());
      assert.doesNotMatch(JSON.stringify([env, argv]), /secret of the test/);
      assert.deepEqual(
        Object.keys(env).filter(name => !['TZ', 'PWD', '_', 'SHLVL'].includes(name)),
        [],
      );
      const files = handles.filter((name: string) => name.startsWith('/') && !/^\/(dev|proc)\//.test(name));
      assert.deepEqual(files, []);
      assert.equal(Buffer.from(wrote?.body as Uint8Array).toString(), 'ERR_ACCESS_DENIED');
      assert.ok(!existsSync(file));
    } finally {
      delete process.env['HUISU_KEYS'];
    }
  });

  it('blames no container where the process cannot start', async () => {
    const one = splitter({}, ['./not-there.ts']);
    await assert.rejects(all(one, { how: 'rows', count: 1 }), {
      name: 'Unavailable',
      code: 'reading.splitter_cannot_start',
    });
  });
});

async function gathered(parts: AsyncIterable<Original>): Promise<Original[]> {
  const all: Original[] = [];
  for await (const part of parts) all.push(part);
  return all;
}

/** A zombie has ended; its parent, where there is none left, is whoever reaps for the system. */
function alive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** True for a process that has computed for long enough to be in a loop. */
function busy(pid: number): boolean {
  const [, ticks] = /\) (?:\S+ ){11}(\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
  return Number(ticks) > 40;
}

/** Bytes that a process has written so far, into pipes and sockets too. */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
