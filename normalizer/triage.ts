// Accept, hold for a person, or advise refusal with the clause of article 10; never a refusal by itself.
import type { Hit } from './lexicon.ts';
import { findNonsense } from './nonsense.ts';
import { hitsOf, isSaidFirst, quoted, type Reading } from './reading.ts';
import type { ClauseRule } from './rule-data.ts';
import type { Meaning } from './rulebook.ts';
import type { Decided, Flag, HoldReason, Place, TicketType, Triage } from './ticket.ts';

const ACCEPT: Triage = { verdict: 'accept', clause: null, basis: null, words: [], by: 'rule', confidence: 0.9 };

function advise(rule: { clause: string; sentence: string }, words: readonly string[], sure: number): Triage {
  const { clause, sentence } = rule;
  return { verdict: 'advise-refusal', clause, basis: sentence, words, by: 'rule', confidence: sure };
}

interface ClauseHits {
  readonly refuse: Hit<Meaning>[];
  readonly hold: Hit<Meaning>[];
  unless: boolean;
}

function byClause(reading: Reading): Map<ClauseRule, ClauseHits> {
  const found = new Map<ClauseRule, ClauseHits>();
  for (const hit of hitsOf(reading, 'triage')) {
    if (hit.item.of !== 'clause') continue;
    const { clause, role } = hit.item;
    const hits = found.get(clause) ?? { refuse: [], hold: [], unless: false };
    found.set(clause, hits);
    if (role === 'unless') hits.unless = true;
    else if (isSaidFirst(reading, hit, reading.rulebook.rules.triage)) hits[role].push(hit);
  }
  return found;
}

function clauseVerdict(reading: Reading): Triage | null {
  let held: Triage | null = null;
  for (const [clause, { refuse, hold, unless }] of byClause(reading)) {
    if (unless) continue;
    if (refuse.length > 0) return advise(clause, quoted(reading, [...refuse, ...hold]), 0.75);
    if (hold.length > 0 && held === null) {
      const basis = { clause: clause.clause, basis: clause.sentence };
      held = { verdict: 'hold', ...basis, words: quoted(reading, hold), by: 'rule', confidence: 0.5 };
    }
  }
  return held;
}

function hold(reason: HoldReason, words: readonly string[], sure: number): Triage {
  return { verdict: 'hold', clause: null, basis: null, words, by: 'rule', confidence: sure, reason };
}

/** From this confidence on a place outside the city is enough to advise refusal. */
const SURELY_OUTSIDE = 0.7;

/** Least number of different advertising words that hold a message. */
const LEAST_SPAM = 2;

export interface TriageFacts {
  /** It was read as urgent. */
  readonly urgent: boolean;
  /** What was written could not be read: what stands around it decides nothing but that it is urgent. */
  readonly illegible: boolean;
}

/** 受理判定. An urgent appeal is never held up: somebody may be in danger, whoever is competent. */
export function readTriage(
  reading: Reading,
  place: Place,
  language: string,
  { urgent, illegible }: TriageFacts,
): Triage {
  // Pictures alone, or nothing that anybody could read: somebody has to look at them.
  if (reading.text === '' || (illegible && !urgent)) return hold('nothing-to-read', [], 0.9);
  // Whoever cries for help says it again and again, which is no nonsense.
  if (urgent) return ACCEPT;
  const nonsense = findNonsense(reading, language);
  if (nonsense !== null) return hold('nonsense', nonsense, 0.8);
  const spam = quoted(
    reading,
    hitsOf(reading, 'spam').filter(({ item }) => item.of === 'spam'),
  );
  if (spam.length >= LEAST_SPAM) return hold('advertising', spam, 0.7);
  const outside = reading.rulebook.clauses.get('10.6');
  if (place.inCity === false && outside !== undefined) {
    const sure = place.confidence ?? 0;
    const words = place.words ?? [];
    if (sure >= SURELY_OUTSIDE) return advise({ clause: '10.6', sentence: outside }, words, sure);
    return { verdict: 'hold', clause: '10.6', basis: outside, words, by: 'rule', confidence: sure };
  }
  return clauseVerdict(reading) ?? ACCEPT;
}

/** Words that accuse somebody, from this weight on. */
const LEAST_ACCUSING = 2;

/** 不匿名 and the like: the opposite of what the word says. */
const DENIED = /(?:不需要|不要求|不希望|不想|不愿意?|不要|不必|不用|不是|没有|没|无需|无须|拒绝|并非|不)$/;
/** What ends like a denial and is none: 不得不匿名, 是不是匿名. */
const NOT_DENIED =
  /(?:不得不|不能不|不可不|是不是|要不要|用不用|需不需要|想不想|愿不愿意?|有没有|(?:如果|要是|若|若是|万一|怕|担心)(?:你们|您|他们)?不)$/;
/** 你们不保密, 上次没有保密: said by somebody who wants it; only this says that they do not. */
const NOT_NEEDED = /(?:不需要|不要求|不要|不必|不用|无需|无须)$/;
const DENIAL_REACH = 8;

function isDenied(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - DENIAL_REACH), start);
  const denied = text.startsWith('保密', start) ? NOT_NEEDED : DENIED;
  return denied.test(before) && !NOT_DENIED.test(before);
}

function privacyHits(reading: Reading, role: 'confidential' | 'anonymous' | 'open'): Hit<Meaning>[] {
  return hitsOf(reading, 'privacy').filter(
    ({ item, start }) => item.of === 'privacy' && item.role === role && !isDenied(reading.text, start),
  );
}

/** Whether the requester wants to stay unknown. */
export function readAnonymous(reading: Reading, asked: boolean | undefined): boolean {
  if (asked !== undefined) return asked;
  return privacyHits(reading, 'anonymous').length > 0;
}

/**
 * 保密 (article 23): as asked, always for accusations and where discretion is asked for; in doubt confidential.
 * The sender's `false` does not open an accusation.
 */
export function readConfidential(
  reading: Reading,
  type: Decided<TicketType>,
  asked: boolean | undefined,
  anonymous: boolean,
): Flag {
  if (asked === true) return { value: true, by: 'sender', words: [], confidence: 0.95 };
  if (type.value === '举报') return { value: true, by: 'rule', words: type.words, confidence: 0.9 };
  const words = quoted(reading, [...privacyHits(reading, 'confidential'), ...privacyHits(reading, 'anonymous')]);
  if (words.length > 0) return { value: true, by: 'rule', words, confidence: 0.85 };
  if (anonymous) return { value: true, by: 'sender', words: [], confidence: 0.8 };
  const accuses = hitsOf(reading, 'type').filter(
    ({ item }) => item.of === 'type' && item.type === '举报' && item.weight >= LEAST_ACCUSING,
  );
  const inTitle = accuses.some(({ start }) => start < reading.contentAt);
  if (inTitle || quoted(reading, accuses).length > 1)
    return { value: true, by: 'rule', words: quoted(reading, accuses), confidence: 0.6 };
  return asked === false
    ? { value: false, by: 'sender', words: [], confidence: 0.95 }
    : { value: false, by: 'default', words: [], confidence: 0.8 };
}

/** 公开: only as asked, and never with a confidential appeal. */
export function readPublic(asked: boolean | undefined, confidential: Flag): Flag {
  if (confidential.value || asked === undefined)
    return { value: false, by: confidential.value ? 'rule' : 'default', words: [] };
  return { value: asked, by: 'sender', words: [] };
}
