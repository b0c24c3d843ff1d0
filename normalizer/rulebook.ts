// The city's rules, checked and compiled for reading: once a thread, then shared by every message.
import { type KnownUnits, knownUnits } from './accused-units.ts';
import { compileLexicon, type Family, type Lexicon, type LexiconEntry } from './lexicon.ts';
import type { CategoryRule, ClauseRule, DivisionRule, ModelFile, RulebookData, Rules } from './rule-data.ts';
import { checkRules } from './rule-schema.ts';
import { type TextModel, textModel } from './text-model.ts';
import { checkTextModel } from './text-model-schema.ts';
import { type Category, TICKET_TYPES, type TicketType, URGENCIES } from './ticket.ts';
import { type WorkCalendar, workCalendar } from './work-calendar.ts';

export type { RulebookData } from './rule-data.ts';
export { RulebookInvalid, type RuleProblem } from './rule-schema.ts';

/** What surrounds a word and changes its meaning. */
export type Context =
  | 'now'
  | 'danger'
  | 'negation'
  | 'past'
  | 'figurative'
  | 'supposed'
  | 'habitual'
  | 'question'
  | 'complex';

/** What a word of the lexicon says. */
export type Meaning =
  | { readonly of: 'type'; readonly type: TicketType; readonly weight: number }
  | { readonly of: 'courtesy' | 'demand' | 'shield' | 'signal' | 'spam' | 'mashing' | 'name-trigger' | 'kin' }
  | { readonly of: 'category'; readonly node: number; readonly weight: number }
  | { readonly of: 'emergency'; readonly rule: number; readonly needsNow: boolean }
  | { readonly of: 'context'; readonly context: Context }
  | { readonly of: 'clause'; readonly clause: ClauseRule; readonly role: 'refuse' | 'hold' | 'unless' }
  | { readonly of: 'privacy'; readonly role: 'confidential' | 'anonymous' | 'open' }
  | { readonly of: 'city' }
  | { readonly of: 'division'; readonly division: DivisionRule; readonly surely: boolean }
  | { readonly of: 'town'; readonly division: DivisionRule; readonly town: string }
  | { readonly of: 'outside'; readonly name: string; readonly full: boolean }
  | { readonly of: 'ending'; readonly ending: 'road' | 'estate' | 'village' | 'division' | 'town' };

/** A class of the taxonomy with its way up. */
export interface CategoryNode {
  readonly code: string;
  readonly label: string;
  /** Index of the class above, -1 at the top. */
  readonly parent: number;
  readonly level: 1 | 2 | 3;
  readonly category: Category;
}

/** Compiled rules. Holds no state: safe to share between messages. */
export interface Rulebook {
  readonly rules: Rules;
  readonly lexicon: Lexicon<Meaning>;
  readonly nodes: readonly CategoryNode[];
  /** Null where the rules come without a trained model: then they decide alone. */
  readonly categoryModel: TextModel | null;
  /** Null where the rules come without one: then they alone say of what type a message is, and what is urgent. */
  readonly typeModel: TextModel | null;
  readonly urgencyModel: TextModel | null;
  /** Classes by label and alias, one or several of a name. */
  readonly nodesByLabel: ReadonlyMap<string, readonly number[]>;
  readonly divisionsByCode: ReadonlyMap<string, DivisionRule>;
  readonly units: KnownUnits;
  readonly surnames: ReadonlySet<string>;
  /** What somebody says they are, with what stands between it and a name; global. */
  readonly ownRoles: RegExp;
  /** The same at the end of what stands before a signature. */
  readonly signers: RegExp;
  /** Whoever speaks, at the end of what stands before the word for a relative. */
  readonly speakers: RegExp;
  readonly notNames: ReadonlySet<string>;
  readonly placeholders: ReadonlySet<string>;
  readonly english: ReadonlySet<string>;
  readonly stops: ReadonlySet<string>;
  /** Sentence of a clause by its number. */
  readonly clauses: ReadonlyMap<string, string>;
  readonly calendar: WorkCalendar;
}

type Entries = LexiconEntry<Meaning>[];

/** `(停水|断水)…天` means both; groups may follow each other. */
function alternatives(word: string): readonly string[] {
  const open = word.indexOf('(');
  const close = word.indexOf(')', open);
  if (open < 0 || close < 0) return [word];
  const rest = alternatives(word.slice(close + 1));
  const choices = word.slice(open + 1, close).split('|');
  return choices.flatMap(choice => rest.map(tail => `${word.slice(0, open)}${choice}${tail}`));
}

