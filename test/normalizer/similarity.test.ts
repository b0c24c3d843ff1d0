// Terms and likeness of appeals: what counts, what is left out, and that it is quick.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { loadRepeats } from '../../config/load-repeats.ts';
import type { Facts } from '../../normalizer/facts.ts';
import { gramRules, gramsOf, gramsOfPhrases, gramTexts, IN_TITLE } from '../../normalizer/grams.ts';
import { hashPlaceKeys, placeKeysOf } from '../../normalizer/place-keys.ts';
import { sharedTerms, similarity } from '../../normalizer/similarity.ts';
import {
  EVERYDAY_TERM,
  gramsBehind,
  hashTitleRuns,
  keyedGrams,
  mixWith,
  selectTerms,
  TermStatistics,
  TITLE_TERM,
} from '../../normalizer/terms.ts';
import type { PersonalSpan, Place } from '../../normalizer/ticket.ts';

const shipped = loadRepeats(join(import.meta.dirname, '../../config/rules'));
const rules = gramRules(shipped.idleCharacters, shipped.phrases);
const mix = mixWith(0x5eed_0001);
const common = gramsOfPhrases(shipped.common);

const PLACE: Place = {
  division: null,
  divisionName: null,
  town: null,
  road: null,
  estate: null,
  houseNumber: null,
  text: null,
  inCity: null,
  longitude: null,
  latitude: null,
  datum: null,
};

function hashes(text: string, personal: readonly PersonalSpan[] = [], name: string | null = null): Set<number> {
  return new Set(gramsOf(text, personal, name, { rules }).hashes);
}

function facts(text: string, more: Partial<Facts> = {}, statistics = TermStatistics.fresh(common, mix)): Facts {
  const grams = gramsOf(text, [], null, { rules });
  const base = { requesterKeys: [], placeKeys: new Uint32Array(), division: null, acceptedAt: 0 };
  const titleRuns = hashTitleRuns(grams.titleRuns, mix);
  const read = { titleRuns, textHash: mix(grams.textHash), length: grams.length };
  return { ...selectTerms(grams, statistics, mix), ...base, ...read, ...more };
}

describe('grams of an appeal', () => {
  it('hold pairs of neighbouring characters, and numbers as one', () => {
    const found = hashes('路灯坏505室');
    for (const pair of ['路灯', '灯坏', '坏505', '505室']) assert.ok(found.has([...hashes(pair)][0]!), pair);
    assert.equal(found.size, 4);
  });

  it('take a numeral before what it counts for the figure', () => {
    assert.deepEqual(hashes('一号线北延'), hashes('1号线北延'));
    assert.deepEqual(hashes('城南三期'), hashes('城南3期'));
    assert.notDeepEqual(hashes('一直漏水'), hashes('1直漏水'));
    assert.deepEqual(gramTexts('坐一号线', [], null, new Set(hashes('1号')), { rules }), ['一号']);
  });

  it('end at punctuation and pass over spaces', () => {
    assert.deepEqual(hashes('灯，坏'), new Set());
    assert.deepEqual(hashes('路 灯'), hashes('路灯'));
  });

  it('hold nothing of phones, ID numbers, plates, cards and e-mails, marked or not', () => {
    const plain = hashes('电话联系张三');
    const phone = '电话13800001234联系';
    const marked: PersonalSpan = { kind: 'phone', start: 2, end: 13 };
    assert.deepEqual(hashes(phone, [marked]), hashes(phone));
    assert.ok([...hashes(phone)].every(hash => plain.has(hash)));
    for (const secret of ['22050219700101000X', '吉E12345', '6222020000001234567', 'some.one@example.com.cn']) {
      const words = gramTexts(`乱停${secret}堵门`, [], null, new Set(hashes(`乱停${secret}堵门`)));
      assert.ok(
        words.every(word => !/[0-9A-Za-z]/.test(word)),
        `${secret}: ${words}`,
      );
    }
  });

  it('hold nothing of the name of the requester', () => {
    assert.deepEqual(hashes('业主王桂芬反映', [], '王桂芬'), new Set([...hashes('业主'), ...hashes('反映')]));
  });

  it('count offsets of personal spans from the beginning of the content', () => {
    const span: PersonalSpan = { kind: 'name', start: 0, end: 3 };
    const text = '漏水\n李长顺家漏水';
    const words = gramTexts(text, [span], null, new Set(gramsOf(text, [], null).hashes), { contentStart: 3 });
    assert.deepEqual(words, ['漏水', '家漏水']);
  });

  it('leave out greetings and set phrases', () => {
    assert.equal(hashes('尊敬的领导您好！希望有关部门尽快解决，谢谢！').size, 0);
  });

  it('count what the title says more than what comes late in the content', () => {
    const late = '说明'.repeat(80);
    const text = `油烟\n${late}，烧烤`;
    const grams = gramsOf(text, [], null, { contentStart: 3 });
    const countOf = (pair: string) => grams.counts[grams.hashes.indexOf(gramsOf(pair, [], null).hashes[0]!)];
    assert.equal(countOf('油烟'), IN_TITLE | 3);
    assert.equal(countOf('烧烤'), 1);
  });

  it('hold runs of three of the title alone, or of the beginning where there is no title', () => {
    const runs = (text: string, contentStart: number) => gramsOf(text, [], null, { contentStart, rules }).titleRuns;
    const titled = runs('路灯不亮坏了\n枫林家园', 7);
    assert.equal(titled.length, 0, 'a run does not reach over 不 and 了');
    assert.equal(runs('枫林家园停水\n枫林家园停水三天', 7).length, 4);
    assert.deepEqual(runs('\n枫林家园停水', 1), runs('枫林家园停水\n三天', 7));
    assert.equal(runs(`\n${'枫林家园停水三天'.repeat(20)}`, 1).length, 28);
    assert.equal(runs(`${'枫林家园停水三天'.repeat(30)}\n`, 241).length, 48);
  });

  it('give the same hash of the whole text whatever its spaces and punctuation', () => {
    assert.equal(gramsOf('路灯坏了，请修。', [], null).textHash, gramsOf('路灯坏了 请修', [], null).textHash);
    assert.notEqual(gramsOf('路灯坏了', [], null).textHash, gramsOf('路灯坏', [], null).textHash);
  });

  it('take texts of one character, of emoji only, of one character repeated and of a megabyte', () => {
    for (const text of ['', '啊', '👍👍', '哈'.repeat(50_000), '供暖不热'.repeat(250_000), 'ㅋㅋㅋ', 'ni hao']) {
      assert.ok(gramsOf(text, [], null, { rules }).length <= 40_000);
    }
  });

  it('give back the strings behind their hashes, joined where they touch', () => {
    const text = '枫林家园3号楼暖气不热，已经报修';
    const wanted = new Set([...hashes('枫林家园'), ...hashes('暖气')]);
    assert.deepEqual(gramTexts(text, [], null, wanted, { rules }), ['枫林家园', '暖气']);
  });
});

