// Our own written appeals (config/samples) as labelled messages: what should be linked there is trained on with the rest.
import { readFileSync } from 'node:fs';
import { type DemoMessage, samples } from '../cli/demo-samples.ts';
import { incidentOf } from './folds.ts';
import type { LabelledIncident, LabelledMessage, LabelledPair } from './labelled-files.ts';
import { examplesOf, foundExamples, type LabelledExample, readSet } from './pairs.ts';
import { readAll, type StreamRules } from './stream.ts';
import { TELLING_PREFIX, tellings } from './tellings.ts';

/** Samples that belong together are few, and look like our own city's messages; twins are many. */
const SAMPLE_WEIGHT = 5;
const TWIN_WEIGHT = 0.7;
/** Of written tellings, and of what the index finds beside them. */
const TELLING_WEIGHT = 0.4;
const FOUND_TELLING_WEIGHT = 0.05;
const TWIN_PREFIX = 'written-';

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
function sampleSet(samples: readonly DemoMessage[]): SampleSet {
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

const TWINS = new URL('../../config/samples/written-twins.json', import.meta.url);
const TWINS_START = Date.parse('2025-11-20T08:00:00+08:00');
const HOUR = 3_600_000;

interface WrittenTwins {
  readonly places: Readonly<Record<string, readonly string[]>>;
  /** Sentences added where a complaint is told again. */
  readonly again: readonly string[];
  readonly templates: readonly (readonly [kind: string, title: string, content: string])[];
}

/** Complaints about one place after the other, of which no two belong together; every other one is told again some days
 *  later, by its sender or by somebody else. */
function writtenTwins(): SampleSet {
  const { places, again, templates } = JSON.parse(readFileSync(TWINS, 'utf8')) as WrittenTwins;
  const messages: LabelledMessage[] = [];
  const incidents: LabelledIncident[] = [];
  templates.forEach(([kind, title, content], at) => {
    (places[kind] as readonly string[]).forEach((place, which) => {
      const id = `${TWIN_PREFIX}${at}-${which}`;
      const requester = which % 3 === 0 ? `written-${place}` : id;
      const time = TWINS_START + (at * 10 + which) * HOUR;
      const said = { title: title.replace('@', place), content: content.replace('@', place), incident: null };
      messages.push({ id, time, requester, ...said });
      if ((at + which) % 2 === 1) return;
      const more = again[(at + which) % again.length] as string;
      const later = {
        id: `${id}-again`,
        time: time + (3 + at) * 24 * HOUR,
        requester: at % 2 === 0 ? requester : `${id}-other`,
      };
      messages.push({ ...said, ...later, content: said.content + more });
      incidents.push({ id, members: [id, later.id] });
    });
  });
  return { messages, incidents };
}

/** Examples of what we wrote: every two that belong together, those about one place that do not, and what else the index
 *  found for each. */
export async function sampleExamples(rules: StreamRules): Promise<readonly LabelledExample[]> {
  const [appeals, twins, told] = [sampleSet(samples()), writtenTwins(), tellings()];
  const incidents = [...appeals.incidents, ...twins.incidents, ...told.incidents];
  const messages = [...appeals.messages, ...twins.messages, ...told.messages];
  const together = [...appeals.incidents, ...twins.incidents].flatMap(({ id, members }) =>
    members.flatMap((a, at) =>
      members.slice(at + 1).map((b): LabelledPair => ({ a, b, same: true, kind: 'own', incident: id })),
    ),
  );
  const all = await examplesIn({ messages, incidents }, [...together, ...told.pairs], rules);
  // The same tellings where hardly a word is known to be common yet, as in a city that has just begun.
  const begun: LabelledExample[] = [];
  for (const pairs of Map.groupBy(told.pairs, ({ a }) => told.placeOf(a)).values()) {
    const ids = new Set(pairs.flatMap(({ a, b }) => [a, b]));
    const here = told.messages.filter(({ id }) => ids.has(id));
    begun.push(...(await examplesIn({ messages: here, incidents: told.incidents }, pairs, rules)));
  }
  return [...all, ...begun].map(example => ({ ...example, weight: weightOf(example) }));
}

async function examplesIn({ messages, incidents }: SampleSet, pairs: readonly LabelledPair[], rules: StreamRules) {
  const ordered = [...messages].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
  const set = await readSet(ordered, await readAll(ordered, rules), rules);
  const together = incidentOf({ messages, incidents });
  // Of what we wrote it is known that nothing else belongs together.
  const all = new Map(ordered.map(({ id }) => [id, together.get(id) ?? id]));
  return [...examplesOf(pairs, set), ...foundExamples(set, pairs, all)];
}

function weightOf({ a, b, same, weight }: LabelledExample): number {
  const told = a.startsWith(TELLING_PREFIX) && b.startsWith(TELLING_PREFIX);
  if (told) return weight === undefined ? TELLING_WEIGHT : FOUND_TELLING_WEIGHT;
  return same && !a.startsWith(TWIN_PREFIX) ? SAMPLE_WEIGHT : TWIN_WEIGHT;
}
