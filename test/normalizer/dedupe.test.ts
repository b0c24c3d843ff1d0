// Where a message goes: every combination of repeat, closed repeat and incident, and what must not be linked.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { loadRepeats } from '../../config/load-repeats.ts';
import { word } from '../../gateway/locale.ts';
import { decide, REASONS, weigh } from '../../normalizer/dedupe.ts';
import type { Candidate, Decision, Facts } from '../../normalizer/facts.ts';
import { FEATURES } from '../../normalizer/features.ts';
import { gramRules, gramsOf, gramsOfPhrases } from '../../normalizer/grams.ts';
import { hashPlaceKeys } from '../../normalizer/place-keys.ts';
import type { RepeatModel, Tree } from '../../normalizer/repeat-model.ts';
import { similarity } from '../../normalizer/similarity.ts';
import { hashTitleRuns, mixWith, selectTerms, TERMS_KEPT, TermStatistics } from '../../normalizer/terms.ts';
import { topicModel } from '../../normalizer/topics.ts';

const { policy, idleCharacters, phrases, common, topics } = loadRepeats(
  join(import.meta.dirname, '../../config/rules'),
);
const about = topicModel(topics);
const rules = gramRules(idleCharacters, phrases);
const mix = mixWith(0x5eed_0002);
const statistics = TermStatistics.fresh(gramsOfPhrases(common), mix);
const DAY = 86_400_000;

interface Said {
  readonly by?: string | null;
  readonly day?: number;
  readonly division?: string | null;
  readonly places?: readonly string[];
}

function facts(text: string, { by = null, day = 0, division = null, places = [] }: Said = {}): Facts {
  const grams = gramsOf(text, [], null, { rules });
  return {
    ...selectTerms(grams, statistics, mix, TERMS_KEPT, about),
    titleRuns: hashTitleRuns(grams.titleRuns, mix),
    requesterKeys: by === null ? [] : [by],
    placeKeys: hashPlaceKeys(places, mix),
    division,
    textHash: mix(grams.textHash),
    length: grams.length,
    acceptedAt: day * DAY,
  };
}

function earlier(number: string, its: Facts, more: Partial<Candidate> = {}): Candidate {
  return { number, facts: its, open: true, incident: null, ...more };
}

const HEAT = '枫林家园3号楼供暖一个月了，屋里只有15度，给暖兴供热公司打电话说管道老化，一直没人来修';
const HEAT_AGAIN = '上次反映过枫林家园3号楼暖气的事，屋里还是15度，暖兴供热公司的管道到底什么时候修';
const HEAT_OTHER = '我家也在枫林家园，暖气不热，卧室14度半，暖兴供热公司测过温就没下文，说是管道老化';
const DOG = '枫林家园2号楼养了两条大狼狗不拴绳，天天放出来，老太太吓得摔了一跤';
const ESTATE = ['estate:枫林家园', 'area:01', 'topic:0101'];

/** A model to which two are alike from so much in common. */
function alikeFrom(cosine: number): RepeatModel {
  const none = Object.fromEntries(FEATURES.map(name => [name, 0]));
  const step: Tree = [[FEATURES.indexOf('cosine'), cosine, 1, 2], [-3], [4]];
  return {
    ...{ version: 'step', made: '2026-01-05', trainedOn: {}, figures: {}, features: FEATURES },
    linear: { bias: 0, weights: none, means: none },
    trees: { bias: 0, trees: [step] },
  };
}

/** Links that were made, not only suggested. */
const made = ({ links }: Decision) => links.filter(link => link.suggested !== true);

