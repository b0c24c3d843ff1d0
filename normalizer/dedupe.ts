// Draft and candidates → new, repeat, closed repeat or incident; pure, and every link says why.
import type { Candidate, Decision, Facts, RepeatPolicy } from './facts.ts';
import { chooseIncident, type IncidentWitness } from './incident.ts';
import { addedBy, likeness, withMeaning } from './meaning.ts';
import { contributions, probability } from './repeat-model.ts';
import { FEATURES, type Features, sharedTerms, similarity } from './similarity.ts';
import type { Link, RepeatKind } from './ticket.ts';

const DAY = 86_400_000;
/** Links kept with a decision, suggestions beside them, and shared terms with a link. */
const LINKS_KEPT = 3;
const SUGGESTIONS_KEPT = 3;
const TERMS_SHOWN = 24;
/** Candidates that may speak for others, what theirs counts for, and how unlike one may be that they speak for. */
const MOST_SUPPORTERS = 6;
const SUPPORTED = 0.95;
const LEAST_SUPPORTED = 0.05;
const COPIED = 0.6;
const LIKE_TOPICS = 0.8;
/** Features named with a link, strongest first. */
const DECIDING_SHOWN = 3;
/** Log odds below which the meaning decided nothing. */
const TELLING = 0.05;

/** Locale keys of the reasons a link may carry; a value follows after a colon where one is shown. */
export const REASONS = [
  'repeat.same-requester',
  'repeat.other-requester',
  'repeat.days',
  'repeat.same-text',
  'repeat.copied',
  'repeat.shared-words',
  'repeat.same-place',
  'repeat.other-place',
  'repeat.same-division',
  'repeat.other-division',
  'repeat.same-district',
  'repeat.other-district',
  'repeat.like-topics',
  'repeat.supported',
  'repeat.for',
  'repeat.against',
  'repeat.incident-unlike',
] as const;

/** The message to decide. */
export interface Deciding {
  readonly number: string;
  readonly facts: Facts;
  /** Numbers of tickets a clerk has said this message is not the same as. */
  readonly undone?: readonly string[];
  /** Tickets after which incidents of candidates are named, where they are no candidates themselves. They are compared, so
   *  that an incident keeps to its beginning, and never linked. */
  readonly leads?: readonly Candidate[];
}

/** Decides where a message goes. Of several earlier tickets of its requester: the best open one, else the newest closed
 *  one. An incident is that of the likest ticket of somebody else. What is likely, but not enough, is left to a clerk. */
export function decide(message: Deciding, candidates: readonly Candidate[], policy: RepeatPolicy): Decision {
  const compared = weigh(message, candidates, policy);
  const found = compared.filter(one => one.sure);
  const own = found.filter(one => one.features.sameRequester === 1);
  const joins = own.find(one => one.candidate.open) ?? null;
  const chosen = joins ?? newest(own);
  const leads = (message.leads ?? []).map(candidate => match(message.facts, candidate, policy));
  const choice = chooseIncident(
    witnesses(found.filter(one => one.features.sameRequester === 0)),
    witnesses([...compared, ...leads]),
    policy.cohesion,
  );
  // A message that joins or repeats a ticket stays in that ticket's incident.
  const stays = chosen !== null && chosen.candidate.incident !== null;
  const unlike = (one: Match): boolean =>
    one.features.sameRequester === 0 && choice.refused.has(one.candidate.incident ?? one.candidate.number);
  const others = found.filter(one => one.features.sameRequester === 0 && !unlike(one));
  const kept = [chosen, ...others]
    .filter(one => one !== null)
    .slice(0, LINKS_KEPT)
    .sort(byScore);
  const left = compared
    .filter(one => unlike(one) || (!one.sure && one.score >= policy.thresholds.suggest))
    .slice(0, SUGGESTIONS_KEPT);
  return {
    joins: joins?.candidate.number ?? null,
    closedRepeatOf: joins === null ? (chosen?.candidate.number ?? null) : null,
    incident: stays ? chosen.candidate.incident : choice.incident,
    gathers: stays ? [] : choice.gathers,
    links: [
      ...kept.map(one => linkOf(message.facts, one, policy)),
      ...left.map(one => suggested(linkOf(message.facts, one, policy), unlike(one))),
    ],
  };
}

/** @param unlike likely enough, but the rest of its incident is not */
function suggested(link: Link, unlike: boolean): Link {
  const reasons = unlike ? [...link.reasons, 'repeat.incident-unlike'] : link.reasons;
  return { ...link, reasons, suggested: true };
}

function witnesses(matches: readonly Match[]): readonly IncidentWitness[] {
  return matches.map(({ candidate: { number, incident }, score, likely }) => ({
    number,
    incident,
    score,
    agrees: likely,
  }));
}

/** A candidate weighed. */
export interface Match {
  readonly candidate: Candidate;
  readonly features: Features;
  /** How near the meanings lie; null where one is not known. */
  readonly alike: number | null;
  readonly score: number;
  /** Score owed to another candidate that is like both, where that is more than the two alone have. */
  readonly support: number | null;
  readonly threshold: number;
  /** Likely enough to be offered to a clerk, at no other scene. */
  readonly likely: boolean;
  /** Likely enough to be linked by itself. */
  readonly sure: boolean;
}

/** Weighs all candidates that may be compared, likest first. One that is less like the message itself, but like a candidate
 *  that is, counts for nearly as much: of many tellings of one matter no two need have the same words. */
