// Draft and candidates → new, repeat, closed repeat or incident; pure, and every link says why.
import type { Candidate, Decision, Facts, RepeatPolicy } from './facts.ts';
import { AT, FEATURES, type Feature } from './features.ts';
import { chooseIncident, type IncidentWitness } from './incident.ts';
import { addedBy, likeness, withMeaning } from './meaning.ts';
import { contributions, probabilityOf } from './repeat-model.ts';
import { Comparison, sharedTerms } from './similarity.ts';
import type { Link, RepeatKind } from './ticket.ts';

const DAY = 86_400_000;
/** Links kept with a decision, suggestions beside them, and shared terms with a link. */
const LINKS_KEPT = 3;
const SUGGESTIONS_KEPT = 3;
const TERMS_SHOWN = 24;
/** Candidates that may speak for others, what theirs counts for, and how unlike one may be that they speak for. */
const MOST_SUPPORTERS = 6;
const SUPPORTED = 0.95;
const LEAST_SUPPORTED = 0.01;
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
  'repeat.confidential',
  'repeat.taken-out',
] as const;

/** The message to decide. */
export interface Deciding {
  readonly number: string;
  readonly facts: Facts;
  /** Whether its requester has to stay unknown to whoever handles it. */
  readonly confidential?: boolean;
  /** Numbers of tickets a clerk has said this message is not the same as. */
  readonly undone?: readonly string[];
  /** A clerk has taken it out of another ticket: which open one of its requester it joins is left to a clerk. */
  readonly alone?: boolean | undefined;
  /** Tickets after which incidents of candidates are named, where they are no candidates themselves. They are compared, so
   *  that an incident keeps to its beginning, and never linked. */
  readonly leads?: readonly Candidate[];
}

/** Decides where a message goes. Of several earlier tickets of its requester: the best open one, else the newest closed
 *  one. An incident is that of the likest ticket of somebody else. What is likely, but not enough, is left to a clerk. */
export function decide(message: Deciding, candidates: readonly Candidate[], policy: RepeatPolicy): Decision {
  return decisionOf(message, choose(message, weigh(message, candidates, policy), policy), policy);
}

/** Where a message goes, before it is said why. */
export interface Choice {
  /** The open ticket it joins. */
  readonly joins: Match | null;
  /** The ticket of its requester that it joins or repeats. */
  readonly chosen: Match | null;
  readonly incident: string | null;
  readonly gathers: readonly string[];
  /** What it is linked to, best first; then what is only suggested. */
  readonly kept: readonly Match[];
  readonly left: readonly Match[];
  readonly refused: ReadonlySet<string>;
}

/** @param compared as `weigh` answers */
export function choose(message: Deciding, compared: readonly Match[], policy: RepeatPolicy): Choice {
  const found = compared.filter(one => one.sure);
  const own = found.filter(one => one.own);
  const strange = found.filter(one => !one.own);
  const joins = own.find(one => one.candidate.open && !staysApart(message, one)) ?? null;
  const chosen = joins ?? newest(own.filter(one => !one.candidate.open));
  const leads = (message.leads ?? []).map(candidate => matchOf(message, candidate, policy));
  const choice = chooseIncident(witnesses(strange), witnesses([...compared, ...leads]), policy.cohesion);
  // A message that joins or repeats a ticket stays in that ticket's incident.
  const stays = chosen !== null && chosen.candidate.incident !== null && !givesAway(message, chosen);
  const kept = [chosen, ...strange.filter(one => !isUnlike(one, choice))].filter(one => one !== null);
  const left = compared.filter(
    one => isUnlike(one, choice) || isLeftOpen(message, one) || (!one.sure && one.score >= policy.thresholds.suggest),
  );
  return {
    ...{ joins, chosen, refused: choice.refused },
    incident: stays ? chosen.candidate.incident : choice.incident,
    gathers: stays ? [] : choice.gathers,
    kept: kept.slice(0, LINKS_KEPT).sort(byScore),
    left: left.slice(0, SUGGESTIONS_KEPT),
  };
}

/**
 * What is said in confidence, beside what the same requester said openly: the case system may know whose that is, so it must not
 * learn that both are of one author. The other way round an open message is kept as confidential as the ticket it joins.
 */
function givesAway({ confidential }: Deciding, { own, candidate }: Match): boolean {
  return own && confidential === true && candidate.confidential !== true;
}

/** Not joined, however likely. */
function staysApart(message: Deciding, one: Match): boolean {
  return message.alone === true || givesAway(message, one);
}

/** An open ticket that the message would have joined. */
function isLeftOpen(message: Deciding, one: Match): boolean {
  return one.sure && one.own && one.candidate.open && staysApart(message, one);
}

