// The messages of the repeats bench: tickets without end, and probes of which it is known what earlier ticket they tell again.
import {
  type LabelledIncident,
  type LabelledMessage,
  readIncidents,
  readMessages,
} from '../../gateway/repeats/labelled-files.ts';
import { type Random, seeded } from '../random.ts';
import { openRecipe } from '../recipe.ts';

/** A message that is looked up, with the ids of the earlier tickets of its matter. */
export interface Probe {
  readonly message: LabelledMessage;
  readonly mates: readonly string[];
}

export interface MadeMessages {
  /** How the messages are made, in sentences. */
  readonly recipe: readonly string[];
  /** The message of ticket `index`; the same in a store of any size. */
  ticket(index: number): LabelledMessage;
  /** Probes on a store of so many tickets; all mates are among the first `MATES_WITHIN` of them. */
  probes(tickets: number, count: number): readonly Probe[];
}

/** Real messages, and which of them tell one matter; in the forms of `huisu repeats replay`. */
export interface MessageFiles {
  readonly messages: string;
  readonly incidents: string;
}

/** The grammar, or the files given. */
export function messagesOf(files: MessageFiles | null): MadeMessages {
  return files === null ? recipeMessages() : realMessages(files);
}

/** The smallest store measured, so that the same mates are in all. */
export const MATES_WITHIN = 10_000;
const BEGAN = Date.UTC(2024, 0, 1);
/** A million in two years: as many as are compared by default. */
const BETWEEN_MS = 63_000;
const SEED = 1;
/** Stream of the probes' words, apart from those of every ticket. */
const PROBES = 100_000_000;

export const idOf = (index: number): string => `t${index}`;
const timeOf = (index: number): number => BEGAN + index * BETWEEN_MS;

/** From the grammar of bench/recipe.yaml: a third of the probes tells an earlier matter again. */
function recipeMessages(): MadeMessages {
  const recipe = openRecipe();
  const made = (index: number, time: number, id: string, told = recipe.appeal(SEED, index)): LabelledMessage => ({
    ...{ id, time, title: told.title, content: told.content },
    requester: told.phone,
  });
  return {
    recipe: [
      'tickets: the grammar of bench/recipe.yaml (seed 1); 7 in 100 tell an earlier matter again',
      'probes: one in three tells the matter of one of the first 10,000 tickets in other words, half of those as the same person',
    ],
    ticket: index => made(index, timeOf(index), idOf(index)),
    probes: (tickets, count) =>
      Array.from({ length: count }, (_, n) => {
        const index = PROBES + n;
        const id = `probe${n}`;
        const time = timeOf(tickets + n);
        if (n % 3 !== 0) return { message: made(index, time, id), mates: [] };
        const earlier = tellsItsOwn(recipe, seeded(SEED, index));
        const by = n % 2 === 0 ? 'same-person' : 'other-person';
        const told = recipe.again(SEED, earlier, index, by);
        return { message: made(index, time, id, told), mates: [idOf(earlier)] };
      }),
  };
}

function tellsItsOwn(recipe: ReturnType<typeof openRecipe>, random: Random): number {
  for (;;) {
    const index = random.below(MATES_WITHIN);
    if (recipe.appeal(SEED, index).again === 'no') return index;
  }
}

/** From real messages: they stand as they are among the first 10,000 tickets, all others are made of them. The latest of
 *  each incident is a probe. */
function realMessages(files: MessageFiles): MadeMessages {
  const all = readMessages(files.messages);
  const incidents = readIncidents(files.incidents, new Set(all.map(({ id }) => id)));
  const latest = latestOf(all, incidents);
  const kept = all.filter(({ id }) => !latest.has(id)).slice(0, MATES_WITHIN);
  const places = new Map(kept.map(({ id }, at) => [id, Math.floor((at * MATES_WITHIN) / kept.length)]));
  const byPlace = new Map(kept.map(message => [places.get(message.id), message]));
  const made = openMixer(all);
  const known = all.filter(({ id }) => latest.has(id));
  return {
    recipe: [
      `tickets: ${kept.length} real messages as they are, spread over the first 10,000 tickets; each other one is the first half of a real message and the second half of another,`,
      `  its names replaced (runs of characters of which no pair is in ${COMMON} messages or more), the same name by the same: 3 in 10 by a new name, else by one of ${POOL} in which the n-th is drawn 1/n as often as the first,`,
      '  its numbers by others of equal length; one in ten is of somebody who has written before',
      `probes: the latest message of each of ${known.length} incidents, among others made as the tickets are; mates are the earlier messages of its incident`,
    ],
    ticket(index) {
      const real = byPlace.get(index);
      if (real !== undefined) return { ...real, id: idOf(index), time: timeOf(index) };
      return { ...made(index), id: idOf(index), time: timeOf(index) };
    },
    probes: (tickets, count) =>
      Array.from({ length: count }, (_, n) => {
        const time = timeOf(tickets + n);
        const real = n % 3 === 0 ? known[n / 3] : undefined;
        if (real === undefined) return { message: { ...made(PROBES + n), id: `probe${n}`, time }, mates: [] };
        const mates = (latest.get(real.id) as LabelledIncident).members
          .map(id => places.get(id))
          .filter(place => place !== undefined);
        return { message: { ...real, time }, mates: mates.map(idOf) };
      }),
  };
}

