// The trained model of the urgency: what it may hold, what it finds that no list has, and what becomes of one that is broken.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadRules, URGENCY_MODEL } from '../../config/load-rules.ts';
import { normalize } from '../../normalizer/normalize.ts';
import { compileRulebook, RulebookInvalid } from '../../normalizer/rulebook.ts';
import type { TextModelData } from '../../normalizer/text-model.ts';
import { appeal, RULE_PATHS, read, TUESDAY } from './rules.ts';

const file = join(RULE_PATHS.rulesFolder, URGENCY_MODEL);
const shipped = JSON.parse(readFileSync(file, 'utf8')) as TextModelData;
const rules = loadRules(RULE_PATHS);

function pathsOf(data: unknown): readonly string[] {
  try {
    compileRulebook({ ...rules, urgencyModel: { file, data } });
  } catch (error) {
    assert.ok(error instanceof RulebookInvalid);
    return error.problems.map(({ path }) => path);
  }
  return [];
}

describe('trained model of the urgency', () => {
  it('is small, and holds runs of at most four characters', () => {
    assert.ok(statSync(file).size < 2 ** 20);
    const grams = shipped.grams.split(' ');
    assert.ok(grams.every(gram => /^[\u4e00-\u9fff]{1,4}$/.test(gram)));
    assert.equal(new Set(grams).size, grams.length);
  });

  it('finds an emergency that no list has a word for, and says by which words', () => {
    const told = '对门老太太三天没露面，敲门没动静，门缝里一股怪味，打她电话就在屋里响';
    const { urgency } = read(told).appeal;
    assert.deepEqual([urgency.value, urgency.by], ['紧急', 'model']);
    assert.ok(urgency.words.length > 1 && urgency.confidence >= 0.6);
    for (const word of urgency.words) assert.ok(told.includes(word), word);
  });

  it('has a clerk asked where a word alarms and all that surrounds it says otherwise', () => {
    const { urgency, asks } = read('建议学校组织一次煤气泄漏的演练，平时大家都不知道怎么办').appeal;
    assert.equal(urgency.value, '一般');
    assert.ok(asks?.includes('urgency') === true || urgency.by === 'rule');
  });

  for (const told of [
    '尊敬的领导，楼下烧烤店天天营业到凌晨四点，油烟呛人，喘不过气，老人孩子睡不着，多次反映没人管。',
    '小区门口的路坑坑洼洼，下雨天老人摔倒过好几回，请修一修。',
    '开发商烂尾三年，脚手架锈了，安全隐患很大，非要等到出人命才管吗？',
    '垃圾站臭气熏天，苍蝇满天飞，夏天窗户都不敢开，希望搬走。',
    '消防通道常年停满私家车，万一着火消防车进不来，后果不堪设想。',
    '供热公司每年冬天暖气都不太热，打电话总说在查，请督促。',
  ]) {
    it(`takes no standing trouble for an emergency, however strongly it is told: ${told.slice(0, 12)}…`, () => {
      assert.equal(read(told).appeal.urgency.value, '一般');
    });
  }

  it('is refused with file and place where it is broken, and the rules do without one', () => {
    assert.deepEqual(pathsOf({ ...shipped, classes: ['一般', '很急'] }), ['$.classes[1]']);
    assert.deepEqual(pathsOf({ ...shipped, rarity: '' }).includes('$.rarity'), true);
    const { urgency } = normalize(
      appeal('我家厨房燃气泄漏了，关不上阀门'),
      compileRulebook({ ...rules, urgencyModel: null }),
      TUESDAY,
    ).appeal;
    assert.deepEqual([urgency.value, urgency.by], ['紧急', 'rule']);
  });
});
