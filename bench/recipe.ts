// Makes appeals that differ like real ones: our own grammar (recipe.yaml) over streets, estates, villages and subjects.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { type Random, seeded } from './random.ts';

/** One made-up appeal. `again` says that it tells an earlier one's matter anew: by the same person, or by another. */
export interface MadeAppeal {
  readonly title: string;
  readonly content: string;
  readonly name: string;
  readonly phone: string;
  readonly category: string;
  readonly again: 'no' | 'same-person' | 'other-person';
}

export interface Recipe {
  /** The same seed and index give the same appeal; any index can be made alone. */
  appeal(seed: number, index: number): MadeAppeal;
  /** The matter of an earlier appeal that was not told again itself, in the words that belong to `index`. */
  again(seed: number, earlier: number, index: number, by: 'same-person' | 'other-person'): MadeAppeal;
  /** Figures of the grammar for the report. */
  facts(): Readonly<Record<string, number>>;
}

/** Shares of appeals that come back to an earlier matter, and among how many of the first ones that is looked for. */
export interface RecipeShares {
  readonly samePerson: number;
  readonly otherPerson: number;
  readonly among?: number;
}

const SHARES: RecipeShares = { samePerson: 0.03, otherPerson: 0.04, among: 150_000 };

interface Words {
  readonly names: {
    readonly surnames: string;
    readonly given: string;
    readonly roads: string;
    readonly roadKinds: readonly string[];
    readonly estates: string;
    readonly estateKinds: readonly string[];
    readonly villages: string;
    readonly schools: readonly string[];
    readonly shops: readonly string[];
    readonly companies: readonly string[];
    readonly divisions: readonly string[];
  };
  readonly openings: readonly string[];
  readonly wheres: readonly string[];
  readonly histories: readonly string[];
  readonly effects: readonly string[];
  readonly asides: readonly string[];
  readonly demands: readonly string[];
  readonly noise: readonly string[];
  readonly subjects: readonly {
    readonly titles: readonly string[];
    readonly category: string;
    readonly sentences: readonly string[];
  }[];
}

type Piece = string | { readonly slot: string } | { readonly choices: readonly Template[] };
type Template = readonly Piece[];
type Slots = Readonly<Record<string, (random: Random) => string>>;

/** Compiles `text [a|b{slot}] {slot}`; brackets may nest. */
function compile(source: string): Template {
  let at = 0;
  const sequence = (inside: boolean): Template => {
    const pieces: Piece[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') pieces.push(text);
      text = '';
    };
    for (; at < source.length; at++) {
      const sign = source[at];
      if (sign === '[') {
        flush();
        pieces.push(alternatives());
      } else if (sign === '{') {
        flush();
        const end = source.indexOf('}', at);
        pieces.push({ slot: source.slice(at + 1, end) });
        at = end;
      } else if (inside && (sign === '|' || sign === ']')) break;
      else text += sign;
    }
    flush();
    return pieces;
  };
  const alternatives = (): Piece => {
    const choices: Template[] = [];
    do {
      at++;
      choices.push(sequence(true));
    } while (source[at] === '|');
    if (source[at] !== ']') throw new Error(`bracket not closed in the recipe: ${source}`);
    return { choices };
  };
  return sequence(false);
}

function render(template: Template, slots: Slots, random: Random): string {
  let out = '';
  for (const piece of template) {
    if (typeof piece === 'string') out += piece;
    else if ('choices' in piece) out += render(random.pick(piece.choices), slots, random);
    else {
      const fill = slots[piece.slot];
      if (fill === undefined) throw new Error(`unknown slot in the recipe: ${piece.slot}`);
      out += fill(random);
    }
  }
  return out;
}

/** How many different texts a template can give, slots counted as one each. */
function variety(template: Template): number {
  let product = 1;
  for (const piece of template)
    if (typeof piece === 'object' && 'choices' in piece)
      product *= piece.choices.reduce((sum, choice) => sum + variety(choice), 0);
  return product;
}

const pairs = (text: string): readonly string[] => text.match(/../gu) ?? [];

/** What stays the same when a matter is told again. */
interface Matter {
  readonly subject: number;
  readonly street: string;
  readonly street2: string;
  readonly estate: string;
  readonly village: string;
  readonly division: string;
  readonly building: string;
  readonly shop: string;
  readonly company: string;
  readonly school: string;
  readonly bus: string;
  readonly where: number;
}

function makeMatter(words: Words, random: Random): Matter {
  const { names } = words;
  const roads = pairs(names.roads);
  const estates = pairs(names.estates);
  const street = (): string => {
    const stem = random.pick(roads);
    return `${random.chance(0.3) ? stem.slice(0, 1) + random.pick(roads).slice(1) : stem}${random.pick(names.roadKinds)}`;
  };
  const estate = `${random.pick(estates)}${random.chance(0.5) ? random.pick(estates) : ''}${random.pick(names.estateKinds)}`;
  return {
    subject: random.below(words.subjects.length),
    street: street(),
    street2: street(),
    estate,
    village: `${random.pick(pairs(names.villages))}${random.pick(['村', '屯', '村', '镇'])}`,
    division: random.pick(names.divisions),
    building: String(1 + random.below(38)),
    shop: `${random.pick(estates)}${random.pick(names.shops)}`,
    company: `${random.pick(estates)}${random.pick(names.companies)}`,
    school: `${random.chance(0.5) ? '市' : random.pick(names.divisions)}${random.pick(names.schools)}`,
    bus: String(1 + random.below(38)),
    where: random.below(words.wheres.length),
  };
}

