// A stream of messages decided in order of time, and how its automatic links compare with the incidents of a file.
import { bcubedF1, quantile, rounded, share } from './figures.ts';
import { incidentOf } from './folds.ts';
import { bareText, type LabelledIncident, type LabelledMessage, type LabelledPair } from './labelled-files.ts';
import type { StreamedMessage } from './stream.ts';

/** What stands in an incident of the file with an earlier message, or is linked to one. */
interface Tally {
  mates: number;
  r1: number;
  r5: number;
  r20: number;
  right: number;
  wrong: number;
  /** Of the wrong ones: nobody has said whether the two are of one matter. */
  unjudged: number;
  firstsMergedFalsely: number;
}

/** What the files say. */
interface Labelled {
  /** Incident by message. */
  readonly truth: ReadonlyMap<string, string>;
  /** Text of a message, white space aside. */
  readonly bare: ReadonlyMap<string, string>;
  /** Pairs that stand in the file of pairs, either way round. */
  readonly judged: ReadonlySet<string>;
}

/** @param pairs labelled pairs; from them is only taken which links somebody has judged */
export function replayReport(
  streamed: readonly StreamedMessage[],
  messages: readonly LabelledMessage[],
  incidents: readonly LabelledIncident[],
  pairs: readonly LabelledPair[] = [],
) {
  const truth = incidentOf({ messages: messages.map(message => ({ ...message, incident: null })), incidents });
  const tally: Tally = { mates: 0, r1: 0, r5: 0, r20: 0, right: 0, wrong: 0, unjudged: 0, firstsMergedFalsely: 0 };
  const bare = new Map(messages.map(message => [message.id, bareText(message)]));
  const judged = new Set(pairs.flatMap(({ a, b }) => [pairKey(a, b), pairKey(b, a)]));
  const roots = new Map<string, string>();
  const seen = new Set<string>();
  for (const one of streamed) count(one, { truth, bare, judged }, seen, roots, tally);
  return {
    messages: messages.length,
    ...figuresOf(tally),
    bcubedF1: rounded(bcubedF1(roots, truth)),
    p50Ms: rounded(
      quantile(
        streamed.map(one => one.ms),
        0.5,
      ),
    ),
    p99Ms: rounded(
      quantile(
        streamed.map(one => one.ms),
        0.99,
      ),
    ),
  };
}

function count(
  { message: { id }, decision, candidates }: StreamedMessage,
  { truth, bare, judged }: Labelled,
  seen: Set<string>,
  roots: Map<string, string>,
  tally: Tally,
): void {
  const incident = truth.get(id);
  const mated = incident !== undefined && seen.has(incident);
  if (mated) {
    tally.mates += 1;
    const rank = candidates.findIndex(({ number }) => truth.get(number) === incident);
    if (rank === 0) tally.r1 += 1;
    if (rank >= 0 && rank < 5) tally.r5 += 1;
    if (rank >= 0 && rank < 20) tally.r20 += 1;
  }
  if (incident !== undefined) seen.add(incident);
  const link = decision.links.filter(one => one.suggested !== true).sort((a, b) => b.score - a.score)[0];
  roots.set(id, link === undefined ? id : (roots.get(link.of) ?? link.of));
  if (link === undefined) return;
  const right = incident !== undefined && truth.get(link.of) === incident;
  if (right) tally.right += 1;
  else if (bare.get(id) !== bare.get(link.of)) {
    tally.wrong += 1;
    const apart = incident !== undefined && truth.has(link.of);
    if (!apart && !judged.has(pairKey(id, link.of))) tally.unjudged += 1;
    if (incident !== undefined && !mated) tally.firstsMergedFalsely += 1;
  }
}

function pairKey(a: string, b: string): string {
  return JSON.stringify([a, b]);
}

function figuresOf({ mates, r1, r5, r20, right, wrong, unjudged, firstsMergedFalsely }: Tally) {
  return {
    repeats: mates,
    r1: rounded(share(r1, mates)),
    r5: rounded(share(r5, mates)),
    r20: rounded(share(r20, mates)),
    mergedRight: right,
    mergedWrong: wrong,
    mergedUnjudged: unjudged,
    missed: mates - right,
    mergePrecision: rounded(share(right, right + wrong)),
    judgedPrecision: rounded(share(right, right + wrong - unjudged)),
    mergedShare: rounded(share(right, mates)),
    firstsMergedFalsely,
  };
}