describe('terms of an appeal', () => {
  it('are the rarer ones, rising, the heaviest with 252 and the bits below for what they are', () => {
    const statistics = TermStatistics.fresh(common, mix);
    const grams = gramsOf('小区物业不管，枫林家园暖气不热', [], null, { rules });
    for (let i = 0; i < 300; i++) statistics.add(keyedGrams(gramsOf('小区物业', [], null), mix));
    const { terms, weights } = selectTerms(grams, statistics, mix, 5);
    assert.equal(terms.length, 5);
    assert.equal(Math.max(...weights) & ~(TITLE_TERM | EVERYDAY_TERM), 252);
    assert.deepEqual(
      [...terms],
      [...terms].sort((a, b) => a - b),
    );
    assert.deepEqual(gramTexts('小区物业', [], null, gramsBehind(grams, mix, [...terms])), []);
  });

  it('hide words under the seed, one to one', () => {
    assert.notEqual(mixWith(1)(7), mixWith(2)(7));
    const seen = new Set<number>();
    for (let hash = 0; hash < 20_000; hash++) seen.add(mix(hash * 214_013));
    assert.equal(seen.size, 20_000);
  });

  it('know common words as common before the first message', () => {
    const statistics = TermStatistics.fresh(common, mix);
    const weight = (word: string) => statistics.weight(mix(gramsOf(word, [], null).hashes[0]!));
    assert.ok(weight('物业') < weight('枫林'));
  });

  it('count what an earlier appeal told already no more', () => {
    const statistics = TermStatistics.fresh(new Set(), mix);
    const weight = (word: string) => statistics.weight(mix(gramsOf(word, [], null).hashes[0]!));
    const told = gramsOf('枫林家园暖气不热', [], null, { rules });
    const { terms } = selectTerms(told, statistics, mix);
    statistics.addGrams(told.hashes, mix);
    for (let i = 0; i < 50; i++) statistics.addGrams(gramsOf('枫林家园暖气冰凉', [], null).hashes, mix, terms);
    assert.ok(weight('枫林') > weight('冰凉') + 2);
    assert.equal(weight('枫林'), weight('暖气'));
    assert.equal(statistics.appeals, TermStatistics.fresh(new Set(), mix).appeals + 51);
  });

  it('keep their statistics through bytes, and refuse bytes of another form', () => {
    const statistics = TermStatistics.fresh(common, mix);
    statistics.add([1, 2, 3]);
    const again = TermStatistics.fromBytes(statistics.toBytes());
    assert.ok(again !== null);
    assert.equal(again.appeals, statistics.appeals);
    assert.equal(again.weight(2), statistics.weight(2));
    assert.equal(TermStatistics.fromBytes(new Uint8Array(12)), null);
    assert.equal(TermStatistics.fromBytes(statistics.toBytes().subarray(1)), null);
  });

  it('stay bounded: counts are halved, rarity stays', () => {
    const statistics = TermStatistics.fresh(new Set(), mix);
    for (let i = 0; i < 70_000; i++) statistics.add([42]);
    assert.ok(statistics.appeals < 32_768);
    assert.ok(statistics.weight(42) < 0.1 && statistics.weight(43) > 5);
  });
});

