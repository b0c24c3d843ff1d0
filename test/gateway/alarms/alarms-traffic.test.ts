// Usual traffic: learned by hours of the week, kept over restarts, and held against what came, so that a person can check it.
import assert from 'node:assert/strict';
import type { QuietLimits } from '../../../config/alarms.ts';
import { createTraffic, type Traffic } from '../../../gateway/alarms/traffic.ts';
import { type AlarmBench, HOUR, MINUTE, openBench, type Receiver, SECRET, startReceiver } from './alarms-workbench.ts';

const LIMITS: QuietLimits = { leastPerDay: 50, expected: 20, percent: 10, weeks: 2 };
/** A Monday, 00:00 in Shanghai. */
const MONDAY = Date.UTC(2026, 9, 4, 16);
const STEP = 10 * MINUTE;

/** Messages an hour at this hour of the day in Shanghai: an office's day. */
const office = (hour: number) => (hour >= 8 && hour < 18 ? 60 : 0);

/** Lets time pass in steps, with as many messages as the rate says. */
function live(traffic: Traffic, from: number, until: number, rate: (hour: number, at: number) => number): void {
  for (let at = from + STEP; at <= until; at += STEP) {
    const shanghai = new Date(at - STEP + 8 * HOUR);
    const count = Math.round((rate(shanghai.getUTCHours(), at) * STEP) / HOUR);
    if (count > 0) traffic.count('app', count);
    // The step belongs to the hour it began in.
    traffic.watched(['app'], STEP, at - 1);
  }
}

const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

describe('usual traffic', () => {
  function learned(weeks = 3, rate: (hour: number) => number = office): Traffic {
    const traffic = createTraffic({});
    live(traffic, MONDAY, MONDAY + weeks * WEEK, rate);
    return traffic;
  }
  const at = (day: number, hour: number) => MONDAY + 3 * WEEK + day * DAY + hour * HOUR;

  it('that stops in office hours is noticed, with figures a person can check', () => {
    const traffic = learned();
    live(traffic, at(0, 0), at(0, 10), office);
    assert.equal(traffic.quiet('app', at(0, 10) - 1, LIMITS), null);
    live(traffic, at(0, 10), at(0, 11), () => 0);
    assert.deepEqual(traffic.quiet('app', at(0, 11) - 1, LIMITS), { hours: 1, count: 0, usual: 60, weeks: 3 });
  });

  it('that falls to a trickle is noticed, a slow day is not', () => {
    const trickle = learned();
    live(trickle, at(0, 0), at(0, 12), hour => (hour < 9 ? office(hour) : 6));
    assert.deepEqual(trickle.quiet('app', at(0, 12) - 1, LIMITS)?.count, 6);
    const slow = learned();
    live(slow, at(0, 0), at(0, 18), hour => office(hour) / 3);
    for (let hour = 9; hour < 18; hour++) assert.equal(slow.quiet('app', at(0, hour), LIMITS), null);
  });

  it('is not missed at night, when there is none', () => {
    const traffic = learned();
    live(traffic, at(0, 0), at(1, 8), office);
    for (let hour = 19; hour < 32; hour++) assert.equal(traffic.quiet('app', at(0, hour), LIMITS), null, String(hour));
  });

  it('is known by the day of the week', () => {
    const rate = (hour: number, when: number) => (((when - MONDAY) / DAY) % 7 < 5 ? office(hour) : 0);
    const traffic = createTraffic({});
    live(traffic, MONDAY, MONDAY + 3 * WEEK, rate);
    live(traffic, at(0, 0), at(5, 12), rate);
    assert.equal(traffic.quiet('app', at(5, 12) - 1, LIMITS), null, 'Saturday is always quiet');
    live(traffic, at(5, 12), at(7, 0), rate);
    live(traffic, at(7, 0), at(7, 12), () => 0);
    assert.notEqual(traffic.quiet('app', at(7, 12) - 1, LIMITS), null, 'Monday never is');
  });

  it('of a channel with little of it is never judged, however long it is silent', () => {
    const traffic = learned(3, hour => (hour === 9 ? 12 : 0));
    live(traffic, at(0, 0), at(20, 0), () => 0);
    for (let day = 0; day < 20; day++) assert.equal(traffic.quiet('app', at(day, 20), LIMITS), null);
  });

  it('is judged only after the weeks that the settings ask for', () => {
    const traffic = learned(1);
    const then = MONDAY + WEEK;
    live(traffic, then, then + 12 * HOUR, () => 0);
    assert.equal(traffic.quiet('app', then + 12 * HOUR - 1, LIMITS), null);
    assert.deepEqual(traffic.quiet('app', then + 12 * HOUR - 1, { ...LIMITS, weeks: 1 }), {
      ...{ hours: 1, count: 0, weeks: 1 },
      usual: 60,
    });
  });

  it('is not expected of hours in which no gateway ran or the channel was down, nor learned from them', () => {
    const traffic = learned();
    const before = JSON.stringify(traffic.kept(['app'])['app']?.usual);
    // Nobody watched from 08:00 to 17:50.
    live(traffic, at(0, 17) + 50 * MINUTE, at(0, 18), () => 0);
    assert.equal(traffic.quiet('app', at(0, 18) - 1, LIMITS), null);
    live(traffic, at(1, 19), at(1, 20), () => 0);
    assert.equal(JSON.stringify(traffic.kept(['app'])['app']?.usual), before);
  });

  it('is forgotten when it has changed for good', () => {
    const traffic = learned();
    const silent = () => 0;
    live(traffic, at(0, 0), at(0, 0) + 12 * WEEK, silent);
    assert.equal(traffic.quiet('app', at(0, 12) + 12 * WEEK - 1, LIMITS), null);
  });

  it('is kept as it is, and only for channels that are still there', () => {
    const kept = JSON.parse(JSON.stringify(learned().kept(['app', 'never'])));
    assert.deepEqual(Object.keys(kept), ['app']);
    const again = createTraffic(kept);
    live(again, at(0, 0), at(0, 11), hour => (hour < 10 ? office(hour) : 0));
    assert.notEqual(again.quiet('app', at(0, 11) - 1, LIMITS), null);
    assert.deepEqual(createTraffic(kept).kept([]), {});
  });

  it('survives a clock that is set back', () => {
    const traffic = learned();
    live(traffic, at(0, 0), at(0, 12), office);
    live(traffic, at(0, 2), at(0, 10), office);
    assert.equal(traffic.quiet('app', at(0, 10) - 1, LIMITS), null);
    assert.ok((traffic.kept(['app'])['app']?.seen.length ?? 0) <= 25);
  });
});

