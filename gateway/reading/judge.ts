// Compares drafts with earlier tickets, one after the other in order of acceptance; holds the candidate index.
import { choose, type Deciding, decide, decisionOf, retoldOf, weigh } from '../../normalizer/dedupe.ts';
import type { Candidate, Decision, Facts, RepeatPolicy } from '../../normalizer/facts.ts';
import { TermStatistics } from '../../normalizer/terms.ts';
import type { TopicModel } from '../../normalizer/topics.ts';
import { decodeFacts } from '../../store/facts-codec.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Forgotten } from '../../store/forget-postings.ts';
import type { WeightedTerms } from '../../store/index-terms.ts';
import { Postings, type PostingsOptions } from '../../store/postings.ts';
import type { Hit } from '../../store/score-table.ts';
import type { CandidateRow, CandidateStore } from '../../store/store.ts';
import { type FactsSource, factsOf, termMix } from './facts-of.ts';

export interface JudgeParts {
  readonly candidates: CandidateStore;
  readonly cipher: Pick<FieldCipher, 'mac'>;
  readonly policy: RepeatPolicy;
  /** Grams of the shipped common phrases, known before the first appeal. */
  readonly common: ReadonlySet<number>;
  readonly postings?: PostingsOptions;
  /** What everyday words are about; without it topics are not compared. */
  readonly topics?: TopicModel | null;
  /** Told of the earlier tickets each message is compared with, best first; for measuring. */
  compared?(number: string, candidates: readonly Candidate[]): void;
}

/** A draft to be judged. */
export interface JudgeItem extends FactsSource {
  readonly number: string;
  readonly ordinal: number;
  /** What a clerk who makes a ticket of it has said of it; absent where no clerk is at it. */
  readonly said?: ClerkSaid;
}

/** What a clerk has said of a message by making a ticket of it. */
export interface ClerkSaid {
  /** Tickets that it is not about, from this moment on. */
  readonly apart?: readonly string[];
  /** It is to be a ticket of its own: which open one it would join is only suggested. */
  readonly alone?: boolean;
  /** It stays as confidential as what it is taken out of. */
  readonly confidential?: boolean;
}

export interface Judged {
  readonly decision: Decision;
  readonly facts: Facts;
  readonly identityKeys: readonly string[];
  /** As the message asks, or as the ticket of its requester that it repeats. */
  readonly confidential: boolean;
}

/** What is remembered of an earlier ticket without asking the store again. */
interface Known {
  readonly number: string;
  readonly ordinal: number;
  readonly facts: Facts;
  open: boolean;
  gone: boolean;
  confidential: boolean;
  incident: string | null;
  /** Ordinal of the ticket the incident is named after. */
  lead: number | null;
  /** Numbers a clerk has parted this ticket from. */
  undone: readonly string[];
  /** When the store was asked last, by the monotonic clock. */
  knownAt: number;
}

/** Earlier tickets remembered; the first to come is the first to go. */
const REMEMBERED = 8_192;
/** Lived changes younger than this may be missed; closing and linking again within it is no case anybody meets. */
const STALE_MS = 1000;

/** What a ticket that was decided without knowing of another would belong to. */
export interface Missed {
  /** Number of the open ticket of the same requester that it would have joined; or null. */
  readonly joins: string | null;
  /** The incident it would be of, and the ticket of somebody else it is likest to; null where it stays where it is. */
  readonly incident: { readonly id: string; readonly of: string } | null;
}

