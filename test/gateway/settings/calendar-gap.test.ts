// Whether somebody is told in time that the coming year's holidays are not known.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { calendarFindings } from '../../../gateway/cli/status-settings.ts';
import { calendarEnd } from '../../../gateway/settings/calendar-gap.ts';

const at = (written: string) => Date.parse(`${written}+08:00`);

describe('the end of the work calendar', () => {
  let folder: string;
  const loadedWith = (calendar: string) => {
    const file = join(folder, 'huisu.yaml');
    writeFileSync(file, `calendar: ${calendar}\n`);
    return loadConfig({ file, env: {} });
  };
  const YEARS = '[{ year: 2060, holidays: [2060-01-01] }, { year: 2061, holidays: [2061-01-01] }]';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-calendar-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is the first moment, in Shanghai, of the first year that is not known', () => {
    const { config } = loadedWith(YEARS);
    assert.deepEqual(calendarEnd(config, at('2060-03-01T12:00:00')), { year: 2062, at: at('2062-01-01T00:00:00') });
    assert.equal(calendarEnd(config, at('2062-05-01T00:00:00')).year, 2062);
  });

  for (const [now, told] of [
    ['2061-11-16T00:00:00', []],
    ['2061-11-18T00:00:00', ['calendar-unknown']],
    ['2062-02-01T00:00:00', ['calendar-unknown']],
    ['2060-12-31T23:00:00', []],
  ] as const) {
    it(`is told by status at ${now}: ${told.length > 0}`, () => {
      const found = calendarFindings({ loaded: loadedWith(YEARS), now: () => at(now) });
      assert.deepEqual(
        found.map(({ code }) => code),
        told,
      );
      for (const { en, stuck } of found) assert.deepEqual([/2062/.test(en), stuck], [true, false]);
    });
  }
});
