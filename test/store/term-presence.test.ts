// Promise of the presence of terms: what it denies is so, whatever segments come and go.
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { TermPresence } from '../../store/term-presence.ts';

describe('presence of terms', () => {
  it('affirms every term that was added, and denies nearly all others', () => {
    const presence = new TermPresence();
    const [one, two] = [presence.take(), presence.take()];
    const term = (n: number) => Math.imul(n, 0x9e3779b1) >>> 0;
    for (let n = 0; n < 10_000; n++) presence.add(term(n), n % 2 === 0 ? one : two);
    let inVain = 0;
    for (let n = 0; n < 10_000; n++) {
      assert.notEqual(presence.of(term(n)) & (n % 2 === 0 ? one : two), 0);
      if ((presence.of(term(n + 10_000)) & one) !== 0) inVain++;
    }
    assert.ok(inVain < 200, `${inVain} in vain`);
  });

  it('gives each segment a bit of its own, none when all are taken, and the bits of those that are gone again, empty', () => {
    const presence = new TermPresence();
    const bits = Array.from({ length: 32 }, () => presence.take());
    assert.equal(new Set(bits).size, 32);
    assert.ok(bits.every(bit => bit > 0));
    assert.equal(presence.take(), 0);
    for (const bit of bits) presence.add(7, bit);
    presence.release((bits[3] as number) | (bits[31] as number));
    assert.deepEqual(new Set([presence.take(), presence.take()]), new Set([bits[3], bits[31]]));
    assert.equal(presence.of(7) & (bits[3] as number), 0);
    assert.notEqual(presence.of(7) & (bits[4] as number), 0);
  });
});
