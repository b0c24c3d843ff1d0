// The folder of an exchange channel: what is taken, when it leaves in/, what comes back, and what a crash leaves.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import iconv from 'iconv-lite';
import { until } from '../../adapters/conformance/bench.ts';
import { type FakeGateway, fakeGateway } from '../../adapters/conformance/gateway.ts';
import {
  type AdapterContext,
  Misconfigured,
  type OpenChannel,
  type Original,
  Unavailable,
  Unreadable,
} from '../../adapters/contract.ts';
import { adapter } from '../../adapters/exchange/index.ts';
import { ERROR_FILE_HEAD, safeCell } from '../../adapters/exchange/row-errors.ts';
import type { ExchangeSettings } from '../../adapters/exchange/settings.ts';
import { csv, exporter, workbook } from '../platforms/exchange.ts';

const HEAD = ['编号', '内容', '电话'];
const rows = (from: number, count: number): string[][] =>
  Array.from({ length: count }, (_, at) => [`L${from + at}`, `第 ${from + at} 盏路灯不亮`, '13800138000']);
const table = (from: number, count: number): string => csv([HEAD, ...rows(from, count)]);
const QUARANTINED = { kind: 'quarantined', reason: 'reading.timeout' } as const;
const TICKET = { kind: 'ticket', held: false } as const;

const NOBODY = 65_534;

/** The rights of files do not bind root, so who tests as root steps down for a while. */
async function asNobody(act: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(NOBODY);
  try {
    await act();
  } finally {
    process.seteuid?.(0);
  }
}

function asRoot(act: () => void): void {
  const before = process.geteuid?.() ?? 0;
  if (process.getuid?.() === 0) process.seteuid?.(0);
  act();
  if (process.getuid?.() === 0) process.seteuid?.(before);
}

