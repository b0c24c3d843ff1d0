// A third party's adapter that does not keep the contract: the gateway goes on, says where the defect is, and tells nobody's words.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const ENTRY = resolve(import.meta.dirname, '../../gateway/main.ts');
const PHONE = '13800138000';

/** Does what the request's `how` says on its way in, and what its `parse` says when it is read. */
const ADAPTER = `
import Joi from 'joi';
const appeal = { kind: 'appeal', content: '东昌区新华大街38号楼前路灯三天不亮', contact: {}, externalIds: {}, attachments: [] };
const readings = {
  'a conversation key that is a number': { ...appeal, conversation: { key: 1, last: false, quietSeconds: 1 } },
  'a reason of its own': { kind: 'not-an-appeal', reason: '${PHONE} wrote' },
  'content that is a number': { ...appeal, content: 5 },
  'a field of its own': { ...appeal, wonder: 1 },
  nothing: undefined,
};
const ways = {
  'a sender that is none': original => [{ ...original, sender: undefined }],
  'an id that is a number': original => [{ ...original, platformId: 7 }],
  'an id of a sign that no text holds': original => [{ ...original, platformId: 'a\\ud800' }],
  'an empty id': original => [{ ...original, platformId: '' }],
  'words for bytes': original => [{ ...original, body: 'words' }],
  'no meta': ({ meta, ...original }) => [original],
  'no list': original => original,
};
const answers = { 'no answer': undefined, 'an object for a body': { status: 200, body: {} }, 'no status': { body: '' } };
export default {
  kind: 'wild-box',
  title: { zh: '野', en: 'Wild box' },
  settings: Joi.object({}),
  capabilities: { validates: false, weakIds: false, receives: ['webhook'], replies: false, attachments: false, conversations: true },
  parse(original) {
    const { parse } = JSON.parse(Buffer.from(original.body).toString());
    return parse in readings ? readings[parse] : appeal;
  },
  open: async context => ({
    webhook: async request => {
      const body = await request.body(1024);
      const { id, how } = JSON.parse(Buffer.from(body).toString());
      if (how === 'forgets a promise') Promise.reject(new Error('${PHONE}'));
      if (how === 'throws into the void') setTimeout(() => { throw new Error('${PHONE}'); });
      const original = { platformId: id, sender: null, body, mediaType: 'application/json', meta: {} };
      const [taken] = await context.accept((ways[how] ?? (one => [one]))(original));
      if (how in answers) return answers[how];
      return { status: 200, body: JSON.stringify(await taken.outcome(AbortSignal.timeout(10_000))) };
    },
    ...(context.channel === 'noted' ? { notes: () => { throw new Error('${PHONE}'); } } : {}),
    ...(context.channel === 'noted' ? { check: async () => { throw new TypeError('${PHONE}'); } } : {}),
    close: async () => undefined,
  }),
};
`;

interface Lines {
  post(body: object): Promise<{ readonly status: number; readonly text: string }>;
  /** What a command says beside the gateway, as JSON. */
  huisu(...args: readonly string[]): Promise<string>;
}