describe('decide', () => {
  it('joins the open ticket of the same requester about the same thing, told in other words', () => {
    const before = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const message = { number: 'M', facts: facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE }) };
    const decision = decide(message, [before], policy);
    assert.equal(decision.joins, 'A');
    assert.equal(decision.closedRepeatOf, null);
    assert.equal(decision.incident, null);
    assert.equal(decision.links[0]?.kind, 'repeat');
  });

  it('joins nothing where a clerk has taken it out of a ticket: what it would join is suggested, all else as ever', () => {
    const open = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const left = earlier('L', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const closed = earlier('C', facts(HEAT, { by: 'zhang', places: ESTATE }), { open: false });
    const other = earlier('B', facts(HEAT_OTHER, { by: 'li', places: ESTATE }), { incident: 'I' });
    const its = facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE });
    const message = { number: 'M', facts: its, alone: true, undone: ['L'] };
    const decision = decide(message, [open, left, closed, other], policy);
    assert.deepEqual([decision.joins, decision.closedRepeatOf, decision.incident], [null, 'C', 'I']);
    const link = decision.links.find(({ of }) => of === 'A');
    assert.deepEqual([link?.suggested, link?.reasons.at(-1)], [true, 'repeat.taken-out']);
    assert.ok(decision.links.every(({ of }) => of !== 'L'));
  });

  it('links the like of another requester as an incident, named by its first ticket', () => {
    const first = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const message = { number: 'M', facts: facts(HEAT_OTHER, { by: 'li', day: 1, places: ESTATE }) };
    const alone = decide(message, [first], policy);
    assert.deepEqual([alone.joins, alone.incident], [null, 'A']);
    assert.equal(decide(message, [{ ...first, incident: 'Z' }], policy).incident, 'Z');
  });

  it('makes a closed repeat of the newest closed ticket, and joins an open one before any closed one', () => {
    const said = (day: number) => facts(HEAT, { by: 'zhang', day, places: ESTATE });
    const closed = [
      earlier('OLD', said(1), { open: false }),
      earlier('NEW', said(9), { open: false }),
      earlier('MID', said(5), { open: false }),
    ];
    const message = { number: 'M', facts: said(12) };
    const decision = decide(message, closed, policy);
    assert.deepEqual([decision.joins, decision.closedRepeatOf], [null, 'NEW']);
    assert.equal(decision.links[0]?.kind, 'closed-repeat');
    const open = earlier('OPEN', facts(HEAT_AGAIN, { by: 'zhang', day: 2, places: ESTATE }));
    const joined = decide(message, [...closed, open], policy);
    assert.deepEqual([joined.joins, joined.closedRepeatOf], ['OPEN', null]);
  });

  it('lets a closed repeat be part of an incident', () => {
    const own = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }), { open: false });
    const other = earlier('B', facts(HEAT_OTHER, { by: 'li', day: 2, places: ESTATE }), { incident: 'I' });
    const message = { number: 'M', facts: facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE }) };
    const decision = decide(message, [own, other], policy);
    assert.equal(decision.closedRepeatOf, 'A');
    assert.equal(decision.incident, 'I');
    assert.deepEqual(decision.links.map(link => link.kind).sort(), ['closed-repeat', 'incident']);
  });

  it('keeps a message that joins in the incident of its ticket', () => {
    const own = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }), { incident: 'FIRST' });
    const other = earlier('B', facts(HEAT_OTHER, { by: 'li', places: ESTATE }), { incident: 'SECOND' });
    const message = { number: 'M', facts: facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE }) };
    const decision = decide(message, [own, other], policy);
    assert.deepEqual([decision.joins, decision.incident], ['A', 'FIRST']);
  });

  it('leaves what is said in confidence out of the incident of what the same requester said openly', () => {
    const own = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }), { open: false, incident: 'FIRST' });
    const message = { number: 'M', facts: facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE }) };
    const of = (confidential: boolean) => decide({ ...message, confidential }, [own], policy);
    assert.deepEqual([of(false).closedRepeatOf, of(false).incident], ['A', 'FIRST']);
    assert.deepEqual([of(true).closedRepeatOf, of(true).incident], ['A', null]);
  });

  it('leaves a chasing requester his new problem', () => {
    const before = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const dogs = ['estate:枫林家园', 'area:01', 'topic:0104'];
    const message = { number: 'M', facts: facts(DOG, { by: 'zhang', day: 1, places: dogs }) };
    assert.deepEqual(made(decide(message, [before], policy)), []);
  });

  it('does not link template twins: the same words about another division', () => {
    const pit = (town: string) => `${town}农贸市场门前有个大坑，一下雨就积水，上周有骑电动车的栽进去了，麻烦尽快补上`;
    const there = earlier('A', facts(pit('快大茂镇同德路'), { by: 'a', division: '220521' }));
    const here = { number: 'M', facts: facts(pit('朝阳镇兴工街'), { by: 'b', division: '220523' }) };
    assert.deepEqual(made(decide(here, [there], policy)), []);
  });

  it('does not link the same words about another place of the same division, told by another', () => {
    const lamp = '路灯坏了';
    const there = earlier('A', facts(lamp, { by: 'a', division: '220503', places: ['road:钢厂路'] }));
    const here = { number: 'M', facts: facts(lamp, { by: 'b', division: '220503', places: ['road:振国路'] }) };
    assert.deepEqual(made(decide(here, [there], policy)), []);
  });

  it('takes a bare thank-you for no repeat of another', () => {
    const thanks = facts('太感谢了，谢谢你们！', { by: 'zhang' });
    const decision = decide({ number: 'M', facts: thanks }, [earlier('A', thanks)], policy);
    assert.deepEqual([decision.joins, decision.links.length], [null, 0]);
  });

  it('never makes again a link that a clerk has undone, from either side', () => {
    const its = facts(HEAT, { by: 'zhang', places: ESTATE });
    const message = { number: 'M', facts: its };
    assert.equal(decide(message, [earlier('A', its)], policy).joins, 'A');
    assert.equal(decide(message, [earlier('A', its, { undone: ['M'] })], policy).joins, null);
    assert.equal(decide({ ...message, undone: ['A'] }, [earlier('A', its)], policy).joins, null);
    assert.equal(decide(message, [earlier('A', its, { undone: ['X'] })], policy).joins, 'A');
  });

  it('compares nothing beyond the window, and never a message with itself', () => {
    const its = facts(HEAT, { by: 'zhang', places: ESTATE });
    const late = { number: 'M', facts: { ...its, acceptedAt: (policy.windowDays + 1) * DAY } };
    assert.equal(decide(late, [earlier('A', its)], policy).joins, null);
    assert.equal(decide({ number: 'A', facts: its }, [earlier('A', its)], policy).joins, null);
  });

  it('knows nobody by an empty list of keys: without one it is no repeat', () => {
    const its = facts(HEAT, { places: ESTATE });
    const decision = decide({ number: 'M', facts: its }, [earlier('A', its)], policy);
    assert.deepEqual([decision.joins, decision.incident], [null, 'A']);
  });

  it('says with each link its score, threshold, features, reasons, shared terms and version of the weights', () => {
    const before = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const message = { number: 'M', facts: facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE }) };
    const link = decide(message, [before], policy).links[0]!;
    assert.ok(link.score >= link.threshold && link.score <= 1);
    assert.equal(link.threshold, policy.thresholds.short?.repeat);
    const telling = Object.entries(similarity(message.facts, before.facts)).filter(([, value]) => value !== 0);
    assert.deepEqual(Object.keys(link.features).sort(), telling.map(([name]) => name).sort());
    for (const [name, value] of telling) assert.ok(Math.abs((link.features[name] as number) - value) <= 0.005, name);
    assert.deepEqual(link.reasons.slice(0, 2), ['repeat.same-requester', 'repeat.days:3']);
    assert.ok(link.reasons.includes('repeat.same-place'));
    for (const reason of link.reasons) assert.ok((REASONS as readonly string[]).includes(reason.split(':')[0]!));
    assert.ok((link.terms?.length ?? 0) > 3);
    assert.deepEqual([link.weightsVersion, link.by], [policy.model.version, 'rule']);
  });

  it('keeps the best links only, best first, whatever the order of the candidates', () => {
    const others = Array.from({ length: 9 }, (_, i) =>
      earlier(`N${i}`, facts(i % 2 === 0 ? HEAT : HEAT_OTHER, { by: `p${i}`, day: i, places: ESTATE })),
    );
    const message = { number: 'M', facts: facts(HEAT, { by: 'zhang', day: 10, places: ESTATE }) };
    const decision = decide(message, others, policy);
    assert.equal(decision.links.length, 3);
    assert.deepEqual(decide(message, [...others].reverse(), policy), decision);
    const scores = decision.links.map(link => link.score);
    assert.deepEqual(
      scores,
      [...scores].sort((a, b) => b - a),
    );
  });

  it('lets one telling speak for the next, however little that has in common with the message', () => {
    // Two are alike where they share a sentence; nothing else counts.
    const shares = { ...policy, model: alikeFrom(0.25) };
    const said = ['枫林家园的暖气片冰凉', '供热公司答应更换管道', '锅炉房夜里熄火停烧', '老人裹着棉被咳嗽'];
    const told = (from: number) => facts(`${said[from]}，${said[from + 1] ?? said[0]}`);
    const message = { number: 'M', facts: told(0) };
    const chain = [earlier('A', told(1)), earlier('B', told(2))];
    const [a, b] = weigh(message, chain, shares);
    assert.deepEqual([a?.candidate.number, b?.candidate.number], ['A', 'B']);
    assert.equal(a?.support, null);
    assert.ok(b !== undefined && b.support !== null && b.likely && b.score < (a?.score ?? 0));
    const end = earlier('C', facts(`${said[3]}，三单元的孩子也病了`));
    const far = weigh(message, [...chain, end], shares).at(-1);
    assert.equal(far?.candidate.number, 'C');
    assert.ok(far.likely && far.score < b.score, 'each step counts for a little less');
    const broken = weigh(message, [earlier('A', told(1)), end], shares).at(-1);
    assert.ok(broken?.candidate.number === 'C' && !broken.likely, 'nobody speaks for it');
  });

  it('suggests what is likely but not enough, beside the links and never as one', () => {
    const before = earlier('A', facts(HEAT, { by: 'zhang', places: ESTATE }));
    const message = { number: 'M', facts: facts(HEAT_AGAIN, { by: 'zhang', day: 3, places: ESTATE }) };
    const score = decide(message, [before], policy).links[0]!.score;
    const strict = { ...policy, thresholds: { repeat: 1, incident: 1, suggest: score - 0.01 } };
    const decision = decide(message, [before], strict);
    assert.deepEqual([decision.joins, decision.incident], [null, null]);
    assert.deepEqual([decision.links[0]?.of, decision.links[0]?.suggested], ['A', true]);
    const silent = { ...policy, thresholds: { repeat: 1, incident: 1, suggest: 1 } };
    assert.deepEqual(decide(message, [before], silent).links, []);
  });

  it('has a word for every reason and every feature in both languages', () => {
    for (const language of ['zh', 'en'] as const) {
      for (const reason of REASONS) assert.notEqual(word(language, 'repeat', reason.slice(7)), reason.slice(7), reason);
      for (const name of FEATURES) assert.notEqual(word(language, 'feature', name), name, name);
    }
  });
});