export function weigh(message: Deciding, candidates: readonly Candidate[], policy: RepeatPolicy): readonly Match[] {
  const alone = candidates
    .filter(candidate => comparable(message, candidate, policy))
    .map(candidate => match(message.facts, candidate, policy))
    .sort(byScore);
  const supporters = alone.filter(one => one.score >= policy.thresholds.suggest).slice(0, MOST_SUPPORTERS);
  if (supporters.length === 0) return alone;
  return alone.map(one => supported(one, supporters, policy)).sort(byScore);
}

function supported(one: Match, supporters: readonly Match[], policy: RepeatPolicy): Match {
  if (one.score < LEAST_SUPPORTED) return one;
  let support = one.score;
  for (const other of supporters) {
    // Supporters stand in falling order: none behind this one can add anything.
    if (other.score * SUPPORTED <= support) break;
    const between = match(other.candidate.facts, one.candidate, policy).score;
    support = Math.max(support, Math.min(other.score, between) * SUPPORTED);
  }
  if (support === one.score) return one;
  const likely = isSure({ ...one, threshold: policy.thresholds.suggest }, support, policy);
  return { ...one, score: support, support, likely, sure: isSure(one, support, policy) };
}

function isSure({ features, threshold }: Pick<Match, 'features' | 'threshold'>, score: number, policy: RepeatPolicy) {
  return score >= threshold && !policy.onlySuggest.some(name => features[name] === 1);
}

function byScore(a: Match, b: Match): number {
  return b.score - a.score || (a.candidate.number < b.candidate.number ? -1 : 1);
}

function comparable(message: Deciding, candidate: Candidate, policy: RepeatPolicy): boolean {
  if (candidate.number === message.number) return false;
  if (candidate.undone?.includes(message.number) || message.undone?.includes(candidate.number)) return false;
  if (Math.abs(message.facts.acceptedAt - candidate.facts.acceptedAt) > policy.windowDays * DAY) return false;
  return Math.min(message.facts.terms.length, candidate.facts.terms.length) >= policy.minimumTerms;
}

function match(facts: Facts, candidate: Candidate, policy: RepeatPolicy): Match {
  const features = similarity(facts, candidate.facts);
  const threshold = features.sameRequester === 1 ? policy.thresholds.repeat : policy.thresholds.incident;
  const alike = likeness(facts.meaning, candidate.facts.meaning);
  const score = withMeaning(probability(policy.model, features), alike, policy.meaning ?? null);
  const likely = isSure({ features, threshold: policy.thresholds.suggest }, score, policy);
  const sure = isSure({ features, threshold }, score, policy);
  return { candidate, features, alike, score, support: null, threshold, likely, sure };
}

function newest(matches: readonly Match[]): Match | null {
  return matches.reduce<Match | null>(
    (best, one) => (best === null || one.candidate.facts.acceptedAt > best.candidate.facts.acceptedAt ? one : best),
    null,
  );
}

function linkOf(facts: Facts, one: Match, policy: RepeatPolicy): Link {
  return {
    kind: kindOf(one),
    of: one.candidate.number,
    score: Math.round(one.score * 10_000) / 10_000,
    threshold: one.threshold,
    features: {
      ...rounded(one.features),
      ...meaningFeature(one, policy),
      ...(one.support === null ? {} : { support: toHundredths(one.support) }),
    },
    reasons: reasonsOf(facts, one, policy),
    words: [],
    terms: sharedTerms(facts, one.candidate.facts, TERMS_SHOWN),
    weightsVersion: policy.model.version,
    by: 'rule',
  };
}

function meaningFeature({ alike }: Match, { meaning = null }: RepeatPolicy): Readonly<Record<string, number>> {
  return alike === null || meaning === null ? {} : { meaning: Math.round(alike * 100) / 100 };
}

/** Figures as a person reads them; those that are nought say nothing. */
function rounded(features: Features): Readonly<Record<string, number>> {
  const kept: Record<string, number> = {};
  for (const name of FEATURES) if (features[name] !== 0) kept[name] = toHundredths(features[name]);
  return kept;
}

function toHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function kindOf(one: Match): RepeatKind {
  if (one.features.sameRequester === 0) return 'incident';
  return one.candidate.open ? 'repeat' : 'closed-repeat';
}

function reasonsOf(facts: Facts, { features, candidate, alike, support }: Match, policy: RepeatPolicy): string[] {
  const { model, meaning = null } = policy;
  const reasons: string[] = [features.sameRequester === 1 ? 'repeat.same-requester' : 'repeat.other-requester'];
  reasons.push(`repeat.days:${Math.round(Math.abs(facts.acceptedAt - candidate.facts.acceptedAt) / DAY)}`);
  if (features.exact === 1) reasons.push('repeat.same-text');
  else if (features.contained >= COPIED) reasons.push(`repeat.copied:${Math.round(features.contained * 100)}`);
  else if (features.shared > 0) reasons.push('repeat.shared-words');
  if (features.placeSame > 0) reasons.push('repeat.same-place');
  if (features.placeOther > 0) reasons.push('repeat.other-place');
  if (features.divisionSame === 1) reasons.push('repeat.same-division');
  if (features.districtSame === 1) reasons.push('repeat.same-district');
  if (features.districtOther === 1 || features.titleDistrictOther === 1) reasons.push('repeat.other-district');
  if (features.divisionOther === 1) reasons.push('repeat.other-division');
  if (features.topics >= LIKE_TOPICS) reasons.push('repeat.like-topics');
  if (support !== null) reasons.push('repeat.supported');
  for (const [feature, sum] of contributions(model, features, DECIDING_SHOWN)) {
    reasons.push(`${sum > 0 ? 'repeat.for' : 'repeat.against'}:${feature}`);
  }
  const adds = addedBy(alike, meaning);
  if (Math.abs(adds) >= TELLING) reasons.push(`${adds > 0 ? 'repeat.for' : 'repeat.against'}:meaning`);
  return reasons;
}
