// Numbers: their form, their check character, and what is forgiven to those who type them.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkCharacter, foldNumber, newNumber, queryCode } from '../../gateway/number.ts';

const NOON = Date.parse('2026-03-01T12:00:00+08:00');

describe('number', () => {
  it('carries the Shanghai day of acceptance, also in the eight hours in which the day in UTC is the one before', () => {
    assert.match(newNumber(Date.parse('2026-03-01T00:30:00+08:00')), /^260301/);
    assert.match(newNumber(Date.parse('2026-02-28T23:59:59+08:00')), /^260228/);
  });

  it('has seventeen characters, none of which people misread', () => {
    for (let i = 0; i < 2000; i++) assert.match(newNumber(NOON), /^\d{6}[0-9A-HJKMNP-TV-Z]{11}$/);
  });

  it('is never given twice', () => {
    const numbers = new Set(Array.from({ length: 20_000 }, () => newNumber(NOON)));
    assert.equal(numbers.size, 20_000);
  });

  it('has the check character of ISO 7064 MOD 37,36 (the example of the standard: A12425GABC1234002 has M)', () => {
    assert.equal(checkCharacter('A12425GABC1234002'), 'M');
  });

  it('is found again however a person writes it down', () => {
    for (let i = 0; i < 200; i++) {
      const number = newNumber(NOON);
      const written = `${number.slice(0, 6)}-${number.slice(6).toLowerCase().replaceAll('1', 'l').replaceAll('0', 'o')} `;
      assert.equal(foldNumber(written), number);
    }
  });

  it('is refused with any one character changed', () => {
    const number = newNumber(NOON);
    for (let at = 0; at < number.length; at++) {
      const other = number[at] === '7' ? '8' : '7';
      assert.equal(foldNumber(number.slice(0, at) + other + number.slice(at + 1)), null);
    }
  });

  it('never throws on what somebody types', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), typed => foldNumber(typed) === null || typed.length >= 17));
  });

  it('has a query code of eighty bits that is the same for the same number', () => {
    const mac = Buffer.alloc(32, 7);
    assert.equal(queryCode(mac), queryCode(Buffer.from(mac)));
    assert.match(queryCode(mac), /^[0-9A-HJKMNP-TV-Z]{16}$/);
  });
});