/** The latest member of each incident. */
function latestOf(
  ordered: readonly LabelledMessage[],
  incidents: readonly LabelledIncident[],
): ReadonlyMap<string, LabelledIncident> {
  const place = new Map(ordered.map(({ id }, at) => [id, at]));
  return new Map(
    incidents.map(incident => [
      incident.members.reduce((a, b) => ((place.get(a) as number) > (place.get(b) as number) ? a : b)),
      incident,
    ]),
  );
}

const COMMON = 10;
const POOL = 200_000;
/** Names drawn most often are not drawn more often than the so-manieth. */
const HEAD = 50;
const NEW_NAME = 0.3;
const WRITTEN_BEFORE = 0.1;
const HAN = /\p{Script=Han}+/gu;

function openMixer(all: readonly LabelledMessage[]) {
  const common = commonPairs(all);
  const letters = [...new Set(all.flatMap(({ content }) => namesIn(content, common).flatMap(name => [...name])))];
  const nameOf = (id: number, length: number): string => {
    const random = seeded(SEED + 1, id);
    return Array.from({ length }, () => random.pick(letters)).join('');
  };
  return (index: number): Omit<LabelledMessage, 'id' | 'time'> => {
    const random = seeded(SEED, index);
    const first = random.pick(all);
    const second = random.pick(all);
    const half = Math.floor(second.content.length / 2);
    const text = `${first.title}\n${first.content.slice(0, Math.ceil(first.content.length / 2))}${second.content.slice(half)}`;
    const drawn = (): number =>
      random.chance(NEW_NAME)
        ? POOL + Math.floor(random.next() * 1e9)
        : Math.floor(HEAD * (POOL / HEAD) ** random.next());
    const renamed = new Map(namesIn(text, common).map(name => [name, nameOf(drawn(), name.length)]));
    const said = text
      .replace(HAN, run =>
        parted(run, common)
          .map(part => renamed.get(part) ?? part)
          .join(''),
      )
      .replace(/\d/g, () => String(random.below(10)));
    const [title = '', ...content] = said.split('\n');
    const requester = random.chance(WRITTEN_BEFORE) ? random.below(MATES_WITHIN) : MATES_WITHIN + index;
    return { title, content: content.join('\n'), requester: `made${requester}` };
  };
}

function commonPairs(all: readonly LabelledMessage[]): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { title, content } of all) {
    const own = new Set<string>();
    for (const [run] of `${title}\n${content}`.matchAll(HAN)) {
      for (let at = 0; at + 1 < run.length; at++) own.add(run.slice(at, at + 2));
    }
    for (const pair of own) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return new Set([...counts].filter(([, count]) => count >= COMMON).map(([pair]) => pair));
}

function namesIn(text: string, common: ReadonlySet<string>): string[] {
  return [...text.matchAll(HAN)].flatMap(([run]) => parted(run, common).filter(part => isName(part, common)));
}

const isName = (part: string, common: ReadonlySet<string>): boolean =>
  part.length >= 2 && !common.has(part.slice(0, 2));

/** A run of characters as alternating parts: covered by common pairs, and not. */
function parted(run: string, common: ReadonlySet<string>): string[] {
  const covered = (at: number): boolean => common.has(run.slice(at - 1, at + 1)) || common.has(run.slice(at, at + 2));
  const parts: string[] = [];
  let from = 0;
  for (let at = 1; at <= run.length; at++) {
    if (at < run.length && covered(at) === covered(from)) continue;
    parts.push(run.slice(from, at));
    from = at;
  }
  return parts;
}
