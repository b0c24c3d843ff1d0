// A foreign case system gets its own names, values and times.
import assert from 'node:assert/strict';
import type { FieldMapping } from '../../../config/case-system.ts';
import { mapBody, shanghaiTime, valueAt } from '../../../gateway/dispatch/mapping.ts';
import { notBefore, retryDelayMs } from '../../../gateway/dispatch/retry.ts';

function map(field: Readonly<Record<string, unknown>>, body: unknown, time?: Partial<FieldMapping['time']>): unknown {
  const mapping = {
    fields: { default: [{ to: 'out', ...field }] },
    tables: { type: { 求助: 2 } },
    time: { format: 'rfc3339', zone: 'Asia/Shanghai', ...time },
  } as FieldMapping;
  return mapBody(body, 'ticket.created', mapping)['out'];
}

describe('field mapping', () => {
  const at = '2026-11-23T09:17:30+08:00';
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ['a value as it is', map({ from: 'a.b' }, { a: { b: ['x'] } }), ['x']],
    ['a fixed value', map({ value: 0 }, {}), 0],
    ['a value of a table', map({ from: 'a', table: 'type' }, { a: '求助' }), 2],
    ['a value on no row of its table as it is', map({ from: 'a', table: 'type' }, { a: '投诉' }), '投诉'],
    ['a name of Object.prototype on no row as it is', map({ from: 'a', table: 'type' }, { a: 'toString' }), 'toString'],
    ['nothing for what is null', map({ from: 'a' }, { a: null }), undefined],
    ['what is said to stand in for null', map({ from: 'a', otherwise: '' }, { a: null }), ''],
    ['a number as text', map({ from: 'a', as: 'string' }, { a: 5 }), '5'],
    ['text as a number', map({ from: 'a', as: 'number' }, { a: '5' }), 5],
    ['a list with commas', map({ from: 'a', as: 'join' }, { a: ['x', 'y'] }), 'x,y'],
    ['an object as JSON text', map({ from: 'a', as: 'json' }, { a: { b: 1 } }), '{"b":1}'],
    [
      'a local time',
      map({ from: 'a', as: 'time' }, { a: at }, { format: 'yyyy-MM-dd HH:mm:ss' }),
      '2026-11-23 09:17:30',
    ],
    ['a packed time', map({ from: 'a', as: 'time' }, { a: at }, { format: 'yyyyMMddHHmmss' }), '20261123091730'],
    ['unix seconds', map({ from: 'a', as: 'time' }, { a: at }, { format: 'epoch-s' }), 1_795_396_650],
    ['unix milliseconds', map({ from: 'a', as: 'time' }, { a: at }, { format: 'epoch-ms' }), 1_795_396_650_000],
    ['a time of another zone', map({ from: 'a', as: 'time' }, { a: at }, { zone: 'UTC' }), '2026-11-23T01:17:30+00:00'],
    ['midnight', map({ from: 'a', as: 'time' }, { a: '2026-11-23T00:00:00+08:00' }), '2026-11-23T00:00:00+08:00'],
  ];
  for (const [what, actual, expected] of cases) {
    it(`writes ${what}`, () => assert.deepEqual(actual, expected));
  }

  it('reads own members only', () => {
    assert.equal(valueAt({ a: 1 }, 'constructor.name'), undefined);
    assert.equal(valueAt({ a: [{ b: 2 }] }, 'a.0.b'), 2);
    assert.equal(valueAt(null, 'a'), undefined);
  });

  it('writes times of our own body with the offset of Shanghai', () => {
    assert.equal(shanghaiTime(Date.parse(at)), at);
  });
});

describe('retry schedule', () => {
  const shipped = { steps: [5, 15, 30, 60, 120, 300], every: 600, hours: 72, jitter: 0.2 };

  it('waits 5 s, 15 s, 30 s, 1 m, 2 m, 5 m, then 10 m', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 100].map(failures => retryDelayMs(failures, shipped, 0.5));
    assert.deepEqual(waits, [5000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 600_000]);
  });

  it('ends after 72 hours of attempts', () => {
    let failures = 0;
    let total = 0;
    for (let wait = retryDelayMs(1, shipped, 0.5); wait !== null; wait = retryDelayMs(failures + 1, shipped, 0.5)) {
      failures += 1;
      total += wait;
    }
    assert.ok(total > 71.8 * 3_600_000 && total <= 72 * 3_600_000);
    assert.equal(failures, 437);
  });

  it('shifts a wait by at most a fifth either way', () => {
    assert.equal(retryDelayMs(1, shipped, 0), 4000);
    assert.equal(retryDelayMs(1, shipped, 1), 6000);
  });

  it('waits as the other side asks, up to its own longest wait', () => {
    assert.equal(notBefore(5000, 30_000, shipped), 30_000);
    assert.equal(notBefore(5000, 86_400_000, shipped), 600_000);
    assert.equal(notBefore(5000, null, shipped), 5000);
  });
});