export interface Judge {
  /** Reads statistics, segments and the newest tickets. */
  open(): Promise<{ readonly tickets: number }>;
  /** Judges a batch in order; each sees all before it, committed or not. */
  judge(items: readonly JudgeItem[]): Promise<readonly Judged[]>;
  /** The same of one that a clerk decides on. It is entered by `adopt` once it has become a ticket. */
  compare(item: JudgeItem): Promise<Judged>;
  /** Enters a ticket that was decided elsewhere. */
  adopt(ordinal: number): Promise<void>;
  /** Enters a ticket as another process decided it; false where it was entered already, however long ago. */
  enter(row: CandidateRow): Promise<boolean>;
  /** A decision that did not come about: whatever is said of this ticket is asked for anew. */
  drop(number: string): void;
  /**
   * What a ticket would belong to, had its decider known of it.
   * @param before whether another was decided before it: an incident is that of earlier ones
   */
  missed(row: CandidateRow, before: (number: string) => boolean): Promise<Missed>;
  /** These tickets are not found by these terms any more, and what is remembered of them is asked for anew. */
  forget(pairs: readonly Forgotten[]): Promise<void>;
  /** A clerk has moved these tickets to another incident, linked or refused them: what is remembered of them is asked for anew before it counts. */
  moved(numbers: ReadonlySet<string>): void;
  /** Between batches. */
  tidy(): void;
  /** Resolves when what `tidy` began to write is on disk. */
  settled(): Promise<void>;
}

/** What a message is judged to be, and which earlier tickets that was found of. */
interface JudgedOne extends Judged {
  /** The compared appeal that tells what it tells. */
  readonly told: Facts | null;
  /** Ordinal of the ticket that its incident is named after. */
  readonly lead: number | null;
}

