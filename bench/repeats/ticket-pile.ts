// A store of many tickets for the repeats bench: read, weighed and entered into the index by the product's own code.

import { createHash, createHmac } from 'node:crypto';
import { join } from 'node:path';
import { SHIPPED } from '../../config/load.ts';
import { loadRepeats } from '../../config/load-repeats.ts';
import { loadRules } from '../../config/load-rules.ts';
import { openStore } from '../../gateway/engines.ts';
import { factsOf, termMix } from '../../gateway/reading/facts-of.ts';
import { readAll, type StreamRules } from '../../gateway/repeats/stream.ts';
import { gramsOfPhrases } from '../../normalizer/grams.ts';
import { keyedGrams, TermStatistics } from '../../normalizer/terms.ts';
import { topicModel } from '../../normalizer/topics.ts';
import { encodeFacts } from '../../store/facts-codec.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { NOTHING_MORE } from '../../store/nothing-more.ts';
import { Postings } from '../../store/postings.ts';
import type { AcceptRow, CommitRow, Store } from '../../store/store.ts';
import type { MadeMessages } from './made-messages.ts';

/** Keys that hide nothing: all that is measured is made up, or stays on this machine. */
export const BENCH_CIPHER: Pick<FieldCipher, 'mac'> = {
  mac: (name, ...parts) => {
    const hmac = createHmac('sha256', `bench ${name}`);
    for (const part of parts) hmac.update(`${part.length} `).update(part);
    return hmac.digest();
  },
};

export function shippedRules(): StreamRules {
  const rulesFolder = join(SHIPPED, 'rules');
  const regionFile = join(SHIPPED, 'regions', 'tonghua.yaml');
  return { rulebook: loadRules({ rulesFolder, regionFile }), repeats: loadRepeats(rulesFolder) };
}

export async function openPile(folder: string): Promise<Store> {
  const { store } = await openStore({
    ...{ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl', groupCommitMs: 0 },
    onFatal: error => {
      throw error;
    },
  });
  return store;
}

const CHUNK = 512;

/** Makes a store of so many tickets in the folder, without looking anything up. */
export async function fillPile(
  folder: string,
  messages: MadeMessages,
  tickets: number,
  progress: (tickets: number) => void,
): Promise<void> {
  const rules = shippedRules();
  const mix = termMix(BENCH_CIPHER);
  const topics = topicModel(rules.repeats.topics);
  const store = await openPile(folder);
  const statistics = TermStatistics.fresh(gramsOfPhrases(rules.repeats.common), mix);
  const postings = new Postings(store.candidates, () => statistics.toBytes());
  for (let from = 0; from < tickets; from += CHUNK) {
    const many = Math.min(CHUNK, tickets - from);
    const read = await readAll(
      Array.from({ length: many }, (_, n) => messages.ticket(from + n)),
      rules,
    );
    const rows = read.map((one, n) => {
      const facts = factsOf(one, statistics, mix, topics);
      postings.add(from + n + 1, facts);
      statistics.add(keyedGrams({ ...one, ...one.head }, mix));
      return decided(one.number, one.acceptedAt, encodeFacts(facts));
    });
    await store.messages.accept(read.map(({ number, acceptedAt }) => accepted(number, acceptedAt)));
    const answers = await store.decisions.commit(rows, null);
    if (answers.some(answer => answer !== 'committed')) throw new Error('a ticket was not committed');
    postings.tidy();
    await postings.settled();
    progress(from + many);
  }
  await store.close();
}

const EMPTY = new Uint8Array(0);

function accepted(number: string, acceptedAt: number): AcceptRow {
  const key = createHash('sha256').update(number).digest('hex').slice(0, 32);
  return {
    ...{ key, weakKey: null, fingerprint: key, number, channel: 'bench', lane: key.slice(0, 16), shard: 0 },
    ...{ acceptedAt, wrappedContent: EMPTY, sealed: EMPTY, blob: null },
  };
}

function decided(number: string, acceptedAt: number, facts: Uint8Array): CommitRow {
  return {
    ...NOTHING_MORE,
    ...{ number, revision: 0, decidedAt: acceptedAt, outcome: { kind: 'ticket', held: false }, decision: null },
    ticket: {
      ...{ number, state: 'queued', channel: 'bench', type: '投诉', category: null, urgency: '一般', division: null },
      ...{ confidential: false, acceptedAt, closedRepeatOf: null, incident: null, identityKeys: [], facts },
      ...{ wrappedIdentity: EMPTY, born: EMPTY, identity: EMPTY },
    },
  };
}
