// Messages of a file read and decided one after the other by the very code of the reading threads, in memory.
import { createHmac } from 'node:crypto';
import type { InboundAppeal } from '../../adapters/contract.ts';
import type { RepeatRules } from '../../config/load-repeats.ts';
import type { Candidate, Decision, Facts, RepeatPolicy } from '../../normalizer/facts.ts';
import { gramRules, gramsOfPhrases } from '../../normalizer/grams.ts';
import type { RulebookData } from '../../normalizer/rule-data.ts';
import { compileRulebook } from '../../normalizer/rulebook.ts';
import { topicModel } from '../../normalizer/topics.ts';
import { encodeFacts } from '../../store/facts-codec.ts';
import { POSTINGS_DEFAULTS, type PostingsOptions } from '../../store/postings.ts';
import type { CandidateRow, CandidateStore, Segment } from '../../store/store.ts';
import { identityKeysOf } from '../reading/facts-of.ts';
import { createJudge, type JudgeItem } from '../reading/judge.ts';
import { type ReadingRules, readMessage } from '../reading/read-message.ts';
import type { LabelledMessage } from './labelled-files.ts';

export interface StreamRules {
  readonly rulebook: RulebookData;
  readonly repeats: RepeatRules;
}

/** What was read of a message; the same whatever model decides. */
export type ReadOne = Omit<JudgeItem, 'identityKeys'> & {
  readonly identityKeys: readonly string[];
  readonly ms: number;
};

/** What became of one message. */
export interface StreamedMessage {
  readonly message: LabelledMessage;
  readonly facts: Facts;
  readonly decision: Decision;
  /** Earlier tickets, as the index found them, best first. */
  readonly candidates: readonly Candidate[];
  /** Reading and deciding it. */
  readonly ms: number;
}

/** Candidates asked of the index when it is measured; the product compares as many as its settings say. */
export const MEASURED = 20;

/** Keys that hide nothing: what is measured stays in this process. */
const CIPHER = {
  mac: (name: string, ...parts: readonly (string | Uint8Array)[]) => {
    const hmac = createHmac('sha256', `measuring ${name}`);
    for (const part of parts) hmac.update(`${part.length} `).update(part);
    return hmac.digest();
  },
};

/** Reads all messages as their reading threads would. Messages without a draft cannot be measured and are refused. */
export async function readAll(messages: readonly LabelledMessage[], rules: StreamRules): Promise<readonly ReadOne[]> {
  const reading: ReadingRules = {
    rulebook: compileRulebook(rules.rulebook),
    grams: gramRules(rules.repeats.idleCharacters, rules.repeats.phrases),
  };
  const found: ReadOne[] = [];
  for (const [at, message] of messages.entries()) {
    const started = performance.now();
    const arrival = { channel: 'measured', kind: 'measured', receivedAt: message.time, gathered: true };
    const original = { platformId: message.id, sender: null, mediaType: 'text/plain', body: EMPTY, meta: {} };
    const read = await readMessage({ parse: () => appealOf(message) }, {}, [original], arrival, reading);
    if (read.reading.kind !== 'draft' || read.grams === undefined) throw new Error(`${message.id} makes no draft`);
    const { head } = read.reading;
    found.push({
      number: message.id,
      ordinal: at + 1,
      acceptedAt: message.time,
      head,
      identityKeys: identityKeysOf(CIPHER, head),
      hashes: read.grams.hashes,
      counts: read.grams.counts,
      ms: performance.now() - started,
    });
  }
  return found;
}

const EMPTY = new Uint8Array(0);

function appealOf({ title, content, requester }: LabelledMessage): InboundAppeal {
  return {
    kind: 'appeal',
    title,
    content,
    contact: requester === null ? {} : { openid: `measured:${requester}` },
    externalIds: {},
    attachments: [],
  };
}

/**
 * Decides messages in their order.
 * @param policyOf the policy by which a message is decided; one for all, as in the product, or one for each part
 */
export async function stream(
  messages: readonly LabelledMessage[],
  reads: readonly ReadOne[],
  repeats: RepeatRules,
  policyOf: (message: LabelledMessage) => RepeatPolicy,
  postings: PostingsOptions = { ...POSTINGS_DEFAULTS, limit: MEASURED },
): Promise<readonly StreamedMessage[]> {
  const tickets = createTickets();
  let policy = repeats.policy;
  let candidates: readonly Candidate[] = [];
  const judge = createJudge({
    candidates: tickets.store,
    cipher: CIPHER as Parameters<typeof createJudge>[0]['cipher'],
    get policy() {
      return policy;
    },
    common: gramsOfPhrases(repeats.common),
    topics: topicModel(repeats.topics),
    postings,
    compared: (_number, found) => {
      candidates = found;
    },
  });
  await judge.open();
  const streamed: StreamedMessage[] = [];
  for (const [at, message] of messages.entries()) {
    const read = reads[at] as ReadOne;
    policy = policyOf(message);
    const started = performance.now();
    // Whether repeats are recognised is measured, not which of them stay apart.
    const [judged] = await judge.judge([{ ...read, head: { ...read.head, confidential: false } }]);
    const ms = read.ms + performance.now() - started;
    if (judged === undefined) throw new Error(`${message.id} was not decided`);
    const { facts, decision } = judged;
    if (decision.joins === null) tickets.add(read.number, read.ordinal, facts, decision.incident);
    judge.tidy();
    streamed.push({ message, facts, decision, candidates, ms });
  }
  return streamed;
}

/** The store's part of the index, in memory. */
function createTickets() {
  const rows = new Map<number, CandidateRow>();
  const ordinals = new Map<string, number>();
  const blocks = new Map<string, Uint8Array>();
  let segments: Segment[] = [];
  const store: CandidateStore = {
    segments: async () => segments,
    blocks: async wanted => wanted.map(({ segment, bucket }) => blocks.get(`${segment} ${bucket}`) ?? null),
    writeBlocks: async (segment, written) => {
      for (const { bucket, bytes } of written) blocks.set(`${segment} ${bucket}`, bytes);
    },
    publish: async (segment, replaces) => {
      segments = [...segments.filter(({ id }) => !replaces.includes(id)), segment];
    },
    replaceBlocks: async (segment, written) => {
      for (const { bucket, bytes } of written) blocks.set(`${segment} ${bucket}`, bytes);
    },
    statistics: async () => null,
    load: async ordinals => ordinals.map(ordinal => rows.get(ordinal)).filter(row => row !== undefined),
    since: async (after, limit) => [...rows.values()].filter(row => row.ordinal > after).slice(0, limit),
  };
  return {
    store,
    add(number: string, ordinal: number, facts: Facts, incident: string | null): void {
      ordinals.set(number, ordinal);
      const incidentOrdinal = incident === null ? null : (ordinals.get(incident) ?? null);
      const of = { incident, incidentOrdinal, confidential: false };
      rows.set(ordinal, { number, ordinal, facts: encodeFacts(facts), state: 'queued', ...of });
    },
  };
}