/** Likely enough, but the rest of its incident is not. */
function isUnlike({ own, candidate }: Match, { refused }: Pick<Choice, 'refused'>): boolean {
  return !own && refused.has(candidate.incident ?? candidate.number);
}

/** Says why: the links with their features, reasons and words. */
export function decisionOf(message: Deciding, choice: Choice, policy: RepeatPolicy): Decision {
  const { joins, chosen, incident, gathers, kept, left } = choice;
  if (kept.length + left.length > 0) comparison.take(message.facts);
  return {
    joins: joins?.candidate.number ?? null,
    closedRepeatOf: joins === null ? (chosen?.candidate.number ?? null) : null,
    ...{ incident, gathers },
    links: [
      ...kept.map(one => linkOf(message.facts, one, policy)),
      ...left.map(one => suggested(linkOf(message.facts, one, policy), whyLeft(message, one, choice))),
    ],
  };
}

function whyLeft(message: Deciding, one: Match, choice: Choice): readonly string[] {
  if (isUnlike(one, choice)) return ['repeat.incident-unlike'];
  if (!isLeftOpen(message, one)) return [];
  return givesAway(message, one) ? ['repeat.confidential'] : ['repeat.taken-out'];
}

/** @param why what keeps it from being linked, where it is likely enough */
function suggested(link: Link, why: readonly string[]): Link {
  return { ...link, reasons: [...link.reasons, ...why], suggested: true };
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
  /** Of the same requester. */
  readonly own: boolean;
  /** At another scene: however likely, it is left to a clerk. */
  readonly elsewhere: boolean;
  /** How near the meanings lie; null where one is not known. */
  readonly alike: number | null;
  readonly score: number;
  /** Likeness of the names, and of what else is rare. */
  readonly names: number;
  /** Score owed to another candidate that is like both, where that is more than the two alone have. */
  readonly support: number | null;
  readonly threshold: number;
  /** Likely enough to be offered to a clerk, at no other scene. */
  readonly likely: boolean;
  /** Likely enough to be linked by itself. */
  readonly sure: boolean;
}

/** Weighs all candidates that may be compared, likest first. One that is less like the message itself, but like a candidate
 *  that is, counts for nearly as much, and so does one that is like that one: of many tellings of one matter no two need have
 *  the same words. */
export function weigh(message: Deciding, candidates: readonly Candidate[], policy: RepeatPolicy): readonly Match[] {
  comparison.take(message.facts);
  const alone: Match[] = [];
  for (const candidate of candidates) {
    if (comparable(message, candidate, policy)) alone.push(match(message.facts, candidate, policy));
  }
  alone.sort(byScore);
  const scores = supportedScores(alone, policy);
  if (scores === null) return alone;
  return alone.map((one, i) => supported(one, scores[i]!, policy)).sort(byScore);
}

/** Likeness of names from which a message tells what an earlier one told already, whether or not it is of one matter. */
const RETOLD = 0.2;

/** The compared appeal that names what the message names; null where none does. */
export function retoldOf(compared: readonly Match[]): Facts | null {
  let nearest: Match | null = null;
  for (const one of compared) if (one.names >= RETOLD && one.names > (nearest?.names ?? 0)) nearest = one;
  return nearest?.candidate.facts ?? null;
}

/** What each may count for by others that are likely, of which one may speak for the next; null where none is. */
function supportedScores(alone: readonly Match[], policy: RepeatPolicy): Float64Array | null {
  const { suggest } = policy.thresholds;
  if (alone.length === 0 || alone[0]!.score < suggest) return null;
  const scores = Float64Array.from(alone, one => one.score);
  const asked = new Set<number>();
  while (asked.size < MOST_SUPPORTERS) {
    const at = likeliest(scores, asked);
    if (at < 0 || scores[at]! < suggest) break;
    asked.add(at);
    speakFor(alone, at, scores, policy);
  }
  return scores;
}

/** Place of the highest score that is not among those asked; -1 where all are. */
function likeliest(scores: Float64Array, asked: ReadonlySet<number>): number {
  let best = -1;
  for (let at = 0; at < scores.length; at++) {
    if (!asked.has(at) && (best < 0 || scores[at]! > scores[best]!)) best = at;
  }
  return best;
}

/** Raises the scores of those that the one at a place is like; what it counts for itself is as far as it can raise them. */
function speakFor(alone: readonly Match[], at: number, scores: Float64Array, policy: RepeatPolicy): void {
  const { facts } = alone[at]!.candidate;
  const reach = scores[at]!;
  let taken = false;
  for (let i = 0; i < alone.length; i++) {
    const one = alone[i]!;
    // One this far down is told apart from the message by what no other telling changes.
    if (one.score < LEAST_SUPPORTED) break;
    if (reach * SUPPORTED <= scores[i]!) continue;
    if (!taken) comparison.take(facts);
    taken = true;
    scores[i] = Math.max(scores[i]!, Math.min(reach, scoreOf(facts, one.candidate, policy)) * SUPPORTED);
  }
}