function add(entries: Entries, family: Family, words: readonly string[] | undefined, item: Meaning): void {
  for (const word of words ?? []) for (const one of alternatives(word)) entries.push({ family, word: one, item });
}

function typeEntries(rules: Rules, entries: Entries): void {
  for (const type of TICKET_TYPES) {
    for (const { weight, words } of rules.types.words[type]) add(entries, 'type', words, { of: 'type', type, weight });
  }
  add(entries, 'type', rules.types.courtesy, { of: 'courtesy' });
  add(entries, 'type', rules.types.demands, { of: 'demand' });
}

const CATEGORY_WEIGHTS = { strong: 3, words: 2, weak: 1 } as const;

function flatten(tree: readonly CategoryRule[], entries: Entries): CategoryNode[] {
  const nodes: CategoryNode[] = [];
  const visit = (rule: CategoryRule, parent: number, level: 1 | 2 | 3): void => {
    const above = parent < 0 ? { codes: [], labels: [] } : nodes[parent]!.category;
    const category = { codes: [...above.codes, rule.code], labels: [...above.labels, rule.label] };
    const node = nodes.push({ code: rule.code, label: rule.label, parent, level, category }) - 1;
    for (const list of ['strong', 'words', 'weak'] as const) {
      add(entries, 'category', rule[list], { of: 'category', node, weight: CATEGORY_WEIGHTS[list] });
    }
    for (const child of rule.children ?? []) visit(child, node, level === 1 ? 2 : 3);
  };
  for (const rule of tree) visit(rule, -1, 1);
  return nodes;
}

function labelIndex(tree: readonly CategoryRule[]): Map<string, number[]> {
  const index = new Map<string, number[]>();
  let node = 0;
  const visit = (rule: CategoryRule): void => {
    for (const name of [rule.label, rule.code, ...(rule.aliases ?? [])]) {
      index.set(name, [...(index.get(name) ?? []), node]);
    }
    node++;
    for (const child of rule.children ?? []) visit(child);
  };
  for (const rule of tree) visit(rule);
  return index;
}

function urgencyEntries(rules: Rules, entries: Entries): void {
  const { urgency } = rules;
  urgency.emergencies.forEach((emergency, rule) => {
    add(entries, 'urgency', emergency.words, { of: 'emergency', rule, needsNow: false });
    add(entries, 'urgency', emergency.withNow, { of: 'emergency', rule, needsNow: true });
  });
  add(entries, 'urgency', urgency.shields, { of: 'shield' });
  const contexts: readonly (readonly [Context, readonly string[]])[] = [
    ['now', urgency.now],
    ['danger', urgency.danger],
    ['negation', urgency.negations],
    ['past', urgency.past],
    ['figurative', urgency.figurative],
    ['supposed', urgency.supposed],
    ['habitual', urgency.habitual],
    ['question', urgency.questions],
    ['complex', urgency.complex],
  ];
  add(entries, 'context', urgency.notContexts, { of: 'shield' });
  add(entries, 'signal', urgency.signals, { of: 'signal' });
  for (const [context, words] of contexts) add(entries, 'context', words, { of: 'context', context });
}

function triageEntries(rules: Rules, entries: Entries): void {
  const { triage } = rules;
  for (const clause of triage.clauses) {
    for (const role of ['refuse', 'hold', 'unless'] as const) {
      add(entries, 'triage', clause[role], { of: 'clause', clause, role });
    }
  }
  add(entries, 'triage', triage.shields, { of: 'shield' });
  add(entries, 'spam', triage.spam, { of: 'spam' });
  add(entries, 'spam', rules.text.mashing, { of: 'mashing' });
  for (const role of ['confidential', 'anonymous', 'open'] as const) {
    add(entries, 'privacy', triage[role], { of: 'privacy', role });
  }
}

function regionEntries(rules: Rules, entries: Entries): void {
  const { region } = rules;
  add(entries, 'place', [region.name, ...region.aliases], { of: 'city' });
  for (const division of region.divisions) {
    add(entries, 'place', [division.name, ...(division.aliases ?? [])], { of: 'division', division, surely: true });
    add(entries, 'place', division.landmarks, { of: 'division', division, surely: false });
    for (const town of division.towns) {
      add(entries, 'place', [town.name, ...(town.aliases ?? [])], { of: 'town', division, town: town.name });
    }
  }
}