describe('an adapter that does not keep its contract', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-wild-'));
    writeFileSync(join(folder, 'wild.mjs'), ADAPTER);
    const channels = ['wild', 'noted'].map(id => ({ id, kind: 'wild-box', settings: {} }));
    writeFileSync(join(folder, 'huisu.yaml'), JSON.stringify({ adapters: ['./wild.mjs'], channels }));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** @returns how the process ended */
  async function gateway(work: (lines: Lines) => Promise<void>): Promise<{ code: number | null; err: string }> {
    const env = { PATH: process.env['PATH'], HOME: folder, TMPDIR: tmpdir(), HUISU_PORT: '0' };
    const child = spawn(process.execPath, [ENTRY, 'start', '--config', 'huisu.yaml'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    const ended = new Promise<number | null>(settle => child.once('exit', settle));
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const { url } = JSON.parse(line) as { url: string };
        const post = async (body: object) => {
          const answer = await fetch(`${url}/hooks/wild`, { method: 'POST', body: JSON.stringify(body) });
          return { status: answer.status, text: await answer.text() };
        };
        const huisu = (...args: readonly string[]) =>
          new Promise<string>(settle =>
            execFile(
              process.execPath,
              [ENTRY, ...args, '--json', '--config', 'huisu.yaml'],
              { cwd: folder, env },
              (_, out) => settle(out),
            ),
          );
        await work({ post, huisu });
        break;
      }
    } finally {
      child.kill('SIGTERM');
    }
    return { code: await ended, err };
  }

  it('has what it read wrongly set aside, and nothing that comes after it waits', async () => {
    const { err } = await gateway(async ({ post }) => {
      const wrong = ['a conversation key that is a number', 'a reason of its own', 'content that is a number'];
      for (const parse of [...wrong, 'a field of its own', 'nothing']) {
        const { text } = await post({ id: parse, parse });
        assert.deepEqual(JSON.parse(text), { kind: 'quarantined', reason: 'reading.parse_failed' }, parse);
      }
      const { text } = await post({ id: 'sound' });
      assert.equal(JSON.parse(text).kind, 'ticket');
    });
    for (const place of ['parse/conversation/key', 'parse/reason', 'parse/content', 'parse/wonder', 'parse']) {
      assert.ok(err.includes(`"type":"WrongAnswer","code":"${place}"`), place);
    }
    assert.ok(!err.includes(PHONE), 'its words are in the log');
  });

  it('gets nothing taken in that is no original, and is told which field', async () => {
    const { err } = await gateway(async ({ post }) => {
      const ways = ['a sender that is none', 'an id that is a number', 'an id of a sign that no text holds'];
      for (const how of [...ways, 'an empty id', 'words for bytes', 'no meta', 'no list']) {
        assert.equal((await post({ id: how, how })).status, 500, how);
      }
    });
    for (const place of ['accept/0/sender', 'accept/0/platformId', 'accept/0/body', 'accept/0/meta', 'accept']) {
      assert.ok(err.includes(`"code":"${place}"`), place);
    }
  });

  it('leaves no sender waiting for an answer that is none', async () => {
    const { err } = await gateway(async ({ post }) => {
      for (const how of ['no answer', 'an object for a body', 'no status'])
        assert.equal((await post({ id: how, how })).status, 500, how);
    });
    for (const place of ['webhook', 'webhook/body', 'webhook/status'])
      assert.ok(err.includes(`"code":"${place}"`), place);
  });

  it('keeps no other channel from being shown by a note it cannot give, and has words for a check that fails', async () => {
    await gateway(async ({ huisu }) => {
      const listed = await huisu('channels', 'list');
      const rows = listed
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as { id: string; notes: unknown });
      assert.deepEqual(rows.map(({ id }) => id).sort(), ['noted', 'wild']);
      assert.match(JSON.stringify(rows.find(({ id }) => id === 'noted')), /channel\.bug/);
      const checked = JSON.parse(await huisu('channels', 'check', 'noted')) as Record<string, unknown>;
      assert.deepEqual([checked['ok'], checked['code']], [false, 'channel.bug']);
      assert.match(JSON.stringify(checked['found']), /渠道程序缺陷/);
    });
  });

  it('does not end the gateway with a promise it forgot', async () => {
    const { code, err } = await gateway(async ({ post }) => {
      assert.equal((await post({ id: '1', how: 'forgets a promise' })).status, 200);
      assert.equal((await post({ id: '2' })).status, 200);
    });
    assert.equal(code, 0);
    assert.match(err, /"code":"gateway\.unawaited"/);
    assert.ok(!err.includes(PHONE), 'its words are in the log');
  });

  it('that throws where nobody can catch it ends the process in one line without its words', async () => {
    const { code, err } = await gateway(async ({ post }) => {
      await assert.rejects(post({ id: '1', how: 'throws into the void' }));
    });
    assert.equal(code, 70);
    assert.match(err, /"code":"gateway\.uncaught"/);
    assert.ok(!err.includes(PHONE), 'its words are in the log');
  });
});