function slotsOf(matter: Matter, names: Words['names']): Slots {
  const number = (from: number, to: number) => (random: Random) => String(from + random.below(to - from + 1));
  const surnames = [...names.surnames];
  const fixed = Object.fromEntries(Object.entries(matter).map(([name, value]) => [name, (): string => String(value)]));
  return {
    ...fixed,
    no: number(2, 480),
    unit: number(1, 6),
    room: random => `${1 + random.below(24)}0${1 + random.below(4)}室`,
    days: number(3, 90),
    few: random => random.pick(['两', '三', '四', '五', '六', '七', '八']),
    clock: number(1, 11),
    month: number(1, 12),
    day: number(1, 28),
    cold: number(9, 17),
    age: number(48, 86),
    amount: random => String((1 + random.below(99)) * random.pick([10, 100, 100, 1000])),
    plate: random => `${random.pick([...'ABCDEHJK'])}${1000 + random.below(9000)}`,
    surname: random => random.pick(surnames),
  };
}

/** Lengths of real appeals spread over two orders of magnitude; this is the wished number of characters. */
function wishedLength(random: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Math.max(40, Math.min(2400, Math.exp(5.55 + 0.58 * normal)));
}

/** Reads and compiles the grammar. */
export function openRecipe(shares: RecipeShares = SHARES): Recipe {
  const words = parse(readFileSync(new URL('./recipe.yaml', import.meta.url), 'utf8')) as Words;
  const compiled = (list: readonly string[]): readonly Template[] => list.map(compile);
  const general = {
    openings: compiled(words.openings),
    wheres: compiled(words.wheres),
    histories: compiled(words.histories),
    effects: compiled(words.effects),
    asides: compiled(words.asides),
    demands: compiled(words.demands),
    noise: compiled(words.noise),
  };
  const subjects = words.subjects.map(subject => ({
    category: subject.category,
    titles: compiled(subject.titles),
    sentences: compiled(subject.sentences),
  }));
  const given = [...words.names.given];
  const surnames = [...words.names.surnames];

  const person = (random: Random): { name: string; phone: string } => ({
    name: `${random.pick(surnames)}${random.pick(given)}${random.chance(0.6) ? random.pick(given) : ''}`,
    phone: `1${random.pick(['3', '5', '7', '8'])}${String(random.below(1_000_000_000)).padStart(9, '0')}`,
  });

  const tell = (matter: Matter, random: Random): { title: string; content: string; category: string } => {
    const subject = subjects[matter.subject]!;
    const slots = slotsOf(matter, words.names);
    const say = (template: Template): string => render(template, slots, random);
    const wished = wishedLength(random);
    let content = say(random.pick(general.openings)) + say(general.wheres[matter.where]!);
    const left = [...subject.sentences];
    const used = new Set<Template>();
    const extra = [general.histories, general.effects, general.asides];
    for (let turn = 0; content.length < wished && turn < 60; turn++) {
      const own = left.length > 0 && (turn < 2 || random.chance(0.45));
      const next = own ? left.splice(random.below(left.length), 1)[0]! : random.pick(random.pick(extra));
      if (used.has(next)) continue;
      used.add(next);
      content += say(next);
      if (random.chance(0.04)) content += say(random.pick(general.noise));
    }
    content += say(random.pick(general.demands));
    if (random.chance(0.15)) content = content.replaceAll('，', ' ');
    return { title: say(random.pick(subject.titles)), content, category: subject.category };
  };

  const matterAt = (seed: number, index: number): Matter => makeMatter(words, seeded(seed, index * 2));

  return {
    appeal(seed, index) {
      const random = seeded(seed, index * 2 + 1);
      const self = person(random);
      const draw = random.next();
      const earlier = random.below(Math.max(1, Math.min(index, shares.among ?? index)));
      const same = index > 0 && draw < shares.samePerson;
      const other = index > 0 && !same && draw < shares.samePerson + shares.otherPerson;
      const told = tell(matterAt(seed, same || other ? earlier : index), random);
      const who = same ? person(seeded(seed, earlier * 2 + 1)) : self;
      return { ...told, ...who, again: same ? 'same-person' : other ? 'other-person' : 'no' };
    },
    again(seed, earlier, index, by) {
      const random = seeded(seed, index * 2 + 1);
      const self = person(random);
      const who = by === 'same-person' ? person(seeded(seed, earlier * 2 + 1)) : self;
      return { ...tell(matterAt(seed, earlier), random), ...who, again: by };
    },
    facts: () => ({
      subjects: subjects.length,
      sentences: [...subjects.flatMap(subject => subject.sentences), ...Object.values(general).flat()].length,
      wordings: [...subjects.flatMap(subject => subject.sentences), ...Object.values(general).flat()].reduce(
        (sum, template) => sum + variety(template),
        0,
      ),
      streets: pairs(words.names.roads).length * (1 + pairs(words.names.roads).length) * words.names.roadKinds.length,
      estates: pairs(words.names.estates).length ** 2 * words.names.estateKinds.length,
    }),
  };
}
