// Alarms: each is told once when it begins and once when it is over, whatever flaps, restarts or goes wrong in between.
import assert from 'node:assert/strict';
import { ALARM_KINDS, type AlarmState } from '../../../gateway/alarms/alarm.ts';
import { alarmWords } from '../../../gateway/alarms/words.ts';
import { StoreUnavailable } from '../../../store/errors.ts';
import { decided, message, ticketOf } from '../../contracts/store-rows.ts';
import { type AlarmBench, HOUR, MINUTE, openBench, type Receiver, SECRET, startReceiver } from './alarms-workbench.ts';

const DOWN = { id: 'mail-1', enabled: true, up: false, reason: 'channel.unavailable' };
const REFUSED = { ...DOWN, reason: 'channel.credentials_refused' };
const UP = { id: 'mail-1', enabled: true, up: true, reason: null };
const GB = 1024 ** 3;

describe('alarms', () => {
  let receiver: Receiver;
  let bench: AlarmBench;
  let broken: boolean;
  let full: boolean;
  beforeEach(async () => {
    broken = false;
    full = false;
    receiver = await startReceiver();
    bench = await openBench({ webhook: { url: receiver.url, secrets: [SECRET], ca: null } }, store => ({
      ...store,
      outbox: {
        ...store.outbox,
        counts: () => (broken ? Promise.reject(new StoreUnavailable('store.closed', 'away')) : store.outbox.counts()),
      },
      admin: {
        ...store.admin,
        setMeta: (name, value, seen) =>
          full
            ? Promise.reject(new StoreUnavailable('store.disk_full', 'full'))
            : store.admin.setMeta(name, value, seen),
      },
    }));
  });
  afterEach(async () => {
    await bench.close();
    await receiver.close();
  });

  const told = () => receiver.received.map(({ body }) => `${body.type} ${body.data.kind} ${body.data.on}`.trim());
  const minutes = async (count: number) => {
    for (let i = 0; i < count; i++) await bench.pass(MINUTE);
  };

  const CONDITIONS: readonly {
    readonly kind: string;
    readonly how?: string;
    readonly on?: string;
    begin(): Promise<void> | void;
    end?(): Promise<void> | void;
  }[] = [
    {
      kind: 'channel-down',
      on: 'mail-1',
      begin: () => bench.be({ channels: [DOWN] }),
      end: () => bench.be({ channels: [UP] }),
    },
    {
      kind: 'credentials-refused',
      on: 'mail-1',
      begin: () => bench.be({ channels: [REFUSED] }),
      end: () => bench.be({ channels: [UP] }),
    },
    {
      kind: 'case-system-down',
      begin: () => bench.be({ caseSystem: { down: true, since: bench.world.now } }),
      end: () => bench.be({ caseSystem: { down: false, since: bench.world.now } }),
    },
    {
      kind: 'queue-down',
      begin: () => bench.be({ queue: 'queue.unwritable' }),
      end: () => bench.be({ queue: null }),
    },
    {
      kind: 'disk-low',
      begin: () => bench.be({ disk: { freeBytes: 1.5 * GB, leastFreeBytes: GB } }),
      end: () => bench.be({ disk: { freeBytes: 9 * GB, leastFreeBytes: GB } }),
    },
    {
      kind: 'intake-paused',
      begin: () => bench.be({ paused: 'intake.disk_low' }),
      end: () => bench.be({ paused: null }),
    },
    {
      kind: 'expiring',
      on: 'listen.tls',
      begin: () => bench.be({ expiries: [{ what: 'listen.tls', at: bench.world.now + 13 * 24 * HOUR }] }),
      end: () => bench.be({ expiries: [{ what: 'listen.tls', at: bench.world.now + 90 * 24 * HOUR }] }),
    },
    {
      kind: 'settings-refused',
      begin: () => bench.be({ refused: { at: bench.world.now, code: 'config.unknown_key' } }),
      end: () => bench.be({ refused: null }),
    },
    {
      kind: 'keys-gone',
      begin: () => bench.be({ keysKept: false }),
      end: () => bench.be({ keysKept: true }),
    },
    { kind: 'clock-jumped', begin: () => bench.step(-90_000) },
    {
      kind: 'unread-old',
      begin: async () => {
        await bench.store.messages.accept([message('one', { acceptedAt: bench.world.now - 6 * MINUTE })]);
      },
      end: async () => {
        assert.deepEqual(await bench.store.decisions.commit([ticketOf('one', 'lane')], null), ['committed']);
      },
    },
    {
      kind: 'dead-letters',
      begin: async () => {
        await decided(bench.store, [ticketOf('dead', 'lane')]);
        const [claimed] = await bench.store.outbox.claim(bench.world.now, 1, HOUR);
        const { id, token } = claimed!;
        await bench.store.outbox.fail(id, token, { at: bench.world.now, retryAt: null, cause: 'x y', unknown: false });
      },
      end: async () => {
        await bench.store.outbox.replay({ limit: 9 }, bench.world.now, {
          by: 'tester',
          action: 'outbox.replay',
          on: [],
        });
      },
    },
    {
      kind: 'undispatched-old',
      begin: async () => {
        bench.world.caseSystem = { down: false, since: 0 };
        await decided(bench.store, [{ ...ticketOf('slow', 'lane'), decidedAt: bench.world.now - 31 * MINUTE }]);
      },
      end: async () => {
        const [claimed] = await bench.store.outbox.claim(bench.world.now, 1, HOUR);
        await bench.store.outbox.finish(claimed!.id, claimed!.token, { at: bench.world.now, caseNumber: null });
      },
    },
    {
      kind: 'store-down',
      begin: () => {
        broken = true;
      },
      end: () => {
        broken = false;
      },
    },
    {
      kind: 'store-down',
      how: ' where it answers and takes nothing',
      begin: () => bench.be({ writable: false }),
      end: () => bench.be({ writable: true }),
    },
  ];

  for (const { kind, how = '', on, begin, end } of CONDITIONS) {
    it(`tell of ${kind}${how} once when it begins and once when it is over, over two restarts`, async () => {
      await begin();
      await minutes(8);
      await bench.restart();
      // Its clock step is forgotten with the process; everything else still holds.
      await minutes(3);
      const began = [`alarm.began ${kind} ${on ?? ''}`.trim()];
      assert.deepEqual(told(), began);
      await end?.();
      await minutes(2);
      await bench.restart();
      await minutes(30);
      assert.deepEqual(told(), [...began, `alarm.over ${kind} ${on ?? ''}`.trim()]);
      const [first, last] = receiver.received;
      assert.equal(first?.body.data.alarm, last?.body.data.alarm);
      assert.ok(
        receiver.received.every(({ fault }) => fault === null),
        'a signature does not hold',
      );
      assert.equal(new Set(receiver.received.map(({ id }) => id)).size, 2);
    });
  }

  /** Hours go by faster here than the chain is checked, which happens beside them. */
  async function dayAndMore(holds = () => true): Promise<void> {
    for (let hour = 0; hour < 26 || !holds(); hour++) await bench.pass(HOUR);
  }

  it('tell of an audit chain that was tampered with, once a day at most', async () => {
    const admin = bench.store.admin as { auditVerify: typeof bench.store.admin.auditVerify };
    const verify = bench.store.admin.auditVerify.bind(bench.store.admin);
    let checks = 0;
    admin.auditVerify = async () => {
      checks++;
      return checks === 1 ? { records: 9, broken: 4 } : verify();
    };
    await dayAndMore(() => told().length > 0);
    assert.equal(checks, 1);
    assert.deepEqual(told(), ['alarm.began audit-broken']);
    assert.match(receiver.received[0]!.body.data.text.zh, /第 4 条/);
    await dayAndMore(() => told().length > 1);
    assert.deepEqual(told(), ['alarm.began audit-broken', 'alarm.over audit-broken']);
  });

  it('tell of audit records that were cut off since the check before, whose head is in the log', async () => {
    const { admin } = bench.store;
    for (const on of ['a', 'b']) await admin.audit({ by: 'clerk', action: 'identity.read', on: [on] }, 1000);
    const checked = () => bench.logged.filter(({ code }) => code === 'alarm.audit_checked').map(({ head }) => head);
    await dayAndMore(() => checked().length > 0);
    const [record] = await admin.auditList(1, 1);
    assert.deepEqual(checked(), [`2:${record?.mac}`]);
    assert.deepEqual(told(), []);
    const list = admin.auditList.bind(admin);
    Object.assign(admin, {
      auditVerify: async () => ({ records: 1, broken: null }),
      auditList: async (after: number, limit: number) => (await list(after, limit)).filter(({ seq }) => seq === 1),
    });
    await dayAndMore(() => told().length > 0);
    assert.deepEqual(told(), ['alarm.began audit-broken']);
    assert.match(receiver.received[0]!.body.data.text.zh, /第 2 条/);
  });

  it('do not begin before a channel was down for its time, and credentials that are refused are told at once', async () => {
    bench.world.channels = [DOWN];
    await minutes(5);
    assert.deepEqual(told(), []);
    await minutes(1);
    assert.deepEqual(told(), ['alarm.began channel-down mail-1']);
    bench.world.channels = [UP, { ...REFUSED, id: 'mail-2' }];
    await bench.pass(1000);
    assert.deepEqual(told().slice(1), ['alarm.began credentials-refused mail-2']);
  });

  it('of a channel that flaps are two, not two hundred', async () => {
    for (let i = 0; i < 100; i++) {
      bench.world.channels = [i % 2 === 0 ? DOWN : UP];
      await bench.pass(MINUTE);
    }
    assert.deepEqual(told(), ['alarm.began channel-down mail-1']);
    bench.world.channels = [UP];
    await minutes(6);
    assert.deepEqual(told(), ['alarm.began channel-down mail-1', 'alarm.over channel-down mail-1']);
  });

  it('do not begin of a short outage, nor end while a channel is only being opened', async () => {
    for (let i = 0; i < 4; i++) {
      bench.world.channels = [DOWN];
      await minutes(2);
      bench.world.channels = [UP];
      await minutes(10);
    }
    assert.deepEqual(told(), []);
    bench.world.channels = [DOWN];
    await minutes(7);
    bench.world.channels = [{ ...DOWN, reason: 'channel.opening' }];
    await minutes(60);
    assert.deepEqual(told(), ['alarm.began channel-down mail-1']);
  });

  it('say nothing of channels that are disabled, and end with a channel that is removed', async () => {
    bench.world.channels = [{ ...DOWN, enabled: false }];
    await minutes(20);
    assert.deepEqual(told(), []);
    bench.world.channels = [REFUSED];
    await minutes(1);
    bench.world.channels = [];
    await minutes(6);
    assert.deepEqual(told(), ['alarm.began credentials-refused mail-1', 'alarm.over credentials-refused mail-1']);
  });

  it('that began before there was anybody to tell are told as soon as there is', async () => {
    const { webhook } = { webhook: { url: receiver.url, secrets: [SECRET], ca: null } };
    bench.set({ webhook: null });
    bench.world.channels = [REFUSED];
    await minutes(3);
    const kept = JSON.parse((await bench.store.admin.meta('alarms.state')) as string) as AlarmState;
    assert.equal(kept.alarms[0]?.kind, 'credentials-refused');
    bench.set({ webhook });
    await minutes(3);
    assert.deepEqual(told(), ['alarm.began credentials-refused mail-1']);
  });

  it('that nobody was told of end in silence', async () => {
    bench.set({ webhook: null });
    bench.world.channels = [REFUSED];
    await minutes(3);
    bench.world.channels = [UP];
    await minutes(9);
    bench.set({ webhook: { url: receiver.url, secrets: [SECRET], ca: null } });
    await minutes(3);
    assert.deepEqual(told(), []);
  });

  it('are repeated while they last only where the settings ask for it', async () => {
    bench.set({ remindHours: 4 });
    bench.world.channels = [REFUSED];
    for (let i = 0; i < 54; i++) await bench.pass(10 * MINUTE);
    assert.deepEqual(told(), [
      'alarm.began credentials-refused mail-1',
      'alarm.reminder credentials-refused mail-1',
      'alarm.reminder credentials-refused mail-1',
    ]);
    bench.set({ remindHours: 0 });
    for (let i = 0; i < 54; i++) await bench.pass(10 * MINUTE);
    assert.equal(told().length, 3);
  });

  it('begin anew, and say so, where what is kept is not understood', async () => {
    bench.world.channels = [REFUSED];
    await minutes(1);
    for (const kept of ['{"v":9}', 'not json']) {
      await bench.restart();
      await bench.store.admin.setMeta('alarms.state', kept);
      await minutes(1);
    }
    assert.equal(bench.logged.filter(({ code }) => code === 'alarm.state_unreadable').length, 2);
    assert.equal(told().length, 3);
  });

  it('are written down at the first look after the disk that they tell of has room again', async () => {
    full = true;
    bench.be({ paused: 'intake.disk_low' });
    await minutes(1);
    full = false;
    bench.be({ paused: null });
    await minutes(1);
    const { alarms } = JSON.parse((await bench.store.admin.meta('alarms.state')) as string) as AlarmState;
    assert.deepEqual(
      alarms.map(({ kind }) => kind),
      ['intake-paused'],
    );
    assert.equal(bench.logged.filter(({ code }) => code === 'alarm.kept').length, 1);
  });

  it('are logged as they begin and end, with figures that can be counted', async () => {
    bench.world.channels = [REFUSED];
    await minutes(1);
    assert.deepEqual(bench.alarms().figures().on, [{ kind: 'credentials-refused', count: 1 }]);
    bench.world.channels = [UP];
    await minutes(6);
    const lines = bench.logged.filter(({ code }) => code === 'alarm.began' || code === 'alarm.over');
    assert.deepEqual(
      lines.map(({ code, kind, channel }) => [code, kind, channel]),
      [
        ['alarm.began', 'credentials-refused', 'mail-1'],
        ['alarm.over', 'credentials-refused', 'mail-1'],
      ],
    );
    assert.deepEqual(bench.alarms().figures().on, []);
    assert.equal(bench.alarms().figures().ways[0]?.delivered, 2);
  });

  it('have words in both languages for what happened and what to do, with every value filled in', () => {
    const values = { reason: 'channel.unavailable', hours: 3, count: 2, usual: 40, weeks: 4, freeMb: 9, leastMb: 8 };
    for (const kind of ALARM_KINDS) {
      const { title, what, todo } = alarmWords(kind, 'mail-1', {
        ...values,
        at: 0,
        seconds: 9,
        seq: 3,
        code: 'config.yaml',
      });
      for (const sentence of [title, what, todo]) {
        assert.match(sentence.zh, /\p{Script=Han}/u, kind);
        assert.doesNotMatch(sentence.zh + sentence.en, /[{}]|undefined/, kind);
      }
    }
  });

  it('never name an address that stands where a name was expected', async () => {
    bench.world.expiries = [{ what: 'zhang.san@example.cn', at: bench.world.now }];
    await minutes(1);
    assert.doesNotMatch(JSON.stringify(receiver.received), /zhang|@/);
  });
});