function supported(one: Match, support: number, policy: RepeatPolicy): Match {
  if (support === one.score) return one;
  const likely = support >= policy.thresholds.suggest && !one.elsewhere;
  return { ...one, score: support, support, likely, sure: support >= one.threshold && !one.elsewhere };
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

/** What is compared at the moment, and the features of the last two compared. */
const comparison = new Comparison();
const features = new Float64Array(FEATURES.length);

/** @param facts what `comparison` has taken */
function scoreOf(facts: Facts, { facts: other }: Candidate, policy: RepeatPolicy): number {
  comparison.compare(other, features);
  const alone = probabilityOf(policy.model, features);
  return withMeaning(alone, likeness(facts.meaning, other.meaning), policy.meaning ?? null);
}

function match(facts: Facts, candidate: Candidate, policy: RepeatPolicy): Match {
  const score = scoreOf(facts, candidate, policy);
  const own = features[AT.sameRequester] === 1;
  let elsewhere = false;
  for (const name of policy.onlySuggest) elsewhere ||= features[AT[name]] === 1;
  const { short } = policy.thresholds;
  const brief = short !== undefined && Math.max(facts.length, candidate.facts.length) <= short.characters;
  const threshold = (brief ? short : policy.thresholds)[own ? 'repeat' : 'incident'];
  return {
    ...{ candidate, own, elsewhere, score, names: features[AT.names]!, support: null, threshold },
    alike: likeness(facts.meaning, candidate.facts.meaning),
    likely: score >= policy.thresholds.suggest && !elsewhere,
    sure: score >= threshold && !elsewhere,
  };
}

function matchOf({ facts }: Deciding, candidate: Candidate, policy: RepeatPolicy): Match {
  comparison.take(facts);
  return match(facts, candidate, policy);
}

function newest(matches: readonly Match[]): Match | null {
  return matches.reduce<Match | null>(
    (best, one) => (best === null || one.candidate.facts.acceptedAt > best.candidate.facts.acceptedAt ? one : best),
    null,
  );
}

/** @param facts what `comparison` has taken */
function linkOf(facts: Facts, one: Match, policy: RepeatPolicy): Link {
  comparison.compare(one.candidate.facts, features);
  return {
    kind: kindOf(one),
    of: one.candidate.number,
    score: Math.round(one.score * 10_000) / 10_000,
    threshold: one.threshold,
    features: {
      ...rounded(features),
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
function rounded(list: Float64Array): Readonly<Record<string, number>> {
  const kept: Record<string, number> = {};
  for (let i = 0; i < list.length; i++) if (list[i] !== 0) kept[FEATURES[i]!] = toHundredths(list[i]!);
  return kept;
}

function toHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function kindOf(one: Match): RepeatKind {
  if (!one.own) return 'incident';
  return one.candidate.open ? 'repeat' : 'closed-repeat';
}

function reasonsOf(facts: Facts, { own, candidate, alike, support }: Match, policy: RepeatPolicy): string[] {
  const { model, meaning = null } = policy;
  const is = (name: Feature): boolean => features[AT[name]] === 1;
  const of = (name: Feature): number => features[AT[name]]!;
  const reasons: string[] = [own ? 'repeat.same-requester' : 'repeat.other-requester'];
  reasons.push(`repeat.days:${Math.round(Math.abs(facts.acceptedAt - candidate.facts.acceptedAt) / DAY)}`);
  if (is('exact')) reasons.push('repeat.same-text');
  else if (of('contained') >= COPIED) reasons.push(`repeat.copied:${Math.round(of('contained') * 100)}`);
  else if (of('shared') > 0) reasons.push('repeat.shared-words');
  if (of('placeSame') > 0) reasons.push('repeat.same-place');
  if (of('placeOther') > 0) reasons.push('repeat.other-place');
  if (is('divisionSame')) reasons.push('repeat.same-division');
  if (is('districtSame')) reasons.push('repeat.same-district');
  if (is('districtOther') || is('titleDistrictOther')) reasons.push('repeat.other-district');
  if (is('divisionOther')) reasons.push('repeat.other-division');
  if (of('topics') >= LIKE_TOPICS) reasons.push('repeat.like-topics');
  if (support !== null) reasons.push('repeat.supported');
  for (const [feature, sum] of contributions(model, features, DECIDING_SHOWN)) {
    reasons.push(`${sum > 0 ? 'repeat.for' : 'repeat.against'}:${feature}`);
  }
  const adds = addedBy(alike, meaning);
  if (Math.abs(adds) >= TELLING) reasons.push(`${adds > 0 ? 'repeat.for' : 'repeat.against'}:meaning`);
  return reasons;
}
