// Our own written appeals (config/samples) as labelled messages: what should be linked there is trained on with the rest.
import { type DemoMessage, samples } from '../cli/demo-samples.ts';
import { incidentOf } from './folds.ts';
import type { LabelledIncident, LabelledMessage, LabelledPair } from './labelled-files.ts';
import { examplesOf, foundExamples, type LabelledExample, readSet } from './pairs.ts';
import { readAll, type StreamRules } from './stream.ts';

/** Samples are few, and are what our own city's messages look like. */
const SAMPLE_WEIGHT = 4;

/** The parts of a sample's body that are read here. */
interface SampleBody {
  readonly timestamp?: string;
  readonly data?: {
    readonly title?: string;
    readonly content?: string;
    readonly contact?: Readonly<Record<string, string>>;
    readonly conversation?: unknown;
  };
}

export interface SampleSet {
  readonly messages: readonly LabelledMessage[];
  readonly incidents: readonly LabelledIncident[];
}

/** Samples that are appeals of their own, in their order, and which of them belong together. */
export function sampleSet(samples: readonly DemoMessage[]): SampleSet {
  const messages = new Map<string, LabelledMessage>();
  const group = new Map<string, string>();
  samples.forEach(({ id, body, expect }, at) => {
    const { timestamp, data } = body as SampleBody;
    if (expect === null || !['ticket', 'repeat'].includes(expect.outcome) || data?.content === undefined) return;
    if (messages.has(id) || data.conversation !== undefined) return;
    const requester = data.contact?.['phone'] ?? data.contact?.['email'] ?? null;
    const time = Date.parse(timestamp ?? '2025-11-17T08:00:00+08:00') + at;
    messages.set(id, { id, time, title: data.title ?? '', content: data.content, requester, incident: null });
    group.set(id, id);
    for (const of of [expect.of, expect.closedRepeatOf, ...(expect.incidentWith ?? [])]) {
      const other = of === undefined ? undefined : group.get(of);
      if (other === undefined) continue;
      const own = group.get(id);
      for (const [member, its] of group) if (its === own) group.set(member, other);
    }
  });
  const sorted = [...messages.values()].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
  return { messages: sorted, incidents: incidentsOf(group) };
}

function incidentsOf(group: ReadonlyMap<string, string>): readonly LabelledIncident[] {
  const members = Map.groupBy(group.keys(), id => group.get(id) as string);
  return [...members].filter(([, ids]) => ids.length > 1).map(([id, ids]) => ({ id, members: ids }));
}

/** Examples of the shipped samples: every two that belong together, and what else the index found for each. */
export async function sampleExamples(rules: StreamRules): Promise<readonly LabelledExample[]> {
  const { messages, incidents } = sampleSet(samples());
  const set = await readSet(messages, await readAll(messages, rules), rules);
  const pairs = incidents.flatMap(({ id, members }) =>
    members.flatMap((a, at) =>
      members.slice(at + 1).map((b): LabelledPair => ({ a, b, same: true, kind: 'own', incident: id })),
    ),
  );
  const found = foundExamples(set, pairs, incidentOf({ messages, incidents }));
  return [...examplesOf(pairs, set), ...found].map(example => ({ ...example, weight: SAMPLE_WEIGHT }));
}
