// Logs and metrics: only what is allowed, each outage once down and once up, and nobody's data anywhere.
import assert from 'node:assert/strict';
import { createMetrics, type MetricsSnapshot } from '../../../gateway/telemetry/metrics.ts';
import { createLog, createOutages, type Log } from '../../../gateway/telemetry/telemetry.ts';

function logTo(lines: string[]): Log {
  return createLog({ level: 'debug', destination: { write: line => void lines.push(line) } });
}

const IDENTITIES = [
  '张立民',
  '13800138000',
  '+8613800138000',
  '220502199001011234',
  'zhang.limin@example.com',
  '吉E·A1234',
];

describe('the log', () => {
  it('lets through what the allow-list knows, in its form', () => {
    const lines: string[] = [];
    logTo(lines).info('channel.up', {
      channel: 'app-1',
      number: '2611240123456789A',
      count: 3,
      url: 'http://127.0.0.1:8012',
    });
    const line = JSON.parse(lines[0] as string);
    assert.deepEqual(
      [line.level, line.code, line.channel, line.number, line.count],
      ['info', 'channel.up', 'app-1', '2611240123456789A', 3],
    );
    assert.equal(line.withheld, undefined);
  });

  it('holds back unknown keys and known keys with another form, and says how many', () => {
    const lines: string[] = [];
    logTo(lines).info('test.line', { channel: '张立民', phone: '1', kind: '13800138000', count: 13_800_138_000 });
    assert.deepEqual(Object.keys(JSON.parse(lines[0] as string)).sort(), ['code', 'level', 'time', 'withheld']);
    assert.equal(JSON.parse(lines[0] as string).withheld, 4);
  });

  it('never carries an identity, under any key, in any error, at any depth', () => {
    const lines: string[] = [];
    const log = logTo(lines);
    for (const identity of IDENTITIES) {
      for (const key of [
        'channel',
        'kind',
        'number',
        'reason',
        'code',
        'entry',
        'ticket',
        'url',
        'host',
        'field',
        'phone',
        'toString',
        '__proto__',
      ]) {
        log.child({ [key]: identity }).warn(identity, { [key]: identity });
      }
      const cause = Object.assign(new TypeError(`cannot read ${identity}`), { code: identity, name: identity });
      const error = new Error(`E11000 duplicate key: { phone: "${identity}" }\nsecond line ${identity}`, { cause });
      log.bug('test.bug', error);
      log.fail('test.fail', error);
      log.bug('test.bug', identity);
      log.bug('test.bug', { phone: identity });
    }
    const text = lines.join('');
    for (const identity of IDENTITIES) assert.ok(!text.includes(identity), identity);
  });

  it('names a bug by class and place', () => {
    const lines: string[] = [];
    logTo(lines).bug('test.bug', new RangeError('value 13800138000 out of range'));
    const { error } = JSON.parse(lines[0] as string);
    assert.equal(error.type, 'RangeError');
    assert.match(error.frames[0], /telemetry\.test\.ts/);
  });

  it('tells of an outage once down and once up, however often it is met', () => {
    const lines: string[] = [];
    let now = 1000;
    const outages = createOutages(logTo(lines), () => now);
    for (let i = 0; i < 50; i++) outages.down('channel:app-1', 'channel.down', new Error('x'), { channel: 'app-1' });
    now += 61_000;
    outages.up('channel:app-1', 'channel.up', { channel: 'app-1' });
    outages.up('channel:app-1', 'channel.up', { channel: 'app-1' });
    assert.deepEqual(
      lines.map(line => JSON.parse(line).code),
      ['channel.down', 'channel.up'],
    );
    assert.equal(JSON.parse(lines[1] as string).seconds, 61);
  });
});

const SNAPSHOT: MetricsSnapshot = {
  writable: true,
  messages: { unread: 3, oldestUnread: 5_000, quarantined: 2, byOutcome: { ticket: 10, repeat: 4 } },
  outbox: { due: 5, parked: 1, inFlight: 2, dead: 1, done: 20, void: 0, oldest: 1_000 },
  tickets: { held: 1, byState: { held: 1, queued: 9 } },
  channels: [
    { id: 'app-1', kind: 'app', up: true },
    { id: 'mail', kind: 'mailbox', up: false },
  ],
  commitSeconds: [0.003, 0.004],
  freeBytes: 1_000_000,
};

describe('the metrics', () => {
  it('show what waits, how old it is, what is dead and which channel is down', async () => {
    const metrics = createMetrics({ snapshot: async () => SNAPSHOT }, () => 11_000);
    metrics.acknowledged('app-1', 'app', 'fresh', 7);
    metrics.acknowledged('app-1', 'app', 'redelivery');
    const text = await metrics.text();
    metrics.close();
    for (const line of [
      'huisu_acknowledged_total{channel="app-1",kind="app",delivery="fresh"} 7',
      'huisu_acknowledged_total{channel="app-1",kind="app",delivery="redelivery"} 1',
      'huisu_unread 3',
      'huisu_unread_oldest_seconds 6',
      'huisu_outbox{state="in-flight"} 2',
      'huisu_outbox_oldest_seconds 10',
      'huisu_dead 1',
      'huisu_quarantined 2',
      'huisu_messages{outcome="repeat"} 4',
      'huisu_channel_up{channel="mail",kind="mailbox"} 0',
      'huisu_commit_seconds_count 2',
      'huisu_store_up 1',
    ]) {
      assert.ok(text.split('\n').includes(line), line);
    }
    assert.match(text, /huisu_loop_lag_seconds\{quantile="0\.99"\} /);
  });

  it('forget a state that nothing is in any more', async () => {
    let tickets: MetricsSnapshot['tickets'] = SNAPSHOT.tickets;
    const metrics = createMetrics({ snapshot: async () => ({ ...SNAPSHOT, tickets }) }, () => 11_000);
    assert.match(await metrics.text(), /huisu_tickets\{state="held"\} 1/);
    tickets = { held: 0, byState: { queued: 10 } };
    const text = await metrics.text();
    metrics.close();
    assert.ok(text.includes('huisu_tickets{state="queued"} 10') && !text.includes('state="held"'), text);
  });

  it('say of each whether it is one process’s own or the same at all of them', async () => {
    const settings = () => ({ applied: 0, refused: 0, valid: true, restart: 0, certificateEnds: null });
    const metrics = createMetrics({ snapshot: async () => SNAPSHOT, settings }, () => 11_000);
    const helps = (await metrics.text()).split('\n').filter(line => line.startsWith('# HELP '));
    metrics.close();
    assert.ok(helps.length > 20);
    const scope = /\(of (?:this process|the store, the same at every process: .*)\)$/;
    assert.deepEqual(
      helps.filter(line => !scope.test(line)),
      [],
    );
    const shared = helps.filter(line => line.includes('of the store')).map(line => line.split(' ')[2]);
    for (const name of ['huisu_unread', 'huisu_outbox', 'huisu_dead', 'huisu_tickets', 'huisu_alarms'])
      assert.ok(shared.includes(name), name);
  });

  it('still answer while the store does not', async () => {
    const metrics = createMetrics({ snapshot: () => Promise.reject(new Error('disk')) }, Date.now);
    assert.match(await metrics.text(), /huisu_store_up 0/);
    metrics.close();
  });
});