/** `沈阳市` and, where it is no everyday word, `沈阳`. */
function outsideEntries(rules: Rules, entries: Entries): void {
  const own = new Set([rules.region.name, ...rules.region.aliases]);
  const ownProvince = new Set([rules.region.province, ...rules.region.provinceAliases]);
  const fullOnly = new Set(rules.china.fullOnly);
  const short = (name: string): string => name.replace(/(?:市|省|地区|盟)$/u, '');
  for (const province of rules.china.provinces) {
    if (!ownProvince.has(province.name)) {
      const item = { of: 'outside', name: province.name, full: true } as const;
      add(entries, 'place', [province.name], item);
      add(entries, 'place', province.aliases, { ...item, full: false });
    } else add(entries, 'place', [province.name], { of: 'shield' });
    for (const city of province.cities) {
      if (own.has(city) || own.has(short(city))) continue;
      add(entries, 'place', [city], { of: 'outside', name: city, full: true });
      const bare = short(city);
      if (bare !== city && bare.length > 1 && !fullOnly.has(bare) && !ownProvince.has(bare)) {
        add(entries, 'place', [bare], { of: 'outside', name: city, full: false });
      }
    }
  }
  add(entries, 'place', rules.places.notPlaces, { of: 'shield' });
}

function placeEntries(rules: Rules, entries: Entries): void {
  regionEntries(rules, entries);
  outsideEntries(rules, entries);
  add(entries, 'ending', rules.places.roadEndings, { of: 'ending', ending: 'road' });
  add(entries, 'ending', rules.places.estateEndings, { of: 'ending', ending: 'estate' });
  add(entries, 'ending', rules.places.villageEndings, { of: 'ending', ending: 'village' });
  add(entries, 'ending', rules.places.divisionEndings, { of: 'ending', ending: 'division' });
  add(entries, 'ending', rules.places.townEndings, { of: 'ending', ending: 'town' });
  add(entries, 'ending', rules.places.notEndings, { of: 'shield' });
  add(entries, 'name', rules.personal.nameTriggers, { of: 'name-trigger' });
  add(entries, 'name', rules.personal.ownKin.kin, { of: 'kin' });
}

/** Any of the words, the longest first. */
function anyOf(words: readonly string[]): string {
  const longest = [...words].sort((a, b) => b.length - a.length);
  return `(?:${longest.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`;
}

function modelFor(from: ModelFile | null, classes: readonly string[]): TextModel | null {
  const checked = checkTextModel(from, new Set(classes));
  return checked === null ? null : textModel(checked);
}

/**
 * Checks and compiles the rules.
 * @throws RulebookInvalid with file, path and reason of everything that is wrong in them.
 */
export function compileRulebook(data: RulebookData): Rulebook {
  const rules = checkRules(data);
  const entries: Entries = [];
  typeEntries(rules, entries);
  const nodes = flatten(rules.categories.tree, entries);
  add(entries, 'category', rules.categories.shields, { of: 'shield' });
  urgencyEntries(rules, entries);
  triageEntries(rules, entries);
  placeEntries(rules, entries);
  return {
    rules,
    lexicon: compileLexicon(entries),
    nodes,
    categoryModel: modelFor(
      data.categoryModel,
      nodes.map(({ code }) => code),
    ),
    typeModel: modelFor(data.typeModel, TICKET_TYPES),
    urgencyModel: modelFor(data.urgencyModel, URGENCIES),
    nodesByLabel: labelIndex(rules.categories.tree),
    divisionsByCode: new Map(rules.region.divisions.map(division => [division.code, division])),
    units: knownUnits(rules),
    surnames: new Set(rules.personal.surnames),
    notNames: new Set(rules.personal.notNames),
    ownRoles: new RegExp(`${anyOf(rules.personal.ownRoles)}(?:代表)?[:：（( 　]{0,2}`, 'gu'),
    signers: new RegExp(
      `(?:${anyOf(rules.personal.ownRoles)}(?:代表)?|此致|敬礼|敬上|呈上)[:：；;，, 　\\n]{0,3}$`,
      'u',
    ),
    speakers: new RegExp(`(?<!被)${anyOf(rules.personal.ownKin.of)}(?:们|家)?[的和与跟及、]?$`, 'u'),
    placeholders: new Set(rules.personal.placeholders.map(word => word.toLowerCase())),
    english: new Set(rules.text.english),
    stops: new Set(rules.places.stops),
    clauses: new Map(rules.triage.clauses.map(({ clause, sentence }) => [clause, sentence])),
    calendar: workCalendar(data.calendar),
  };
}
