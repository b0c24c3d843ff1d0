// Alarms of several processes on one store: what any of them knows is told once, by one of them, whoever dies.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Alarms, createAlarms } from '../../../gateway/alarms/alarms.ts';
import { createCompany, readCompany } from '../../../gateway/alarms/company.ts';
import { readState } from '../../../gateway/alarms/keeping.ts';
import type { Role } from '../../../gateway/role.ts';
import { probeCounts } from '../../../gateway/telemetry/probe-counts.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { StoreUnavailable } from '../../../store/errors.ts';
import { openSqliteStore, type SqliteStore } from '../../../store/sqlite/engine.ts';
import type { Store } from '../../../store/store.ts';
import {
  alarmSettings,
  HOUR,
  MINUTE,
  type Receiver,
  SECRET,
  sourcesOf,
  startReceiver,
  type World,
} from './alarms-workbench.ts';

const GB = 1024 ** 3;
const WEEK = 7 * 24 * HOUR;

interface Member {
  readonly world: Omit<World, 'now' | 'elapsed'>;
  readonly alarms: Alarms;
}

describe('alarms of several processes', () => {
  let folder: string;
  let opened: SqliteStore;
  let store: Store;
  let receiver: Receiver;
  let away = false;
  let now = 0;
  const members: Member[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-alarms-'));
    opened = await openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });
    store = awayable(opened);
    receiver = await startReceiver();
    [away, now] = [false, Date.UTC(2026, 10, 24, 1, 0, 0)];
  });
  afterEach(async () => {
    away = false;
    for (const { alarms } of members.splice(0)) await alarms.close();
    await opened.close();
    await receiver.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The same store, which does not answer while it is away. */
  function awayable(of: Store): Store {
    const guarded = <T extends object>(part: T): T =>
      new Proxy(part, {
        get: (target, name) =>
          away
            ? async () => Promise.reject(new StoreUnavailable('store.mongo_unreachable', 'away'))
            : Reflect.get(target, name),
      });
    return { ...of, admin: guarded(of.admin), messages: guarded(of.messages), outbox: guarded(of.outbox) };
  }

  function joined(name: string, role: Role = 'all', lookSeconds = 10): Member {
    const world: Member['world'] = {
      channels: role === 'worker' ? [] : [{ id: 'mail-1', enabled: true, up: true, reason: null }],
      ...{
        paused: null,
        caseSystem: { down: false, since: 0 },
        queue: null,
        expiries: [],
        refused: null,
        keysKept: true,
        writable: true,
      },
      disk: { freeBytes: 100 * GB, leastFreeBytes: GB },
    };
    const settings = alarmSettings({ name, lookSeconds, webhook: { url: receiver.url, secrets: [SECRET], ca: null } });
    const release = async () => undefined;
    const alarms = createAlarms({
      ...{
        store,
        counts: probeCounts(store, () => now),
        log: createLog({ level: 'silent' }),
        settings: () => settings,
        role,
      },
      company: createCompany(store.admin, { release }, `${name}:${members.length}`),
      sources: sourcesOf(world),
      now: () => now,
      monotonic: () => now,
      random: () => 0.5,
    });
    const member = { world, alarms };
    members.push(member);
    return member;
  }

  /** Time passes in steps of one look of each. */
  async function pass(ms: number, step = MINUTE / 6): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      now += step;
      for (const { alarms } of members) {
        await alarms.look();
        await alarms.deliver();
      }
    }
  }

  const told = () =>
    receiver.received.map(({ body }) => `${body.type} ${body.data.kind} ${body.data.values['process'] ?? ''}`.trim());

  it('tell once of what only one of them knows, and name it, whoever of them tells', async () => {
    const [, second, worker] = [joined('gateway-1'), joined('gateway-2'), joined('worker-1', 'worker')];
    await pass(MINUTE);
    second.world.disk = { freeBytes: 1.5 * GB, leastFreeBytes: GB };
    worker.world.caseSystem = { down: true, since: now };
    worker.world.queue = 'queue.unwritable';
    await pass(7 * MINUTE);
    assert.deepEqual(told().toSorted(), [
      'alarm.began case-system-down',
      'alarm.began disk-low gateway-2',
      'alarm.began queue-down worker-1',
    ]);
    assert.match(
      receiver.received.find(({ body }) => body.data.kind === 'disk-low')?.body.data.text.zh ?? '',
      /gateway-2/,
    );
    const kept = await readState(store.admin);
    assert.deepEqual(kept?.alarms.map(({ kind }) => kind).toSorted(), ['case-system-down', 'disk-low', 'queue-down']);
    second.world.disk = { freeBytes: 50 * GB, leastFreeBytes: GB };
    Object.assign(worker.world, { caseSystem: { down: false, since: now }, queue: null });
    await pass(6 * MINUTE);
    assert.deepEqual(told().slice(3).toSorted(), [
      'alarm.over case-system-down',
      'alarm.over disk-low gateway-2',
      'alarm.over queue-down worker-1',
    ]);
  });

  it('are told by another one when the one that told them dies, from where it was', async () => {
    const [first, second] = [joined('gateway-1'), joined('gateway-2')];
    await pass(MINUTE);
    second.world.channels = [{ id: 'mail-1', enabled: true, up: false, reason: 'channel.unavailable' }];
    await pass(6 * MINUTE);
    assert.deepEqual(told(), ['alarm.began channel-down']);
    // Killed: it says and releases nothing.
    members.splice(members.indexOf(first), 1);
    await pass(2 * MINUTE);
    second.world.channels = [{ id: 'mail-1', enabled: true, up: true, reason: null }];
    await pass(6 * MINUTE);
    assert.deepEqual(told(), ['alarm.began channel-down', 'alarm.over channel-down']);
    assert.equal(new Set(receiver.received.map(({ body }) => body.data.alarm)).size, 1);
    assert.deepEqual(
      (await readCompany(store.admin, now)).map(({ name }) => name),
      ['gateway-2'],
    );
    await first.alarms.close();
  });

  it('of a store that is away are told by each of them, begun and over, since none can know of another', async () => {
    joined('gateway-1');
    joined('gateway-2');
    await pass(MINUTE);
    away = true;
    await pass(3 * MINUTE);
    assert.deepEqual(told(), ['alarm.began store-down', 'alarm.began store-down']);
    away = false;
    await pass(8 * MINUTE);
    assert.deepEqual(told().slice(2), ['alarm.over store-down', 'alarm.over store-down']);
    const ids = receiver.received.map(({ body }) => body.data.alarm);
    assert.deepEqual(ids.slice(2).toSorted(), ids.slice(0, 2).toSorted());
    assert.deepEqual((await readState(store.admin))?.alarms, []);
  });

  it('know what is usual by the messages of all of them, and call no channel quiet that another one takes in', async () => {
    const [first, second] = [joined('gateway-1', 'all', 600), joined('gateway-2', 'all', 600)];
    const hour = async (by: Member) => {
      by.alarms.arrived('mail-1', 40);
      await pass(HOUR, HOUR / 6);
    };
    for (let at = 0; at < 3 * WEEK; at += HOUR) await hour(first);
    for (let n = 0; n < 30; n++) await hour(second);
    assert.deepEqual(told(), []);
    for (let n = 0; n < 6; n++) await pass(HOUR, HOUR / 6);
    assert.deepEqual(told(), ['alarm.began channel-quiet']);
  }).timeout(60_000);
});
