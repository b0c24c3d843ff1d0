// Commands inside a running gateway, over its control socket: what is stuck, why, and what helps.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { CredentialsRefused } from '../../adapters/contract.ts';
import { FRESH_STATE } from '../../gateway/alarms/alarm.ts';
import type { Arguments, Command, Row, Terminal } from '../../gateway/cli/command.ts';
import { COMMANDS } from '../../gateway/cli/commands.ts';
import { replies } from '../../gateway/cli/open.ts';
import type { Finding } from '../../gateway/cli/status-finding.ts';
import { callControl, type Reply } from '../../gateway/control.ts';
import type { Failure } from '../../gateway/failure.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../platforms/case-system.ts';
import { script } from './fixtures/scripted-box.ts';
import { type Running, runGateway } from './running.ts';

const LINE_BOX = resolve(import.meta.dirname, '../../docs/adapters/example/line-box.ts');
const TOKEN = 'made-up-token-0001';
const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，请安排检修。';
const BUS = '二道江区鸭园镇的公交车每天早上七点那一班总是不来，学生上学迟到，请增加班次。';
const MAILBOX = { host: '127.0.0.1', port: 9, tls: 'none', user: 'szxx', password: 'made-up' };
const RETRY = { steps: [0.05], every: 0.05, hours: 0.0001 };

const BOX = resolve(import.meta.dirname, 'fixtures/scripted-box.ts');

let begun = false;
/** Goes on until it is told to stop. */
const WAIT: Command = {
  kind: 'one',
  name: 'wait',
  summary: { zh: '', en: '' },
  async run(_context, _args, { signal }) {
    begun = true;
    await once(signal, 'abort');
    throw signal.reason;
  },
};