describe('likeness of two appeals', () => {
  const one = facts('枫林家园3号楼暖气不热，供热公司推脱，屋里只有15度');
  const two = facts('暖气不热，枫林家园5号楼室温14度，供热公司没人来');
  const far = facts('请问公积金贷款额度怎样计算，异地缴存能否提取');

  it('is symmetric, highest with itself and lowest between strangers', () => {
    assert.deepEqual(similarity(one, two), similarity(two, one));
    assert.equal(similarity(one, one).exact, 1);
    assert.ok(Math.abs(similarity(one, one).cosine - 1) < 1e-9);
    assert.ok(similarity(one, two).rare > 0.3);
    assert.equal(similarity(one, far).cosine, 0);
  });

  it('names the terms both have', () => {
    const grams = gramsOf('枫林家园3号楼暖气不热，供热公司推脱，屋里只有15度', [], null, { rules });
    const wanted = gramsBehind(grams, mix, sharedTerms(one, two, 12));
    const words = gramTexts('枫林家园3号楼暖气不热', [], null, wanted, { rules });
    assert.ok(words.includes('枫林家园') && words.includes('暖气'), String(words));
  });

  it('compares a road with a road and an estate with an estate only', () => {
    const keys = (place: Partial<Place>) => hashPlaceKeys(placeKeysOf({ ...PLACE, ...place }, null), mix);
    const road = { ...one, placeKeys: keys({ road: '光明路' }) };
    const sameRoad = { ...two, placeKeys: keys({ road: '光明路', estate: '枫林家园' }) };
    const otherRoad = { ...two, placeKeys: keys({ road: '新站路' }) };
    const estate = { ...two, placeKeys: keys({ estate: '枫林家园' }) };
    assert.deepEqual([similarity(road, sameRoad).placeSame, similarity(road, sameRoad).placeOther], [1, 0]);
    assert.deepEqual([similarity(road, otherRoad).placeSame, similarity(road, otherRoad).placeOther], [0, 1]);
    assert.deepEqual([similarity(road, estate).placeSame, similarity(road, estate).placeOther], [0, 0]);
  });

  it('takes two ways of writing a place for one', () => {
    const house = (houseNumber: string) =>
      placeKeysOf({ ...PLACE, estate: '枫林家园', houseNumber }, '恒通物业有限公司');
    assert.deepEqual(house('3号楼2单元501室'), house('3号楼'));
    assert.deepEqual(
      placeKeysOf({ ...PLACE, estate: '福源小区' }, null),
      placeKeysOf({ ...PLACE, estate: '福源' }, null),
    );
    assert.deepEqual(placeKeysOf(PLACE, '恒通物业'), placeKeysOf(PLACE, '恒通物业有限公司'));
  });

  it('tells topics apart', () => {
    const topic = (codes: string[]) => hashPlaceKeys(placeKeysOf(PLACE, null, codes), mix);
    const heating = { ...one, placeKeys: topic(['01', '0101', '010101']) };
    const dogs = { ...two, placeKeys: topic(['01', '0104']) };
    const features = similarity(heating, dogs);
    assert.deepEqual([features.areaOther, features.topicSame, features.topicOther], [0, 0, 1]);
    assert.equal(similarity(heating, { ...two, placeKeys: topic(['01', '0101']) }).topicSame, 1);
  });

  it('keeps every feature between 0 and 1', () => {
    const old = { ...two, acceptedAt: 9e12, division: '220502', requesterKeys: ['a'] };
    for (const pair of [similarity(one, old), similarity(facts(''), facts('')), similarity(one, facts('热'))]) {
      for (const [name, value] of Object.entries(pair)) assert.ok(value >= 0 && value <= 1, `${name} ${value}`);
    }
  });
});
