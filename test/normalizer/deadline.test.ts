// The clocks of articles 15 and 16, on the statutory work calendar.
import assert from 'node:assert/strict';
import { deadlinesFor, extensionsOf, shanghaiDay } from '../../normalizer/deadline.ts';
import { parseMoment } from '../../normalizer/moment.ts';
import type { Urgency } from '../../normalizer/ticket.ts';
import { addWorkingDays, daysOf, workCalendar } from '../../normalizer/work-calendar.ts';
import { rulebook } from './rules.ts';

const rules = rulebook.rules.deadlines;
const { calendar } = rulebook;
const at = (written: string) => Date.parse(`${written}+08:00`);
const day = (date: string) => shanghaiDay(at(`${date}T12:00:00`));
/** A moment as Shanghai reads it. */
const shanghai = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19);
const due = (received: string, what: string, urgency: Urgency = '一般') => {
  const found = deadlinesFor(urgency, at(received), rules, calendar).deadlines.find(deadline => deadline.what === what);
  return found === undefined ? null : shanghai(found.at);
};

describe('deadline', () => {
  describe('第十五条 在接单当日内，通过系统平台将工单转派至承办单位办理', () => {
    const rows: readonly [string, string][] = [
      ['2025-06-10T10:00:00', '2025-06-10T23:59:59'],
      ['2025-06-10T23:59:30', '2025-06-10T23:59:59'],
      ['2025-06-11T00:00:00', '2025-06-11T23:59:59'],
      ['2025-10-01T08:00:00', '2025-10-01T23:59:59'],
    ];
    for (const [received, end] of rows) it(`${received} → ${end}`, () => assert.equal(due(received, 'dispatch'), end));
  });

  describe('第十五条 自收到工单之日起2个工作日内，通过系统平台申请退回', () => {
    const rows: readonly [string, string, string][] = [
      ['on a Tuesday', '2025-06-10T10:00:00', '2025-06-12T23:59:59'],
      ['before a weekend', '2025-06-13T10:00:00', '2025-06-17T23:59:59'],
      ['before the National Day week', '2025-09-30T10:00:00', '2025-10-10T23:59:59'],
    ];
    for (const [title, received, end] of rows) it(title, () => assert.equal(due(received, 'return'), end));
  });

  describe('第十六条 一般事项，承办单位应当在接到工单5个工作日内办理完毕', () => {
    const rows: readonly [string, string, string][] = [
      ['on a Tuesday', '2025-06-10T10:00:00', '2025-06-17T23:59:59'],
      ['in the last minute of a day in Shanghai', '2025-06-10T23:59:00', '2025-06-17T23:59:59'],
      ['on a Saturday', '2025-06-14T10:00:00', '2025-06-20T23:59:59'],
      ['National Day with a make-up Saturday', '2025-09-30T10:00:00', '2025-10-14T23:59:59'],
      ['Spring Festival with a make-up Saturday before it', '2026-02-13T10:00:00', '2026-02-27T23:59:59'],
      ['a make-up Sunday counts', '2025-09-26T10:00:00', '2025-10-10T23:59:59'],
    ];
    for (const [title, received, end] of rows) it(title, () => assert.equal(due(received, 'result'), end));
  });

  it('第十六条 紧急、突发事项，原则上在12小时内反馈处理结果', () => {
    assert.equal(due('2025-10-01T20:30:00', 'result', '紧急'), '2025-10-02T08:30:00');
  });

  it('第十六条 延期期限每次为5个工作日，累计延期不得超过2次，在办理期满前1日提出', () => {
    const result = deadlinesFor('复杂', at('2025-06-10T10:00:00'), rules, calendar).deadlines[2]!;
    assert.equal(result.extensions, 2);
    const written = extensionsOf(result, rules, calendar).map(({ askBefore, extendedTo }) => [
      shanghai(askBefore),
      shanghai(extendedTo),
    ]);
    assert.equal(shanghai(result.at), '2025-06-17T23:59:59');
    assert.deepEqual(written, [
      ['2025-06-16T23:59:59', '2025-06-24T23:59:59'],
      ['2025-06-23T23:59:59', '2025-07-01T23:59:59'],
    ]);
  });

  it('an ordinary matter may not be extended', () => {
    const result = deadlinesFor('一般', at('2025-06-10T10:00:00'), rules, calendar).deadlines[2]!;
    assert.deepEqual(extensionsOf(result, rules, calendar), []);
  });

  it('knows 调休: make-up Saturdays are working days, bridge days are not', () => {
    assert.equal(calendar.isWorkday(day('2026-02-14')), true);
    assert.equal(calendar.isWorkday(day('2026-02-16')), false);
    assert.equal(calendar.isWorkday(day('2025-09-28')), true);
    assert.equal(calendar.isWorkday(day('2025-06-14')), false);
  });

  it('counts Monday to Friday in years whose holidays are not announced, and says so', () => {
    assert.equal(calendar.knows(2060), false);
    const { deadlines, problems } = deadlinesFor('一般', at('2060-10-01T10:00:00'), rules, calendar);
    assert.deepEqual(problems, ['deadline.calendar-unknown']);
    assert.equal(shanghai(deadlines[2]!.at), '2060-10-08T23:59:59');
    assert.deepEqual(deadlinesFor('一般', at('2025-06-10T10:00:00'), rules, calendar).problems, []);
  });

  describe('a year of the settings', () => {
    const own = workCalendar([
      { year: 2060, holidays: ['2060-01-01', '2060-10-01..2060-10-07'], workdays: ['2060-09-26', '2060-10-09'] },
      { year: 2026, holidays: ['2026-05-01'], workdays: [] },
    ]);

    it('counts by what was announced', () => {
      const { deadlines, problems } = deadlinesFor('一般', at('2060-09-24T10:00:00'), rules, own);
      assert.deepEqual(problems, []);
      // The make-up Sunday and four days after it.
      assert.equal(shanghai(deadlines[2]!.at), '2060-09-30T23:59:59');
      const later = deadlinesFor('一般', at('2060-09-30T10:00:00'), rules, own);
      assert.equal(shanghai(later.deadlines[2]!.at), '2060-10-13T23:59:59');
    });

    it('stands in place of what the library holds of it, and of no other', () => {
      assert.equal(own.isWorkday(day('2026-02-16')), true);
      assert.equal(own.isWorkday(day('2026-05-01')), false);
      assert.equal(own.isWorkday(day('2025-10-08')), false);
    });

    it('says which year is the first that nobody has announced', () => {
      const before = calendar.firstUnknown(2026);
      assert.ok(before > 2026 && !calendar.knows(before));
      const more = workCalendar([{ year: before, holidays: [`${before}-01-01`], workdays: [] }]);
      assert.equal(more.firstUnknown(2026), before + 1);
    });

    it('takes days and runs of days, and none that there are not', () => {
      assert.deepEqual(daysOf('1970-01-02'), [1]);
      assert.deepEqual(daysOf('1970-01-31..1970-02-02'), [30, 31, 32]);
      for (const wrong of ['2027-02-30', '2027-2-3', '2027-02-05..2027-02-04', '2027-01-01..2027-12-31', '', 'x'])
        assert.equal(daysOf(wrong), null, wrong);
    });
  });

  it('days off are named one by one or in runs of a month at the most', () => {
    assert.equal(daysOf('2026-01-01..2026-01-31')?.length, 31);
    assert.equal(daysOf('2026-01-01..2026-02-01'), null);
    assert.equal(daysOf('2026-01-02..2026-01-01'), null);
    assert.equal(daysOf('2026-01-01')?.length, 1);
  });

  it('working days rise and never fall on a day off', () => {
    let day = shanghaiDay(at('2024-12-01T00:00:00'));
    for (let i = 0; i < 400; i++) {
      const next = addWorkingDays(calendar, day, 1);
      assert.ok(next > day && calendar.isWorkday(next));
      day = next;
    }
  });

  describe('reads times', () => {
    const rows: readonly [string, string | null][] = [
      ['2024-01-05T08:30:05+08:00', '2024-01-05T08:30:05'],
      ['2024-01-05T00:30:05Z', '2024-01-05T08:30:05'],
      ['2024-01-05T00:30:05.123456Z', '2024-01-05T08:30:05'],
      ['2024-01-05 08:30:05', '2024-01-05T08:30:05'],
      ['2024/1/5 8:30', '2024-01-05T08:30:00'],
      ['2024年1月5日8时30分', '2024-01-05T08:30:00'],
      ['2024-01-05', '2024-01-05T00:00:00'],
      ['1704414605', '2024-01-05T08:30:05'],
      ['1704414605000', '2024-01-05T08:30:05'],
      ['2024年1月5日8点', '2024-01-05T08:00:00'],
      ['2024年1月5日 8时', '2024-01-05T08:00:00'],
      ['2024-01-05 24:00', '2024-01-06T00:00:00'],
      ['2024-01-05 24:30', null],
      ['2024-01-05 8', null],
      ['2024-01-05T08:30:05-0100', '2024-01-05T17:30:05'],
      ['2024-01-05T08:30:05+99:99', null],
      ['2024-02-30 08:00:00', null],
      ['2024-13-01', null],
      ['0024-01-05', null],
      ['0000-01-01T00:00:00Z', null],
      ['昨天晚上', null],
      ['', null],
    ];
    for (const [written, expected] of rows) {
      it(`${written || '(nothing)'} → ${expected}`, () => {
        const moment = parseMoment(written);
        assert.equal(moment === null ? null : shanghai(moment), expected);
      });
    }
  });
});
