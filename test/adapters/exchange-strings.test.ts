// A workbook's shared strings come back as they were, however they lie in their pages.
import assert from 'node:assert/strict';
import { array, assert as hold, property, string } from 'fast-check';
import { sharedStrings } from '../../adapters/exchange/strings.ts';

describe('exchange: shared strings', () => {
  const kept = (texts: readonly string[], pageBytes?: number) => {
    const strings = sharedStrings(pageBytes);
    for (const text of texts) strings.add(text);
    return strings;
  };

  it('come back by their place, in any order, longer than a page, empty, halves of characters too', () => {
    const texts = ['', '路灯', 'x'.repeat(100), '\ud83d', '13800138000', '汉'.repeat(40), 'é', ''];
    const strings = kept(texts, 16);
    for (const [place, text] of [...texts.entries()].reverse()) assert.equal(strings.get(place), text);
  });

  it('are any strings, and as many as there are', () =>
    hold(
      property(array(string({ unit: 'binary' }), { maxLength: 3000 }), texts => {
        const strings = kept(texts, 64);
        assert.deepEqual(
          texts.map((_, place) => strings.get(place)),
          texts,
        );
      }),
      { numRuns: 30 },
    ));

  it('are not there at places that no table has', () => {
    const strings = kept(['one']);
    for (const place of [1, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(strings.get(place), undefined);
  });
});