describe('exchange: the folder', () => {
  let folder: string;
  let platform: ReturnType<typeof exporter>;
  let gateway: FakeGateway<ExchangeSettings>;
  let channel: OpenChannel;

  async function open(more: object = {}, change: (context: AdapterContext<ExchangeSettings>) => object = () => ({})) {
    const settings = { folder, stableSeconds: 0, waitSeconds: 0, done: 'keep', ...more };
    gateway = fakeGateway(adapter, adapter.settings.validate(settings).value);
    await reopen(change);
  }

  async function reopen(change: (context: AdapterContext<ExchangeSettings>) => object = () => ({})) {
    const context = gateway.context();
    channel = await adapter.open({ ...context, ...change(context) });
  }

  const poll = () => channel.poll?.(new AbortController().signal) ?? assert.fail('no poll');
  const names = (where: string): readonly string[] => readdirSync(join(folder, where)).sort();
  const stored = (): readonly string[] => gateway.stored().map(original => original.platformId);
  const said = (): readonly string[] => gateway.log.map(line => line.code);
  /** Rows and codes of the only error file. */
  function errors(): readonly string[] {
    const [name, ...others] = names('errors').filter(one => one.endsWith('.errors.csv'));
    assert.equal(others.length, 0);
    if (name === undefined) return [];
    const text = readFileSync(join(folder, 'errors', name), 'utf8');
    assert.ok(text.startsWith(ERROR_FILE_HEAD));
    const lines = text.slice(ERROR_FILE_HEAD.length).split('\r\n').slice(0, -1);
    return lines.map(line => `${line.split(',')[0]} ${line.split(',')[2]?.replace('exchange.', '')}`);
  }

  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'huisu-exchange-')), 'letters');
    platform = exporter(folder);
  });

  afterEach(async () => {
    gateway.stop();
    await channel?.close();
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  it('is made with mode 0700 and can be used', async () => {
    await open();
    for (const part of ['', 'in', 'work', 'done', 'errors']) {
      assert.equal(statSync(join(folder, part)).mode & 0o777, 0o700, part);
    }
    platform.put('a.csv', table(1, 1));
    assert.match((await channel.check?.())?.zh ?? '', /1 个文件/);
  });

  it('that is a file is a wrong setting', async () => {
    await open();
    await channel.close();
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    await assert.rejects(open(), (error: unknown) => error instanceof Misconfigured && error.field === '/folder');
  });

  it('that is another channel’s is a wrong setting, since both would take the same rows', async () => {
    await open();
    await assert.rejects(
      reopen(() => ({ channel: 'another' })),
      { code: 'exchange.folder_taken' },
    );
    await reopen();
  });

  it('is one channel’s where several are opened in the same instant', async () => {
    await open();
    for (let turn = 0; turn < 60; turn++) {
      rmSync(join(folder, 'work', 'channel'));
      const claims = ['one', 'two', 'three', 'four', 'five', 'six'].map(id =>
        adapter.open({ ...gateway.context(), channel: id }),
      );
      const opened = await Promise.allSettled(claims);
      const won = opened.filter(({ status }) => status === 'fulfilled').length;
      assert.equal(won, 1, `${won} channels took the folder`);
      for (const one of opened) if (one.status === 'fulfilled') await one.value.close();
      assert.deepEqual(names('work'), ['channel', 'seen']);
    }
  });

  it('without rights is not available, and goes on once they are mended; one file without rights holds up no other', async () => {
    await open();
    const parts = [
      join(folder, '..'),
      folder,
      ...['in', 'work', 'work/seen', 'done', 'errors'].map(part => join(folder, part)),
    ];
    platform.put('a.csv', table(1, 1));
    platform.put('b.csv', table(2, 1));
    chmodSync(join(folder, 'in', 'a.csv'), 0);
    await asNobody(async () => {
      if (process.geteuid?.() === NOBODY) for (const part of parts) asRoot(() => chmodSync(part, 0o777));
      asRoot(() => chmodSync(join(folder, 'in'), 0));
      asRoot(() => chmodSync(join(folder, 'in', 'b.csv'), 0o644));
      await assert.rejects(poll(), { code: 'exchange.folder_refused' });
      asRoot(() => chmodSync(join(folder, 'in'), 0o777));
      await poll();
      await poll();
    });
    assert.deepEqual([stored(), names('in')], [['L2'], ['a.csv']]);
    assert.equal(said().filter(code => code === 'exchange.file_refused').length, 1);
    assert.deepEqual(channel.notes?.(), ['exchange.file_refused']);
    rmSync(join(folder, 'in', 'a.csv'));
    await poll();
    assert.deepEqual(channel.notes?.(), []);
  });

  it('that somebody else’s file cannot be moved out of holds up no other file, and the file is taken once', async () => {
    await open();
    const parts = ['..', '', 'work', 'work/seen', 'work/channel', 'done', 'errors'].map(part => join(folder, part));
    platform.put('a.csv', table(1, 1));
    platform.put('b.csv', table(2, 1));
    for (const part of parts) chmodSync(part, 0o777);
    const [theirs, ours] = ['a.csv', 'b.csv'].map(name => join(folder, 'in', name)) as [string, string];
    chmodSync(theirs, 0o644);
    if (process.geteuid?.() === 0) chownSync(ours, NOBODY, NOBODY);
    // Whoever may write into it may move only files of his own; who is not root has no others.
    chmodSync(join(folder, 'in'), 0o1777);
    await asNobody(async () => {
      await poll();
      await poll();
    });
    const left = process.geteuid?.() === 0 ? ['a.csv'] : [];
    assert.deepEqual([stored(), names('in')], [['L1', 'L2'], left]);
    assert.deepEqual(channel.notes?.(), left.length === 0 ? [] : ['exchange.file_refused']);
    await poll();
    assert.deepEqual([stored(), names('in'), channel.notes?.()], [['L1', 'L2'], [], []]);
  });

  it('keeps a file in in/ until all its rows are durable, then moves it to done/', async () => {
    await open();
    platform.put('a.csv', table(1, 1200));
    gateway.refuse(1, 1);
    await assert.rejects(poll());
    assert.deepEqual([names('in'), names('done'), stored().length], [['a.csv'], [], 500]);
    await poll();
    assert.deepEqual([names('in'), names('done'), names('errors')], [[], ['a.csv'], []]);
    assert.equal(new Set(stored()).size, 1200);
    assert.equal(stored().length, 1200);
  });

  it('seals or deletes what is done, as the settings say', async () => {
    await open({ done: 'seal' });
    platform.put('a.csv', table(1, 1));
    await poll();
    const [sealed] = names('done');
    assert.match(sealed ?? '', /^a\.csv\.[0-9a-f]{8}\.sealed$/);
    assert.equal(
      readFileSync(join(folder, 'done', sealed as string))
        .reverse()
        .toString(),
      table(1, 1),
    );
    await open({ done: 'delete' });
    platform.put('b.csv', table(2, 1));
    await poll();
    assert.deepEqual([names('in'), names('done')], [[], [sealed]]);
  });

  it('deletes from done/ what has lain there for longer than the settings say', async () => {
    await open({ doneDays: 1 });
    platform.put('a.csv', table(1, 1));
    await poll();
    assert.deepEqual(names('done'), ['a.csv']);
    const later = Date.now() + 25 * 3_600_000;
    await reopen(() => ({ now: () => later }));
    await poll();
    assert.deepEqual(names('done'), []);
  });

  it('leaves half-written files alone, and hidden, temporary and linked ones', async () => {
    await open({ stableSeconds: 1 });
    const finish = platform.half('a.csv', table(1, 4));
    // As a program that keeps the old times of what it copies.
    utimesSync(join(folder, 'in', 'a.csv'), 0, 0);
    for (const name of ['.b.csv', 'b.csv.tmp', 'b.csv.part', '~$b.xlsx']) platform.put(name, table(9, 1));
    symlinkSync('/etc/hostname', join(folder, 'in', 'link.csv'));
    mkdirSync(join(folder, 'in', 'sub.csv'));
    const looking = poll();
    await sleep(300);
    finish();
    await looking;
    assert.deepEqual(stored(), []);
    await poll();
    assert.deepEqual(stored(), ['L1', 'L2', 'L3', 'L4']);
    assert.equal(names('in').length, 6);
  });

  it('takes a file within moments of its standing still, without a poll, and one written to all the while when it is whole', async () => {
    await open({ stableSeconds: 1 });
    const stop = new AbortController();
    const listening = channel.listen?.(stop.signal);
    platform.put('a.csv', table(1, 2));
    await until('the first is taken', () => stored().length === 2);
    const finish = platform.half('b.csv', table(3, 4));
    await until('the half of it was looked at', () => names('in').length === 1);
    finish();
    await until('the second is taken', () => stored().length === 6);
    await until('it has left', () => names('in').length === 0);
    stop.abort();
    await listening;
  });

  it('stops listening where another folder has come in place of its own, and goes on in that one', async () => {
    await open();
    const listen = (signal: AbortSignal) => channel.listen?.(signal) ?? assert.fail('does not listen');
    const first = listen(new AbortController().signal);
    platform.put('a.csv', table(1, 1));
    await until('the first is taken', () => stored().length === 1);
    renameSync(join(folder, 'in'), join(folder, 'old'));
    mkdirSync(join(folder, 'in'));
    writeFileSync(join(folder, 'old', 'late.csv'), '');
    await first;
    const stop = new AbortController();
    const second = listen(stop.signal);
    platform.put('b.csv', table(2, 1));
    await until('the second is taken', () => stored().length === 2);
    stop.abort();
    await second;
  });

  it('takes a file again that was replaced while it was taken, and loses neither', async () => {
    await open();
    platform.put('a.csv', table(1, 2));
    const release = gateway.hold();
    const looking = poll();
    while (gateway.held() === 0) await sleep(1);
    platform.replace('a.csv', table(3, 2));
    release();
    await looking;
    assert.deepEqual([stored(), names('in')], [['L1', 'L2'], ['a.csv']]);
    assert.ok(said().includes('exchange.changed_while_read'));
    await poll();
    assert.deepEqual([stored(), names('in')], [['L1', 'L2', 'L3', 'L4'], []]);
  });

  it('knows a file again by its content, says so and doubles nothing; under another mapping it is read anew', async () => {
    await open();
    platform.put('a.csv', table(1, 2));
    await poll();
    platform.put('again.csv', table(1, 2));
    await poll();
    assert.deepEqual([stored().length, errors(), names('done')], [2, ['0 seen_before'], ['a.csv', 'again.csv']]);
    await open({ columns: { externalId: ['没有'] } });
    platform.put('a.csv', table(1, 2));
    await poll();
    assert.equal(stored().length, 2);
    assert.deepEqual(names('done'), ['a-2.csv', 'a.csv', 'again.csv']);
  });

  it('sends wrong rows back at once, by row, with words in both languages', async () => {
    await open();
    platform.put('a.csv', csv([HEAD, ['L1', '', ''], ...rows(2, 1), ['L2', '别的内容', '']]));
    await poll();
    assert.deepEqual([stored(), errors(), names('done')], [['L2'], ['2 no_content', '4 number_reused'], ['a.csv']]);
  });

  it('adds what could not be read once that is known, after a restart too, and each once', async () => {
    await open();
    platform.put('a.csv', csv([HEAD, ['L1', '', ''], ...rows(2, 2)]));
    await poll();
    assert.deepEqual([errors(), names('in')], [['2 no_content'], []]);
    await reopen();
    await poll();
    assert.deepEqual(errors(), ['2 no_content']);
    gateway.settle(QUARANTINED);
    await poll();
    assert.deepEqual(errors(), ['2 no_content', '3 quarantined', '4 quarantined']);
    await reopen();
    await poll();
    assert.equal(errors().length, 3);
    assert.deepEqual(
      names('work').filter(name => !['seen', 'channel'].includes(name)),
      [],
    );
  });

  it('waits a while for what becomes of the rows, so that the error file is complete at once', async () => {
    await open({ waitSeconds: 5 });
    platform.put('a.csv', table(1, 2));
    const looking = poll();
    while (names('done').length === 0) await sleep(1);
    gateway.settle(QUARANTINED);
    await looking;
    assert.deepEqual(errors(), ['2 quarantined', '3 quarantined']);
    await open({ waitSeconds: 5 });
    gateway.settle(TICKET);
    platform.put('b.csv', table(3, 2));
    await poll();
    assert.equal(errors().length, 2);
  });

  it('says of rows that stay unread that it waits no longer', async () => {
    await open();
    platform.put('a.csv', table(1, 1));
    await poll();
    const later = Date.now() + 25 * 3_600_000;
    await reopen(() => ({ now: () => later }));
    await poll();
    assert.deepEqual(errors(), ['2 still_unread']);
  });

  it('moves a file that cannot be read to its end to errors/, words beside it, and goes on with the next', async () => {
    await open();
    platform.put('a.csv', `${table(1, 2)}L3,"never closed`);
    platform.put('b.csv', table(5, 1));
    await poll();
    assert.deepEqual(stored(), ['L1', 'L2', 'L5']);
    assert.deepEqual([names('in'), names('done'), errors()], [[], ['b.csv'], ['4 quote_not_closed']]);
    assert.ok(names('errors').includes('a.csv'));
    platform.put('a.csv', table(1, 3));
    await poll();
    assert.deepEqual(stored(), ['L1', 'L2', 'L5', 'L3']);
  });

  it('takes a file that could not be read to its end from its beginning when it comes again', async () => {
    await open();
    const torn = `${table(1, 2)}L3,"never closed\r\n`;
    for (const copies of [1, 2]) {
      platform.put('a.csv', torn);
      await poll();
      assert.deepEqual(names('done'), []);
      assert.equal(names('errors').filter(name => !name.endsWith('.errors.csv')).length, copies);
    }
    assert.deepEqual(stored(), ['L1', 'L2']);
  });

  it('leaves a file in in/ while nothing can be split, and takes it then', async () => {
    let able = false;
    await open({}, ({ split }) => ({
      split: async function* (container: Original) {
        if (!able) throw new Unavailable('reading.stopped', 'no reader');
        yield* split(container);
      },
    }));
    platform.put('a.csv', table(1, 2));
    await assert.rejects(poll(), Unavailable);
    assert.deepEqual([names('in'), names('errors')], [['a.csv'], []]);
    able = true;
    await poll();
    assert.deepEqual([names('done'), stored()], [['a.csv'], ['L1', 'L2']]);
  });

  it('says that a folder or a link in in/ is not taken, until it is gone', async () => {
    await open();
    mkdirSync(join(folder, 'in', '2026-11-27'));
    writeFileSync(join(folder, 'in', '2026-11-27', 'a.csv'), table(1, 1));
    symlinkSync('/etc/passwd', join(folder, 'in', 'b.csv'));
    mkdirSync(join(folder, 'in', '.snapshot'));
    await poll();
    await poll();
    assert.deepEqual([stored(), channel.notes?.()], [[], ['exchange.not_a_file']]);
    assert.deepEqual(
      said().filter(code => code === 'exchange.not_a_file'),
      ['exchange.not_a_file'],
    );
    const found = await channel.check?.();
    assert.match(`${found?.zh} ${found?.en}`, /2 个子文件夹或链接.*2 folders or links there are not taken/);
    renameSync(join(folder, 'in', '2026-11-27', 'a.csv'), join(folder, 'in', 'a.csv'));
    rmSync(join(folder, 'in', '2026-11-27'), { recursive: true });
    rmSync(join(folder, 'in', 'b.csv'));
    await poll();
    assert.deepEqual([stored(), channel.notes?.()], [['L1'], []]);
  });

  it('waits for what is to be written into an empty file, says so after some minutes, and takes it then', async () => {
    let now = Date.now();
    await open({}, () => ({ now: () => now }));
    const notes = () => channel.notes?.() ?? assert.fail('no notes');
    platform.put('a.csv', '');
    // A mark of the encoding and a line end is what a program may begin with.
    platform.put('b.csv', '\ufeff\r\n');
    for (let turn = 0; turn < 3; turn++) await poll();
    assert.deepEqual([names('in'), names('errors'), notes()], [['a.csv', 'b.csv'], [], []]);
    assert.match((await channel.check?.())?.en ?? '', /2 files in in\/ \(2 of them empty/);
    now += 5 * 60_000;
    await poll();
    await poll();
    assert.deepEqual(notes(), ['exchange.file_unwritten']);
    assert.deepEqual(
      said().filter(code => code === 'exchange.file_unwritten'),
      ['exchange.file_unwritten', 'exchange.file_unwritten'],
    );
    writeFileSync(join(folder, 'in', 'a.csv'), table(1, 2));
    writeFileSync(join(folder, 'in', 'b.csv'), table(3, 1));
    await poll();
    assert.deepEqual([stored(), names('in'), names('errors'), notes()], [['L1', 'L2', 'L3'], [], [], []]);
    platform.put('c.csv', '');
    await poll();
    rmSync(join(folder, 'in', 'c.csv'));
    now += 5 * 60_000;
    await poll();
    assert.deepEqual(notes(), [], 'one that is gone');
  });

  it('sets a file aside that its reader dies of, and one that is too large unread', async () => {
    const dies = (): AsyncIterable<never> => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Unreadable('split.memory', 'too much')) }),
    });
    await open({}, () => ({ split: dies }));
    platform.put('a.csv', table(1, 1));
    await poll();
    assert.deepEqual([names('in'), errors()], [[], ['0 split_failed']]);
    rmSync(join(folder, 'errors'), { recursive: true });
    await open({ maxFileMegabytes: 1 });
    platform.put('b.csv', Buffer.alloc(1024 * 1024 + 1, 'a'));
    await poll();
    assert.deepEqual([names('in'), errors()], [[], ['0 file_too_large']]);
  });

  it('finishes what a crash left between in/ and its end', async () => {
    await open();
    platform.put('a.csv', table(1, 1));
    await poll();
    const claimed = (text: string) => {
      const sum = createHash('sha256').update(text).digest('hex').slice(0, 8);
      return join(folder, 'work', `a.csv.${sum}.taken`);
    };
    renameSync(join(folder, 'done', 'a.csv'), claimed(table(1, 1)));
    // Another file that came under the name just before the crash.
    writeFileSync(claimed('other'), table(7, 1));
    await poll();
    assert.deepEqual(
      [stored(), names('done').length, names('work')],
      [['L1', 'L7'], 2, names('work').filter(name => !name.endsWith('.taken'))],
    );
  });

  it('says nothing of a file seen before where a crash came between its rows and its leaving', async () => {
    await open();
    platform.put('a.csv', table(1, 2));
    await poll();
    const [receipt = ''] = names('work/seen');
    const path = join(folder, 'work/seen', receipt);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"left":true', '"left":false'));
    platform.put('a.csv', table(1, 2));
    await poll();
    assert.deepEqual([stored().length, names('in'), errors()], [2, [], []]);
    // Put there once more it was seen before, and is told of.
    platform.put('a.csv', table(1, 2));
    await poll();
    assert.equal(names('errors').length, 1);
  });

  it('takes a file whose name is as long as names may be', async () => {
    await open({ done: 'seal' });
    const name = `${'来'.repeat(83)}.csv`;
    platform.put(name, csv([HEAD, ['L1', '', ''], ...rows(2, 1)]));
    await poll();
    assert.deepEqual([stored(), names('in'), errors()], [['L2'], [], ['2 no_content']]);
    platform.put(name, csv([HEAD, ['L1', '', ''], ...rows(2, 1)]));
    await poll();
    assert.deepEqual([names('in'), errors()], [[], ['2 no_content']], 'the first error file was lost');
  });

  it('takes a file whose name Windows wrote in GBK, beside one of the same name, and tells of what it may not read', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: this file system takes names in UTF-8 alone');
      this.skip();
    }
    await open();
    const gbk = (name: string) => Buffer.concat([Buffer.from(`${folder}/in/`), iconv.encode(name, 'gbk')]);
    platform.put('来信.csv', table(1, 1));
    writeFileSync(gbk('来信.csv'), table(2, 1));
    writeFileSync(gbk('写到一半.tmp'), table(3, 1));
    mkdirSync(gbk('子文件夹'));
    await poll();
    assert.deepEqual(
      [[...stored()].sort(), names('done')],
      [
        ['L1', 'L2'],
        ['来信-2.csv', '来信.csv'],
      ],
    );
    assert.deepEqual([channel.notes?.(), names('in').length], [['exchange.not_a_file'], 2]);
  });

  it('takes a file under a name in GBK again that was replaced while it was taken', async function () {
    if (process.platform !== 'linux') {
      console.log('      skipped: this file system takes names in UTF-8 alone');
      this.skip();
    }
    await open();
    const path = Buffer.concat([Buffer.from(`${folder}/in/`), iconv.encode('来信.csv', 'gbk')]);
    writeFileSync(path, table(1, 1));
    const release = gateway.hold();
    const looking = poll();
    while (gateway.held() === 0) await sleep(1);
    platform.put('other.tmp', table(2, 1));
    renameSync(join(folder, 'in', 'other.tmp'), path);
    release();
    await looking;
    assert.deepEqual(
      [stored(), readdirSync(join(folder, 'in'), { encoding: 'buffer' }).map(name => iconv.decode(name, 'gbk'))],
      [['L1'], ['来信.csv']],
    );
    await poll();
    assert.deepEqual([stored(), names('in')], [['L1', 'L2'], []]);
  });

  it('stops between two files when it is told to', async () => {
    await open();
    platform.put('a.csv', table(1, 1));
    await channel.poll?.(AbortSignal.abort());
    assert.deepEqual([stored(), names('in')], [[], ['a.csv']]);
  });

  it('takes a file by hand and leaves it where it is, the error file beside it', async () => {
    await open();
    gateway.settle(QUARANTINED);
    const path = join(folder, 'by-hand.xlsx');
    writeFileSync(path, workbook([HEAD, ['L1', '灯坏了', null], ['L2', { formula: 'A1' }, null]]));
    const steps: string[] = [];
    const call = {
      waitMs: 1000,
      signal: new AbortController().signal,
      step: (phase: string, count: number) => void steps.push(`${phase} ${count}`),
    };
    const report = await channel.importFile?.(path, call);
    assert.deepEqual(report, {
      rows: 2,
      fresh: 1,
      redelivered: 0,
      sentBack: 1,
      notTickets: 1,
      unread: 0,
      broken: null,
      errorFile: `${path}.errors.csv`,
    });
    assert.match(readFileSync(`${path}.errors.csv`, 'utf8'), /formula_without_value[\s\S]*quarantined/);
    assert.deepEqual([steps.at(-1), existsSync(path)], ['read 1', true]);
    assert.equal((await channel.importFile?.(path, call))?.redelivered, 1);
  });
});

describe('exchange: the error file', () => {
  it('holds no cell that a spreadsheet takes for a formula, full-width signs included', () => {
    for (const sign of ['=', '+', '-', '@', '\t', '\r', ' =', '＝', '＋', '－', '＠', '\n=']) {
      const cell = safeCell(`${sign}cmd|' /C calc'!A0`);
      assert.match(cell, /^"?'/, JSON.stringify(sign));
    }
    assert.equal(safeCell('第 3 行'), '第 3 行');
    assert.equal(safeCell('a,"b"'), '"a,""b"""');
  });
});