describe('the alarm of a quiet channel', () => {
  let receiver: Receiver;
  let bench: AlarmBench;
  before(async () => {
    receiver = await startReceiver();
    bench = await openBench({ webhook: { url: receiver.url, secrets: [SECRET], ca: null } });
  });
  after(async () => {
    await bench.close();
    await receiver.close();
  });

  async function hours(count: number, perHour: number): Promise<void> {
    for (let i = 0; i < count * 6; i++) {
      if (perHour > 0) bench.alarms().arrived('mail-1', perHour / 6);
      await bench.pass(STEP);
    }
  }

  it('is told with its figures after a restart in the middle, and is over when messages come again', async () => {
    await hours(15 * 24, 60);
    await bench.restart();
    await hours(5, 0);
    const [began, ...more] = receiver.received.map(({ body }) => body);
    assert.deepEqual(
      [began?.type, began?.data.kind, began?.data.on, more],
      ['alarm.began', 'channel-quiet', 'mail-1', []],
    );
    assert.match(began?.data.text.zh ?? '', /近 [12] 小时收到 \d+ 件，往常这段时间约 \d+ 件（按 2 周的经验）/);
    assert.equal(began?.data.command, 'huisu messages list --channel mail-1');
    await hours(3, 60);
    assert.deepEqual(
      receiver.received.map(({ body }) => body.type),
      ['alarm.began', 'alarm.over'],
    );
  });

  it('of a channel that is down is left to the alarm that says so', async () => {
    bench.be({ channels: [{ id: 'mail-1', enabled: true, up: false, reason: 'channel.unavailable' }] });
    await hours(6, 0);
    assert.deepEqual(
      receiver.received.slice(2).map(({ body }) => body.data.kind),
      ['channel-down'],
    );
  });
});