describe('commands of a running gateway', function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator;
  let running: Running;
  afterEach(async () => {
    await running.close();
    await cases.close();
  });

  async function start(retry: Readonly<Record<string, unknown>> = RETRY): Promise<void> {
    cases = await startCaseSystem();
    running = await runGateway({ adapters: [LINE_BOX], caseSystem: { url: cases.url, retry } }, [WAIT]);
    await one('channels add', { id: 'box', kind: 'line-box', settings: JSON.stringify({ token: TOKEN }) });
  }

  const call = (command: string, args?: Arguments) => running.call(command, args);
  const found = async (code: string) =>
    ((await one('status'))['findings'] as readonly Finding[]).find(finding => finding.code === code);
  const rows = async (command: string, args?: Arguments) =>
    (await call(command, args)).flatMap(reply => ('row' in reply ? [reply.row] : []));
  const one = async (command: string, args?: Arguments) =>
    (await call(command, args)).flatMap(reply => ('result' in reply ? [reply.result] : []))[0] as Row;
  const failure = async (command: string, args?: Arguments) =>
    (await call(command, args)).flatMap(reply => ('failure' in reply ? [reply.failure] : []))[0] as Failure;

  const post = (body: string) =>
    fetch(`${running.gateway.url}/hooks/box`, { method: 'POST', headers: { 'x-line-token': TOKEN }, body });
  const letter = (id: string, content: string) => post(JSON.stringify({ id, from: `u-${id}`, text: content }));
  const counts = () => running.gateway.context.store.messages.counts();

  it('does not send whoever has just mended a channel to mend it again while its alarm is not over yet', async () => {
    cases = await startCaseSystem();
    running = await runGateway({ adapters: [BOX], alarms: { lookSeconds: 0.05, overMinutes: 60 } });
    const { book, live } = running.gateway.context;
    let refused = true;
    script.open = () => undefined;
    script.poll = async signal => {
      if (refused) throw new CredentialsRefused('scripted-box.login_refused', 'the login was refused');
      await once(signal, 'abort');
    };
    await book.add({ id: 'mayor', kind: 'scripted-box', settings: {} }, 'tester');
    await live?.reopen('mayor');
    await running.until(async () => (await found('alarm.credentials-refused')) !== undefined);
    const told = await found('alarm.credentials-refused');
    assert.equal(told?.stuck, true);
    // What happened stands there like what to do, with the figures that some alarms have.
    assert.match(told?.zh ?? '', /渠道 mayor 的凭证被拒。平台不接受渠道 mayor 的用户名.*换上新的凭证/);
    refused = false;
    await live?.reopen('mayor');
    await running.until(async () => (await found('alarm.credentials-refused'))?.stuck === false);
    const alarm = await found('alarm.credentials-refused');
    assert.match(alarm?.zh ?? '', /原因已消失，稳定 60 分钟后自动解除/);
    assert.equal(alarm?.command, null);
    Object.assign(script, { open: () => undefined, poll: null });
  });

  it('does not send whoever has made room, or drained what waited, to do it again', async () => {
    await start();
    const at = Date.now() - 1000;
    const figures = { on: '', since: at, raised: at, heldMs: 1, goneMs: 0, values: {}, told: at, reminded: at };
    const kinds = ['disk-low', 'intake-paused', 'unread-old', 'undispatched-old'] as const;
    const alarms = kinds.map(kind => ({ ...figures, id: kind, kind }));
    const { store, loaded } = running.gateway.context;
    const { freeBytes } = await store.admin.health();
    assert.ok(freeBytes > loaded.config.intake.minFreeMb * 1024 * 1024 * 2, 'too little room for this test');
    await store.admin.setMeta('alarms.state', JSON.stringify({ ...FRESH_STATE, alarms }));
    for (const kind of kinds) assert.equal((await found(`alarm.${kind}`))?.stuck, false, kind);
  });

  it('lets nothing join a ticket that a clerk has linked or refused a moment ago', async () => {
    await start();
    const contact = { phone: '13800001014' };
    const bus = await running.appeal(BUS, contact);
    const lamp = await running.appeal(LAMP, contact);
    await one('tickets link', { number: lamp.number, to: bus.number });
    const again = await running.appeal(LAMP.replace('请安排检修', '还没有人来修'), contact);
    assert.equal(again.outcome['kind'], 'ticket');
  });

  it('tells of two channels that read from one mailbox, and of one that is switched off', async () => {
    await start();
    for (const id of ['mayor', 'mayor-2']) {
      await one('channels add', { id, kind: 'mailbox', settings: JSON.stringify(MAILBOX) });
    }
    assert.match((await found('same-source'))?.zh ?? '', /mayor 与 mayor-2 收取同一来源/);
    await one('channels disable', { id: 'mayor-2' });
    assert.equal(await found('same-source'), undefined);
    await one('channels disable', { id: 'box' });
    assert.match(JSON.stringify((await one('channels check', { id: 'box' }))['todo']), /渠道 box 已停用/);
  });

  it('show what nobody could read, and read it again', async () => {
    await start();
    await post('{"not": "a message"');
    await running.until(async () => (await counts()).quarantined === 1);
    const [row] = await rows('quarantine list');
    assert.deepEqual([row?.['channel'], row?.['reason']], ['box', 'line-box.not_a_message']);
    const number = String(row?.['number']);
    assert.equal((await one('quarantine show', { number }))['reason'], 'line-box.not_a_message');
    assert.deepEqual(await one('quarantine replay', { number }), { number, state: 'unread' });
    await running.until(async () => (await counts()).quarantined === 1);
    const [again] = await rows('messages list', { outcome: 'quarantined' });
    assert.equal(again?.['number'], number);
    const records = await rows('audit list');
    assert.ok(records.some(record => record['action'] === 'message.reread' && record['by'] === 'tester'));
  });

  it('hand what nobody could read to a person, as it came, on record and for a purpose only', async () => {
    await start();
    await post('{"not": "a message"');
    await running.until(async () => (await counts()).quarantined === 1);
    const [row] = await rows('quarantine list');
    const number = String(row?.['number']);
    const to = join(running.folder, 'letter.txt');
    assert.equal((await failure('messages original', { number, to, why: ' ' })).code, 'desk.no_purpose');
    assert.equal(existsSync(to), false);
    await one('messages original', { number, to, why: 'reading it' });
    assert.equal(readFileSync(to, 'utf8'), '{"not": "a message"');
    assert.equal(statSync(to).mode & 0o777, 0o600);
    const record = (await rows('audit list')).find(({ action }) => action === 'identity.read');
    assert.deepEqual([record?.['on'], record?.['why']], [[number, 'original'], 'reading it']);
    assert.equal((await failure('messages original', { number, to, why: 'again' })).code, 'import.cannot_write');
  });

  it('list dead letters with their cause and send them again, one or all', async () => {
    await start();
    cases.setFaults({ script: ['422'], repeat: true });
    await letter('1', LAMP);
    await letter('2', '二道江区鸭园镇的公交车每天早上七点那一班总是不来。');
    const { outbox } = running.gateway.context.store;
    await running.until(async () => (await outbox.counts()).dead === 2);
    const dead = await rows('dead-letters list');
    assert.deepEqual(
      dead.map(entry => entry['cause']).map(cause => String(cause).split(/[\s:：]/)[0]),
      ['case-system.refused', 'case-system.refused'],
    );
    const status = await one('status');
    const finding = (status['findings'] as Row[]).find(found => found['code'] === 'dead');
    assert.deepEqual(
      [finding?.['count'], finding?.['stuck'], finding?.['command']],
      [2, true, 'huisu dead-letters list'],
    );
    const id = String(dead[0]?.['id']);
    assert.equal((await one('dead-letters show', { entry: id }))['state'], 'dead');
    assert.equal((await failure('dead-letters replay')).code, 'cli.replay_what');
    cases.setFaults(null);
    assert.deepEqual(await one('dead-letters replay', { entry: id }), { replayed: 1 });
    assert.equal((await failure('dead-letters replay', { entry: 'no-such' })).code, 'desk.not_dead');
    assert.deepEqual(await one('dead-letters replay', { all: true }), { replayed: 1 });
    await running.until(async () => (await outbox.counts()).done === 2);
    assert.equal(cases.summary().doubledEffects, 0);
  });

  it('say why entries wait, when the last attempt at them failed', async () => {
    await start({ steps: [60], every: 60, hours: 1 });
    cases.setFaults({ script: ['401'], repeat: true });
    await letter('1', LAMP);
    const found = async () => ((await one('status'))['findings'] as Row[]).find(({ code }) => code === 'waiting');
    await running.until(async () => String((await found())?.['en']).includes('case-system.credentials'));
    assert.match(String((await found())?.['zh']), /有 1 项等待转办.*最近一次失败：工单系统拒绝了认证/);
  });

  it('list tickets and messages page by page, filtered, newest first', async () => {
    await start();
    for (let i = 0; i < 5; i++) await letter(`t${i}`, `${LAMP.replace('江南大街', `第${'一二三四五'[i]}大街`)}`);
    await running.until(async () => (await counts()).unread === 0);
    const all = await rows('messages list', { limit: 1000 });
    assert.equal(all.length, 5);
    const times = all.map(row => Number(row['acceptedAt']));
    assert.deepEqual(
      times,
      [...times].sort((a, b) => b - a),
    );
    assert.equal((await rows('messages list', { limit: 2 })).length, 2);
    assert.equal((await rows('messages list', { channel: 'app-1' })).length, 0);
    assert.equal((await rows('tickets list', { type: '举报' })).length, 0);
  });

  it('tell a ticket from a message that joined one', async () => {
    await start();
    await post(JSON.stringify({ id: 'a', from: 'u', text: LAMP }));
    await post(JSON.stringify({ id: 'b', from: 'u', text: LAMP }));
    await running.until(async () => (await counts()).byOutcome['repeat'] === 1);
    const [repeat] = await rows('messages list', { outcome: 'repeat' });
    const number = String(repeat?.['number']);
    assert.equal((await failure('tickets show', { number })).code, 'desk.joined_to');
    const shown = await one('messages show', { number });
    assert.equal(shown['of'], repeat?.['of']);
    assert.equal(((shown['links'] as Row[])[0] as Row)['of'], repeat?.['of']);
    const ticket = await one('tickets show', { number: String(repeat?.['of']) });
    assert.equal(ticket['state'] !== undefined, true);
    const { type, place } = ticket['because'] as Row as Record<string, Row>;
    assert.equal(typeof type?.['confidence'], 'number');
    assert.ok(Array.isArray(type?.['words']) && Array.isArray(place?.['words']) && Array.isArray(ticket['asks']));
  });

  it('try the case system with marked examples that touch nothing of ours', async () => {
    await start();
    const report = await one('case-system try');
    assert.equal(report['ok'], true);
    assert.ok(cases.lines.length >= 5);
    assert.equal((await counts()).total, 0);
  });

  it('answer what cannot be understood, and go on', async () => {
    await start();
    assert.equal((await failure('no such command')).code, 'cli.unknown_command');
    assert.equal((await failure('tickets show', { number: '../../etc' })).code, 'cli.bad_number');
    const socket = connect(join(running.folder, 'data', 'control.sock'));
    await once(socket, 'connect');
    socket.write('{"broken\n');
    assert.match(await text(socket), /cli\.bad_request/);
    assert.equal((await one('status'))['running'], true);
  });

  it('do not hold up the end of the gateway: a long one is told to stop, and whoever says nothing is cut off', async () => {
    await start();
    const slow = connect(join(running.folder, 'data', 'control.sock'));
    await once(slow, 'connect');
    const waiting = (async () => {
      const client = await callControl(join(running.folder, 'data'));
      assert.ok(client !== null);
      const replies: Reply[] = [];
      for await (const reply of client.run('wait', {}, 'tester')) replies.push(reply);
      return replies;
    })();
    await running.until(() => begun);
    const ended = once(slow, 'close');
    await running.gateway.close(5000);
    await ended;
    const told = (await waiting).flatMap(reply => ('failure' in reply ? [reply.failure.code] : []));
    assert.deepEqual(told, ['cli.gateway_stops']);
  });

  it('end when their caller goes away in the middle', async () => {
    await start();
    for (let i = 0; i < 3; i++) {
      const socket = connect(join(running.folder, 'data', 'control.sock'));
      await once(socket, 'connect');
      socket.write(`${JSON.stringify({ v: 1, command: 'audit list', args: {}, by: 'x' })}\n`);
      socket.destroy();
    }
    assert.equal((await one('status'))['running'], true);
  });
});

describe('a command without a gateway', function () {
  this.timeout(60_000);

  it('is told to stop by a signal and tidies up, instead of being cut off', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-alone-'));
    const env = { HUISU_DATA: join(folder, 'data'), HUISU_KEYS_FILE: join(folder, 'keys.json') };
    const terminal: Terminal = {
      ...{ language: 'en', json: true, env, configFile: undefined },
      out: line => assert.fail(line),
      err: () => undefined,
    };
    begun = false;
    const run = async (command: Command) => {
      for await (const reply of replies(command, {}, 'tester', terminal)) return reply;
      return null;
    };
    try {
      const interrupted = assert.rejects(run({ ...WAIT, begins: true }), { code: 'cli.interrupted' });
      while (!begun) await new Promise(resolve => setTimeout(resolve, 5));
      process.emit('SIGTERM', 'SIGTERM');
      await interrupted;
      // The folder is free again.
      const status = COMMANDS.find(({ name }) => name === 'status') as Command;
      assert.ok('result' in ((await run(status)) as object));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
