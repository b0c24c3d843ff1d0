// The trained model of the categories: what it may hold, and what becomes of one that is broken.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CATEGORY_MODEL, loadRules } from '../../config/load-rules.ts';
import { normalize } from '../../normalizer/normalize.ts';
import { compileRulebook, RulebookInvalid } from '../../normalizer/rulebook.ts';
import type { TextModelData } from '../../normalizer/text-model.ts';
import { commonGrams, readRows } from '../../scripts/category-rows.ts';
import { ownPairs } from '../../scripts/own-words.ts';
import { appeal, RULE_PATHS, read, TUESDAY } from './rules.ts';

const file = join(RULE_PATHS.rulesFolder, CATEGORY_MODEL);
const shipped = JSON.parse(readFileSync(file, 'utf8')) as TextModelData;
const rules = loadRules(RULE_PATHS);
/** Folder of the appeals the grams were counted in; they are not part of the product. */
const appeals = process.env['HUISU_TRAINING_APPEALS'];

function faultsOf(change: Partial<Record<keyof TextModelData, unknown>>): readonly string[] {
  try {
    compileRulebook({ ...rules, categoryModel: { file, data: { ...shipped, ...change } } });
  } catch (error) {
    assert.ok(error instanceof RulebookInvalid);
    return error.problems.map(problem => {
      assert.equal(problem.file, file);
      return problem.path;
    });
  }
  return [];
}

describe('trained model of the categories', () => {
  const grams = shipped.grams.split(' ');

  it('is small, and holds runs of at most four characters', () => {
    assert.ok(statSync(file).size < 3 * 2 ** 20);
    assert.ok(grams.every(gram => /^[\u4e00-\u9fff]{1,4}$/.test(gram)));
    assert.equal(new Set(grams).size, grams.length);
  });

  it('holds no name: every pair of characters in it stands in our own lists of words', () => {
    const own = new Set(ownPairs());
    const foreign = grams.filter(gram => [...gram].some((_, at) => at > 0 && !own.has(gram.slice(at - 1, at + 1))));
    assert.deepEqual(foreign, []);
  });

  it('holds only what ten appeals of five senders have', function () {
    if (appeals === undefined) {
      console.log('        skipped: HUISU_TRAINING_APPEALS names no folder of the appeals it was counted in');
      this.skip();
    }
    const files = readdirSync(appeals).filter(name => name.endsWith('.jsonl') && !name.includes('taxonomy'));
    const common = commonGrams(readRows(files.map(name => join(appeals, name))));
    assert.deepEqual(
      grams.filter(gram => !common.has(gram)),
      [],
    );
  }).timeout(60_000);

  it('is refused with file and place where it is broken, and the rules do without one', () => {
    assert.deepEqual(faultsOf({ grams: grams.slice(0, -1).join(' ') }), ['$.rarity', '$.weights']);
    assert.deepEqual(faultsOf({ scale: 'much' }), ['$.scale']);
    assert.deepEqual(faultsOf({ classes: ['01', '02', '03', '04', '05', '06', '99'] }), ['$.classes[6]']);
    assert.deepEqual(faultsOf({ bias: [0] }), ['$.bias']);
    assert.deepEqual(faultsOf({ grams: `${shipped.grams.slice(0, -1)} 龘龘` }).includes('$.grams'), true);
    const plain = compileRulebook({ ...rules, categoryModel: null });
    const { category } = normalize(appeal('老板拖欠工资'), plain, TUESDAY).appeal;
    assert.deepEqual([category?.by, category?.value.labels[0]], ['rule', '劳动和社会保障']);
  });

  it('says which words decided and how sure it is; where it is not sure a clerk is asked', () => {
    const told = '我在工地干活三个月，包工头一分钱没有给，当时也没有签合同，去劳动监察部门投诉过，一直没有结果。';
    const { category, asks } = read(told).appeal;
    assert.deepEqual([category?.value.labels[0], category?.by], ['劳动和社会保障', 'model']);
    assert.ok(category !== null && category.words.length > 1 && category.confidence > 0.8);
    for (const word of category.words) assert.ok(told.includes(word), word);
    assert.equal(asks?.includes('category'), false);
    assert.equal(read('这样不行').appeal.asks?.includes('category'), true);
  });

  it('reads hostile lengths within the time of any other message', () => {
    for (const text of ['厂', '厂'.repeat(20_000), '😀'.repeat(5_000), '교통이 불편합니다', 'xiaoqu tingshui le']) {
      assert.doesNotThrow(() => read(text), text.slice(0, 10));
    }
  });
});
