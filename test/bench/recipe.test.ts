// Measurements rest on texts that vary like real ones and can be made again.
import assert from 'node:assert/strict';
import { openRecipe } from '../../bench/recipe.ts';

describe('the recipe of made-up appeals', () => {
  const recipe = openRecipe();
  it('makes the same appeal from the same seed and index', () => {
    assert.deepEqual(recipe.appeal(3, 77), openRecipe().appeal(3, 77));
    assert.notDeepEqual(recipe.appeal(4, 77), recipe.appeal(3, 77));
  });
  it('makes no text twice in ten thousand', () => {
    const texts = new Set(Array.from({ length: 10_000 }, (_, index) => recipe.appeal(1, index).content));
    assert.equal(texts.size, 10_000);
  });
  it('spreads lengths as real ones do, around 280 characters', () => {
    const lengths = Array.from({ length: 2000 }, (_, index) => recipe.appeal(1, index).content.length);
    lengths.sort((a, b) => a - b);
    assert.ok(lengths[100]! < 150 && lengths[1000]! > 200 && lengths[1000]! < 360 && lengths[1900]! > 450);
  });
  it('leaves no slot or bracket unfilled', () => {
    for (let index = 0; index < 3000; index++) {
      const { title, content } = recipe.appeal(2, index);
      assert.doesNotMatch(title + content, /[[\]{}|]|undefined/);
    }
  });
  it('tells some matters again, by the same person and by others', () => {
    const kinds = new Set(Array.from({ length: 1000 }, (_, index) => recipe.appeal(1, index).again));
    assert.deepEqual([...kinds].sort(), ['no', 'other-person', 'same-person']);
  });
});
