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
  /** The message of ticket `index`. */
  ticket(index: number): LabelledMessage;
  /** What is looked up once all tickets are there. */
  probes(count: number): readonly Probe[];
}

/** Real messages, and which of them tell one matter; in the forms of `huisu repeats replay`. */
export interface MessageFiles {
  readonly messages: string;
  readonly incidents: string;
}

/** The grammar, or the files given, for a store of so many tickets, which stand for two years. */
export function messagesOf(files: MessageFiles | null, tickets: number): MadeMessages {
  return files === null ? recipeMessages(tickets) : realMessages(files, tickets);
}

const BEGAN = Date.UTC(2024, 0, 1);
/** All tickets of a store, however many: what is compared by default. */
const SPAN_DAYS = 730;
const DAY_MS = 86_400_000;
const SEED = 1;
/** Stream of the probes' words, apart from those of every ticket. */
const PROBES = 100_000_000;

export const idOf = (index: number): string => `t${index}`;
const timeOf = (index: number, tickets: number): number => BEGAN + Math.floor((index * SPAN_DAYS * DAY_MS) / tickets);
/** Place of the ticket that came so many days before the end. */
const placeBefore = (days: number, tickets: number): number =>
  Math.max(0, tickets - 1 - Math.floor((days / SPAN_DAYS) * tickets));

const LAGS = 'two in three within 30 days, all but one in a hundred within a year';
const LAG_SHARES = [
  { share: 0.64, days: 30 },
  { share: 0.99, days: 365 },
] as const;

function drawnLag(random: Random): number {
  const draw = random.next();
  const [near, year] = LAG_SHARES;
  if (draw < near.share) return random.next() * near.days;
  if (draw < year.share) return near.days * (year.days / near.days) ** random.next();
  return year.days + random.next() * (SPAN_DAYS - year.days);
}

/** From the grammar of bench/recipe.yaml: a third of the probes tells an earlier matter again. */
function recipeMessages(tickets: number): MadeMessages {
  const recipe = openRecipe();
  const made = (index: number, place: number, id: string, told = recipe.appeal(SEED, index)): LabelledMessage => ({
    ...{ id, time: timeOf(place, tickets), title: told.title, content: told.content },
    ...{ requester: told.phone, incident: null },
  });
  const probe = (n: number): Probe => {
    const index = PROBES + n;
    const id = `probe${n}`;
    if (n % 3 !== 0) return { message: made(index, tickets + n, id), mates: [] };
    let earlier = placeBefore(drawnLag(seeded(SEED, index)), tickets);
    while (recipe.appeal(SEED, earlier).again !== 'no') earlier = (earlier + 1) % tickets;
    const told = recipe.again(SEED, earlier, index, n % 2 === 0 ? 'same-person' : 'other-person');
    return { message: made(index, tickets + n, id, told), mates: [idOf(earlier)] };
  };
  return {
    recipe: [
      'tickets: the grammar of bench/recipe.yaml (seed 1); 7 in 100 tell an earlier matter again; all stand for two years',
      `probes: one in three tells an earlier ticket's matter in other words, half of those as the same person: ${LAGS}`,
    ],
    ticket: index => made(index, index, idOf(index)),
    probes: count => Array.from({ length: count }, (_, n) => probe(n)),
  };
}

/** From real messages: they stand among the tickets as they are, all others are made of them. The latest message of each
 *  incident is a probe, its earlier ones lie as far back as they came. */
function realMessages(files: MessageFiles, tickets: number): MadeMessages {
  const all = readMessages(files.messages);
  const incidents = readIncidents(files.incidents, new Set(all.map(({ id }) => id)));
  const latest = latestOf(all, incidents);
  const kept = all.filter(({ id }) => !latest.has(id)).slice(0, tickets);
  const known = all.filter(({ id }) => latest.has(id));
  const places = placesOf(kept, daysBefore(all, latest), tickets);
  const byPlace = new Map(kept.map(message => [places.get(message.id), message]));
  const made = openMixer(all);
  const probe = (n: number): Probe => {
    const time = timeOf(tickets + n, tickets);
    const real = n % 3 === 0 ? known[n / 3] : undefined;
    if (real === undefined) return { message: { ...made(PROBES + n), id: `probe${n}`, time }, mates: [] };
    const { members } = latest.get(real.id) as LabelledIncident;
    const mates = members.map(id => places.get(id)).filter(place => place !== undefined);
    return { message: { ...real, time }, mates: mates.map(idOf) };
  };
  return {
    recipe: [
      `tickets: ${kept.length} real messages as they are; each other one is the first half of a real message and the second half of another,`,
      `  its names replaced (runs of characters of which no pair is in ${COMMON} messages or more), the same name by the same: 3 in 10 by a new name, else by one of ${POOL} in which the n-th is drawn 1/n as often as the first,`,
      '  its numbers by others of equal length; one in ten is of somebody who has written before; all stand for two years',
      `probes: the latest message of each of ${known.length} incidents, whose earlier messages lie as many days back as they came before it (${LAGS}), among others made as the tickets are`,
    ],
    ticket(index) {
      const own = { id: idOf(index), time: timeOf(index, tickets) };
      const real = byPlace.get(index);
      return real === undefined ? { ...made(index), ...own } : { ...real, ...own };
    },
    probes: count => Array.from({ length: count }, (_, n) => probe(n)),
  };
}

/** Days from each earlier message of an incident to its latest. */
function daysBefore(
  all: readonly LabelledMessage[],
  latest: ReadonlyMap<string, LabelledIncident>,
): ReadonlyMap<string, number> {
  const times = new Map(all.map(({ id, time }) => [id, time]));
  const days = new Map<string, number>();
  for (const [last, { members }] of latest) {
    for (const id of members) days.set(id, ((times.get(last) as number) - (times.get(id) as number)) / DAY_MS);
  }
  return days;
}

/** A place of its own for each message: as many days back as it must be, or anywhere. */
function placesOf(
  kept: readonly LabelledMessage[],
  days: ReadonlyMap<string, number>,
  tickets: number,
): ReadonlyMap<string, number> {
  const random = seeded(SEED + 2);
  const taken = new Set<number>();
  const places = new Map<string, number>();
  for (const { id } of kept) {
    let place = placeBefore(days.get(id) ?? random.next() * SPAN_DAYS, tickets);
    while (taken.has(place)) place = (place + tickets - 1) % tickets;
    taken.add(place);
    places.set(id, place);
  }
  return places;
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
const KNOWN_PEOPLE = 10_000;
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
    const requester = random.chance(WRITTEN_BEFORE) ? random.below(KNOWN_PEOPLE) : KNOWN_PEOPLE + index;
    return { title, content: content.join('\n'), requester: `made${requester}`, incident: null };
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