export function createJudge(parts: JudgeParts): Judge {
  const mix = termMix(parts.cipher);
  let statistics = TermStatistics.fresh(parts.common, mix);
  const postings = new Postings(parts.candidates, () => statistics.toBytes(), parts.postings);
  const known = new Map<number, Known>();
  /** Ordinals of `known` in the order they came, as a ring: asking a map for its oldest key gets slow as keys are deleted. */
  const order = new Float64Array(REMEMBERED).fill(Number.NaN);
  let next = 0;

  function remember(one: Known): void {
    if (!known.has(one.ordinal)) {
      known.delete(order[next] as number);
      order[next] = one.ordinal;
      next = (next + 1) % REMEMBERED;
    }
    known.set(one.ordinal, one);
  }

  /** Twice would make it score twice, and what is remembered is forgotten again: it is entered where its postings are not there. */
  async function enterOnce(one: Known): Promise<boolean> {
    if (known.has(one.ordinal)) return false;
    const isEntered = await postings.has(one.ordinal, one.facts);
    // Somebody else was at it meanwhile.
    if (known.has(one.ordinal)) return false;
    if (!isEntered) postings.add(one.ordinal, one.facts);
    remember(one);
    return !isEntered;
  }

  async function load(ordinals: Iterable<number>): Promise<void> {
    const wanted = [...ordinals];
    if (wanted.length === 0) return;
    for (const row of await parts.candidates.load(wanted)) remember(knownOf(row));
  }

  /** What the store has learnt since (closed, linked by a clerk) counts before a link is made. True when it changed. */
  async function refreshed(linked: readonly Known[], staleMs = STALE_MS): Promise<boolean> {
    const now = performance.now();
    const stale = linked.filter(one => now - one.knownAt > staleMs);
    if (stale.length === 0) return false;
    let changed = false;
    for (const row of await parts.candidates.load(stale.map(one => one.ordinal))) {
      const one = stale.find(other => other.ordinal === row.ordinal);
      if (one === undefined) continue;
      const fresh = knownOf(row);
      changed ||= one.open !== fresh.open || one.gone !== fresh.gone || one.undone.length !== fresh.undone.length;
      changed ||= one.confidential !== fresh.confidential;
      // A clerk may have corrected where it is, or taken a part out of it.
      changed ||= one.facts.textHash !== fresh.facts.textHash || one.facts.division !== fresh.facts.division;
      changed ||= fresh.incident !== null && one.incident !== fresh.incident;
      // What this thread gave it may not be committed yet; what the store has, a clerk may have changed.
      const { incident, lead } = fresh.incident === null ? one : fresh;
      Object.assign(one, { ...fresh, incident, lead });
    }
    return changed;
  }

  /** Tickets after which the incidents of linked tickets are named, where they are not near themselves. */
  async function leadsOf(linked: readonly Known[], near: readonly Known[]): Promise<readonly Known[]> {
    const wanted = new Set<number>();
    for (const { lead } of linked) {
      if (lead !== null && !near.some(one => one.ordinal === lead)) wanted.add(lead);
    }
    if (wanted.size === 0) return [];
    await load([...wanted].filter(ordinal => !known.has(ordinal)));
    return [...wanted].map(ordinal => known.get(ordinal)).filter(one => one !== undefined && !one.gone) as Known[];
  }

  /** @param near earlier tickets that the index found, best first */
  async function judgeOne(item: JudgeItem, facts: Facts, near: readonly Known[]): Promise<JudgedOne> {
    const { number, identityKeys, said = {} } = item;
    const { policy } = parts;
    const secret = item.head.confidential || said.confidential === true;
    let message: Deciding = { number, facts, confidential: secret, undone: said.apart ?? [], alone: said.alone };
    const candidates = candidatesOf(near, number);
    parts.compared?.(number, candidates);
    let compared = weigh(message, candidates, policy);
    let choice = choose(message, compared, policy);
    const linked = [...choice.kept, ...choice.left].map(one => one.candidate as Known);
    // A clerk may have seen what the store learnt a moment ago.
    const changed = linked.length > 0 && (await refreshed(linked, item.said === undefined ? STALE_MS : 0));
    const leads = await leadsOf(linked, near);
    if (changed) compared = weigh(message, candidatesOf(near, number), policy);
    if (changed || leads.length > 0) {
      message = { ...message, leads };
      choice = choose(message, compared, policy);
    }
    const decision = decisionOf(message, choice, policy);
    const lead = leadOf(decision.incident, [...leads, ...near]);
    const repeated = near.find(other => other.number === decision.closedRepeatOf);
    const confidential = secret || repeated?.confidential === true;
    return { decision, facts, identityKeys, confidential, told: retoldOf(compared), lead };
  }

  function gatherAll({ decision: { gathers, incident }, lead }: JudgedOne, near: readonly Known[]): void {
    for (const gathered of gathers) {
      const found = near.find(other => other.number === gathered);
      if (found !== undefined) gather(found, incident, lead);
    }
  }

  async function missedIncident(message: Deciding, others: readonly Known[]): Promise<Missed['incident']> {
    const leads = await leadsOf(others, others);
    const { incident: id, links } = decide({ ...message, leads }, others, parts.policy);
    const nearest = links.find(({ of, suggested }) => {
      const other = others.find(one => one.number === of);
      return suggested !== true && other !== undefined && (other.incident ?? other.number) === id;
    });
    return id === null || nearest === undefined ? null : { id, of: nearest.of };
  }

  /** The store learns of it only with the commit: until then it must not be forgotten. */
  function gather(found: Known, incident: string | null, lead: number | null): void {
    const one = known.get(found.ordinal) ?? found;
    one.incident = incident;
    one.lead = lead;
    if (one === found) remember(one);
  }

  function leadOf(incident: string | null, among: readonly Known[]): number | null {
    if (incident === null) return null;
    const one = among.find(other => other.number === incident || other.incident === incident);
    return one === undefined ? null : one.number === incident ? one.ordinal : one.lead;
  }

  /** What is remembered of hits. */
  function knownOfHits(hits: readonly Hit[]): Known[] {
    const found: Known[] = [];
    for (const { ordinal } of hits) {
      const one = known.get(ordinal);
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  /** The candidates of each of a batch, found and loaded together. */
  async function nearOf(queries: readonly WeightedTerms[]): Promise<readonly Known[][]> {
    const hits = await postings.lookUp(queries);
    const missing = new Set<number>();
    for (const some of hits) for (const { ordinal } of some) if (!known.has(ordinal)) missing.add(ordinal);
    await load(missing);
    // Now, since what is loaded later may take their place in memory.
    return hits.map(knownOfHits);
  }

  return {
    async open() {
      const kept = await parts.candidates.statistics();
      statistics = (kept && TermStatistics.fromBytes(kept)) ?? statistics;
      // What is in no segment yet is not in the kept statistics either; its own terms stand for all its grams.
      const tickets = await postings.open(facts => statistics.add(facts.terms));
      return { tickets };
    },

    async judge(items) {
      const facts = items.map(item => factsOf(item, statistics, mix, parts.topics));
      const entries = facts.map(one => postings.entryOf(one));
      const queries = entries.map(entry => postings.queryOfEntry(entry));
      const near = await nearOf(queries);
      const mark = postings.mark;
      const judged: Judged[] = [];
      for (const [i, item] of items.entries()) {
        const own = facts[i] as Facts;
        const sinceMark = knownOfHits(postings.findSince(queries[i] as WeightedTerms, mark));
        const all = [...sinceMark, ...(near[i] as Known[])];
        const found = await judgeOne(item, own, all);
        gatherAll(found, all);
        const { told, lead: _lead, ...one } = found;
        judged.push(one);
        if (one.decision.joins === null) {
          const { number, ordinal } = item;
          postings.addEntry(ordinal, entries[i] as WeightedTerms);
          postings.keep(ordinal);
          statistics.addGrams(item.hashes, mix, told?.terms);
          const { incident } = one.decision;
          remember({
            ...{ number, ordinal, facts: own, open: true, gone: false, incident, lead: leadOf(incident, all) },
            ...{ confidential: one.confidential, undone: [], knownAt: performance.now() },
          });
        }
      }
      return judged;
    },
    async compare(item) {
      const facts = factsOf(item, statistics, mix, parts.topics);
      const [near = []] = await nearOf([postings.queryOf(facts)]);
      const { told: _told, lead: _lead, ...judged } = await judgeOne(item, facts, near);
      return judged;
    },
    async adopt(ordinal) {
      for (const row of await parts.candidates.load([ordinal])) {
        const one = knownOf(row);
        await enterOnce(one);
        postings.keep(ordinal);
        remember(one);
      }
    },
    async enter(row) {
      if (known.has(row.ordinal)) return false;
      const one = knownOf(row);
      const entered = await enterOnce(one);
      if (entered) statistics.add(one.facts.terms);
      return entered;
    },
    drop(number) {
      for (const [ordinal, one] of known) if (one.number === number) known.delete(ordinal);
    },
    async missed(row, before) {
      const own = knownOf(row);
      const { number, facts, confidential } = own;
      const [near = []] = await nearOf([postings.queryOf(facts)]);
      await refreshed(near);
      const others = near.filter(one => one.ordinal !== row.ordinal);
      // Which of two joins the other is not said yet.
      const alike = candidatesOf(others, number).filter(one => one.confidential === confidential);
      const { joins } = decide({ number, facts, confidential }, alike, parts.policy);
      const incident = (known.get(row.ordinal) ?? own).incident;
      // A ticket that joined an incident stays in it; one that an incident is named after brings all of that incident along.
      if (joins !== null || (incident !== null && incident !== number)) return { joins, incident: null };
      const strange = candidatesOf(others, number).filter(one => before(one.number) && one.incident !== number);
      return { joins, incident: await missedIncident({ number, facts, confidential }, strange) };
    },
    async forget(pairs) {
      for (const { ordinal } of pairs) known.delete(ordinal);
      await postings.forget(pairs);
    },
    moved(numbers) {
      for (const one of known.values()) if (numbers.has(one.number)) one.knownAt = Number.NEGATIVE_INFINITY;
    },
    tidy: () => postings.tidy(),
    settled: () => postings.settled(),
  };
}

function knownOf(row: CandidateRow): Known {
  return {
    number: row.number,
    ordinal: row.ordinal,
    facts: decodeFacts(row.facts),
    open: row.state !== 'closed' && row.state !== 'refused',
    gone: row.state === 'joined',
    confidential: row.confidential,
    incident: row.incident,
    lead: row.incidentOrdinal,
    undone: row.notSame ?? [],
    knownAt: performance.now(),
  };
}

function candidatesOf(near: readonly Known[], number: string): readonly Known[] {
  return near.filter(one => !one.gone && !one.undone.includes(number));
}
