// A clock that goes with the wall clock forward, and by elapsed time where that is set back.
import assert from 'node:assert/strict';
import { risingClock } from '../../gateway/rising-clock.ts';

describe('the rising clock', () => {
  it('never goes back and never stands still', () => {
    let wall = 1_000_000;
    let elapsed = 0;
    const now = risingClock(
      () => wall,
      () => elapsed,
    );
    const passed = (ms: number, jump = 0) => {
      wall += ms + jump;
      elapsed += ms;
      return now();
    };
    assert.equal(passed(5), 1_000_005);
    assert.equal(passed(5, -86_400_000), 1_000_010);
    assert.equal(passed(1000), 1_001_010);
    assert.equal(passed(0, 86_400_000 + 60_000), 1_061_010, 'set right again, and forward by a minute');
  });
});
