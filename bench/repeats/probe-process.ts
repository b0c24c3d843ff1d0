// One store measured in a process of its own, so that its memory is its own: start, then every probe looked up and decided.

import { createJudge, type Judge, type JudgeItem } from '../../gateway/reading/judge.ts';
import { readAll, type StreamRules } from '../../gateway/repeats/stream.ts';
import type { Candidate } from '../../normalizer/facts.ts';
import { gramsOfPhrases } from '../../normalizer/grams.ts';
import { topicModel } from '../../normalizer/topics.ts';
import { POSTINGS_DEFAULTS } from '../../store/postings.ts';
import type { CandidateStore } from '../../store/store.ts';
import { processUse } from '../system.ts';
import { type MessageFiles, messagesOf, type Probe } from './made-messages.ts';
import { BENCH_CIPHER, openPile, shippedRules } from './ticket-pile.ts';

export interface ProbeTask {
  readonly folder: string;
  readonly tickets: number;
  /** Null: the recipe. */
  readonly files: MessageFiles | null;
  readonly warm: number;
  readonly probes: number;
}

export interface ProbeFigures {
  readonly tickets: number;
  /** Opening the index, and tickets read for it. */
  readonly startMs: number;
  readonly startReads: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Share of the probes with a mate for which one was among as many candidates as the product compares; and among 20. */
  readonly found: number;
  readonly found20: number;
  readonly withMate: number;
  /** Resident memory before the index was opened, and at the end. */
  readonly bareMb: number;
  readonly residentMb: number;
}

/** Reads pass through; what the probes themselves would write stays in memory, so that the store can be measured again. */
function untouched(store: CandidateStore): CandidateStore {
  const held = new Map<string, Uint8Array>();
  const key = (segment: string, bucket: number): string => `${segment} ${bucket}`;
  return {
    ...store,
    blocks: async wanted => {
      const kept = await store.blocks(wanted);
      return kept.map((blob, at) => blob ?? held.get(key(wanted[at]?.segment ?? '', wanted[at]?.bucket ?? 0)) ?? null);
    },
    writeBlocks: async (segment, blocks) => {
      for (const { bucket, bytes } of blocks) held.set(key(segment, bucket), bytes);
    },
    publish: async () => undefined,
  };
}

interface Looking {
  readonly judge: Judge;
  candidates(): readonly Candidate[];
}

function openJudge(candidates: CandidateStore, { repeats }: StreamRules, limit: number): Looking {
  let compared: readonly Candidate[] = [];
  const judge = createJudge({
    ...{ candidates: untouched(candidates), cipher: BENCH_CIPHER, policy: repeats.policy },
    ...{ common: gramsOfPhrases(repeats.common), topics: topicModel(repeats.topics) },
    postings: { ...POSTINGS_DEFAULTS, limit },
    compared: (_number, found) => {
      compared = found;
    },
  });
  return { judge, candidates: () => compared };
}

interface Run {
  readonly times: readonly number[];
  readonly found: number;
}

async function run(
  { judge, candidates }: Looking,
  items: readonly JudgeItem[],
  probes: readonly Probe[],
): Promise<Run> {
  const times: number[] = [];
  let found = 0;
  for (const [at, item] of items.entries()) {
    const from = performance.now();
    await judge.judge([item]);
    judge.tidy();
    times.push(performance.now() - from);
    const mates = probes[at]?.mates ?? [];
    if (candidates().some(({ number }) => mates.includes(number))) found++;
  }
  return { times, found };
}

const three = (value: number): number => Math.round(value * 1000) / 1000;

async function measure(task: ProbeTask): Promise<ProbeFigures> {
  const rules = shippedRules();
  const messages = messagesOf(task.files, task.tickets);
  const all = messages.probes(task.probes + task.warm);
  const items = (
    await readAll(
      all.map(({ message }) => message),
      rules,
    )
  ).map((item, n) => ({
    ...item,
    ordinal: task.tickets + n + 1,
  }));
  const store = await openPile(task.folder);
  const memory = () => processUse(process.pid)?.residentMb ?? 0;
  const bareMb = memory();
  const shipped = openJudge(store.candidates, rules, POSTINGS_DEFAULTS.limit);
  const from = performance.now();
  const { tickets: startReads } = await shipped.judge.open();
  const startMs = performance.now() - from;
  const [probes, warm] = [all.slice(0, task.probes), all.slice(task.probes)];
  await run(shipped, items.slice(task.probes), warm);
  const { times, found } = await run(shipped, items.slice(0, task.probes), probes);
  const residentMb = memory();
  const wide = openJudge(store.candidates, rules, 20);
  await wide.judge.open();
  const { found: found20 } = await run(wide, items.slice(0, task.probes), probes);
  await store.close();
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    three(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number);
  const withMate = probes.filter(({ mates }) => mates.length > 0).length;
  return {
    ...{ tickets: task.tickets, startMs: Math.round(startMs), startReads, bareMb, residentMb, withMate },
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) },
    ...{ found: three(found / withMate), found20: three(found20 / withMate) },
  };
}

process.once('message', (task: ProbeTask) => {
  void measure(task).then(figures => {
    process.send?.(figures);
    process.disconnect();
  });
});
