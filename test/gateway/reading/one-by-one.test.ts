// After a death each suspect is read by itself, and none of them waits for what was begun with before.
import assert from 'node:assert/strict';
import { createOneByOne } from '../../../gateway/reading/one-by-one.ts';

const rowsOf = (...numbers: readonly string[]) => numbers.map(number => ({ number }));
const suspecting = (...suspects: readonly string[]) =>
  createOneByOne({ afterDeath: false, suspects, mark: null, nothingUnderWay: async () => undefined });
const nothing = () => false;

describe('reading one by one', () => {
  it('begins with what stands before a suspect, then with the suspect alone', async () => {
    const reading = suspecting('b');
    assert.deepEqual(reading.next(rowsOf('a', 'b', 'c'), nothing), rowsOf('a'));
    assert.deepEqual(reading.next(rowsOf('b', 'c'), nothing), rowsOf('b'));
    await reading.begin(['b'], () => undefined);
    assert.deepEqual(reading.next(rowsOf('b', 'c'), nothing), rowsOf('b', 'c'), 'it is suspected no more');
  });

  it('begins with a suspect though a part of a conversation before it stays unread for a long time', () => {
    const reading = suspecting('b');
    const isPart = (number: string) => number === 'part';
    assert.deepEqual(reading.next(rowsOf('part', 'b', 'c'), isPart), rowsOf('b'));
    assert.deepEqual(reading.next(rowsOf('part', 'a', 'b'), isPart), rowsOf('a'));
  });

  it('holds nothing back for a suspect that is under way', () => {
    const isBegun = (number: string) => number === 'b';
    assert.deepEqual(suspecting('b').next(rowsOf('b', 'c'), isBegun), rowsOf('b', 'c'));
  });
});
