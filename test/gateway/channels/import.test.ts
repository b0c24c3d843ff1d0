// Files of an exchange channel through a whole gateway: dropped into its folder, and handed over by `huisu import`.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { csv, exporter, workbook } from '../../platforms/exchange.ts';
import { type Running, runGateway } from '../running.ts';

const ENTRY = resolve(import.meta.dirname, '../../../gateway/main.ts');
const HEAD = ['编号', '内容', '联系电话'];
const WORDS = ['路灯不亮', '井盖丢失', '噪音扰民', '垃圾未清运', '道路积水'];
const rows = (from: number, count: number): string[][] =>
  Array.from({ length: count }, (_, at) => [
    `L${from + at}`,
    `幸福路${from + at}号${WORDS[(from + at) % WORDS.length]}，请尽快处理。`,
    `138${String(10_000_000 + from + at)}`,
  ]);

interface Ended {
  readonly code: number;
  readonly result: Readonly<Record<string, unknown>>;
  readonly err: string;
}

describe('huisu import', function () {
  this.timeout(60_000);
  let running: Running;
  let inbox: string;
  let closed: boolean;

  const huisu = (...args: readonly string[]): Promise<Ended> =>
    new Promise(settle => {
      const given = [ENTRY, ...args, '--config', join(running.folder, 'huisu.yaml'), '--json'];
      execFile(
        process.execPath,
        given,
        { env: { PATH: process.env['PATH'], LANG: 'zh_CN.UTF-8' } },
        (error, out, err) => {
          const last = out.trim().split('\n').at(-1) ?? '';
          const result = last.startsWith('{') ? (JSON.parse(last) as Record<string, unknown>) : {};
          settle({ code: typeof error?.code === 'number' ? error.code : 0, result, err });
        },
      );
    });
  const stop = async () => {
    if (!closed) await running.gateway.close(5000);
    closed = true;
  };

  beforeEach(async () => {
    closed = false;
    running = await runGateway();
    inbox = join(running.folder, 'letters');
    mkdirSync(inbox);
    const { book } = running.gateway.context;
    await book.add({ id: 'letters', kind: 'exchange', settings: { folder: inbox, stableSeconds: 0 } }, 'test');
  });
  afterEach(() => running.close());

  const tickets = async () => (await running.gateway.context.store.tickets.counts()).total;

  it('is what happens by itself to a file in the folder: tickets, and the file sealed in done/ until somebody opens it', async () => {
    const text = csv([HEAD, ...rows(1, 40), ['L41', '', '']]);
    exporter(inbox).put('一月.csv', text);
    await running.gateway.context.live?.reopen('letters');
    await running.until(() => existsSync(join(inbox, 'work', 'seen')));
    // The splitting process takes its time to start on a busy machine.
    await running.until(() => readdirSync(join(inbox, 'done')).length === 1).catch(() => undefined);
    await running.until(async () => (await tickets()) > 0 && readdirSync(join(inbox, 'done')).length === 1);
    const { total, quarantined } = await running.gateway.context.store.messages.counts();
    assert.deepEqual([total, quarantined], [40, 0]);
    const [failed] = readdirSync(join(inbox, 'errors'));
    assert.match(readFileSync(join(inbox, 'errors', failed as string), 'utf8'), /42,,exchange\.no_content/);
    const sealed = join(inbox, 'done', readdirSync(join(inbox, 'done'))[0] as string);
    assert.ok(!readFileSync(sealed).includes('幸福路'));
    const opened = join(running.folder, 'opened.csv');
    const { code, err } = await huisu('unseal', sealed, '--channel', 'letters', '--to', opened);
    assert.equal(code, 0, err);
    assert.deepEqual([readFileSync(opened, 'utf8'), statSync(opened).mode & 0o777], [text, 0o600]);
    assert.equal((await huisu('unseal', sealed, '--channel', 'letters', '--to', opened)).code, 69);
    assert.notEqual((await huisu('unseal', sealed, '--channel', 'app-1')).code, 0);
    const audit = await running.gateway.context.store.admin.auditList(0, 100);
    assert.equal(audit.filter(record => record.action === 'file.unseal').length, 1);
  });

  it('takes a file beside a running gateway, waits for its tickets, and doubles nothing', async () => {
    const file = join(running.folder, 'letters.xlsx');
    writeFileSync(file, workbook([HEAD, ...rows(1, 30), ['L31', { formula: 'A1' }, null]]));
    const first = await huisu('import', file, '--channel', 'letters');
    assert.equal(first.code, 65, first.err);
    const { fresh, redelivered, sentBack, unread, broken, errorFile } = first.result;
    assert.deepEqual([fresh, redelivered, sentBack, unread, broken], [30, 0, 1, 0, null]);
    assert.equal(errorFile, `${file}.errors.csv`);
    assert.match(readFileSync(String(errorFile), 'utf8'), /32,内容,exchange\.formula_without_value/);
    const made = await tickets();
    assert.ok(made > 0);
    const again = await huisu('import', file, '--channel', 'letters');
    assert.deepEqual([again.result['fresh'], again.result['redelivered']], [0, 30]);
    assert.equal(await tickets(), made);
  });

  it('takes a file where no gateway runs; a gateway started later reads it', async () => {
    await stop();
    const file = join(running.folder, 'letters.jsonl');
    const lines = rows(1, 10).map(([externalId, content, phone]) => JSON.stringify({ externalId, content, phone }));
    writeFileSync(file, lines.join('\n'));
    const { code, result, err } = await huisu('import', file, '--channel', 'letters');
    assert.equal(code, 0, err);
    assert.deepEqual([result['fresh'], result['unread'], result['errorFile']], [10, 10, null]);
    assert.ok(!existsSync(`${file}.errors.csv`));
    assert.equal((await huisu('status')).result['running'], false);
  });

  it('says why it cannot: no such file, no such channel, a channel that takes none, none named', async () => {
    const file = join(running.folder, 'not-there.csv');
    const cases = [
      [[file, '--channel', 'letters'], 64, /import\.cannot_read/],
      [[file, '--channel', 'nobody'], 65, /channel\.none/],
      [[file, '--channel', 'app-1'], 65, /import\.takes_no_files/],
      [[file], 64, /cli\.channel_missing/],
    ] as const;
    for (const [args, code, words] of cases) {
      const ended = await huisu('import', ...args);
      assert.equal(ended.code, code, ended.err);
      assert.match(ended.err, words);
    }
  });
});
