// Schemas of the rule files, bound to their types; a mistake is told with file, path and reason.
import Joi from 'joi';
import {
  type AccusedRule,
  type CategoryRule,
  type ChinaRules,
  type ClauseRule,
  type ClockRule,
  type DeadlineRules,
  type DivisionRule,
  type PersonalRules,
  type PlaceRules,
  type RegionRules,
  RULE_SECTIONS,
  type RulebookData,
  type RuleSection,
  type Rules,
  type TextRules,
  type TownRule,
  type TriageRules,
  type TypeRules,
  type UnitRule,
  type UnitRules,
  type UrgencyRule,
  type UrgencyRules,
  type WeightedWords,
} from './rule-data.ts';
import type { Writable } from './strict.ts';
import { TICKET_TYPES, URGENCIES } from './ticket.ts';

/** One thing wrong in a rule file. */
export interface RuleProblem {
  readonly file: string;
  /** `$.tree[3].children[0].code` */
  readonly path: string;
  readonly zh: string;
  readonly en: string;
}

/** 规则有误: a rulebook that cannot be compiled; carries everything found wrong. */
export class RulebookInvalid extends Error {
  override readonly name = 'RulebookInvalid';
  readonly code = 'rules.invalid';
  readonly problems: readonly RuleProblem[];
  constructor(problems: readonly RuleProblem[]) {
    super(problems.map(problem => `${problem.file} ${problem.path}: ${problem.en}`).join('\n'));
    this.problems = problems;
  }
}

const word = Joi.string().min(1).max(500);
const words = Joi.array().items(word);
const label = Joi.string().min(1).max(60);
const ask = Joi.number().min(0).max(1);
const weight = Joi.number().greater(0).max(10);

const weighted = Joi.object<Writable<WeightedWords>, true>({ weight: weight.required(), words: words.required() });

const text = Joi.object<Writable<TextRules>, true>({
  contentLength: Joi.number().integer().min(1000).max(1_000_000).required(),
  titleLength: Joi.number().integer().min(20).max(1000).required(),
  attachments: Joi.number().integer().min(0).max(1000).required(),
  english: words.required(),
  mashing: words.required(),
  fillers: Joi.string().required(),
});

const types = Joi.object<Writable<TypeRules>, true>({
  ask: ask.required(),
  labels: Joi.object()
    .pattern(label, Joi.string().valid(...TICKET_TYPES))
    .required(),
  words: Joi.object<Writable<TypeRules['words']>, true>({
    咨询: Joi.array().items(weighted).required(),
    求助: Joi.array().items(weighted).required(),
    投诉: Joi.array().items(weighted).required(),
    举报: Joi.array().items(weighted).required(),
    建议: Joi.array().items(weighted).required(),
    表扬: Joi.array().items(weighted).required(),
    其他: Joi.array().items(weighted).required(),
  }).required(),
  fallback: Joi.string()
    .valid(...TICKET_TYPES)
    .required(),
  courtesy: words.required(),
  demands: words.required(),
});

function categoryLevel(digits: number): Joi.ObjectSchema<Writable<CategoryRule>> {
  return Joi.object<Writable<CategoryRule>, true>({
    code: Joi.string()
      .pattern(new RegExp(`^\\d{${digits}}$`))
      .required(),
    label: label.required(),
    aliases: words,
    strong: words,
    words,
    weak: words,
    children: digits < 6 ? Joi.array().items(categoryLevel(digits + 2)) : Joi.array().max(0),
  });
}

const categories = Joi.object<Writable<Rules['categories']>, true>({
  ask: ask.required(),
  threshold: weight.required(),
  shields: words.required(),
  tree: Joi.array().items(categoryLevel(2)).min(1).required(),
});

const emergency = Joi.object<Writable<UrgencyRule>, true>({
  code: Joi.string()
    .pattern(/^[a-z-]+$/)
    .required(),
  label: label.required(),
  words,
  withNow: words,
  evenIfFeared: Joi.boolean(),
  endangers: Joi.boolean(),
  anywhere: Joi.boolean(),
  shortIsNow: Joi.boolean(),
});

const urgency = Joi.object<Writable<UrgencyRules>, true>({
  ask: ask.required(),
  beginning: Joi.number().integer().min(0).required(),
  short: Joi.number().integer().min(0).required(),
  near: Joi.number().integer().min(1).max(200).required(),
  // Rules of before the trained model say nothing of it.
  urgent: Joi.number().min(0).max(1).default(0.5),
  unsure: Joi.number().min(0).max(1).default(0.2),
  plain: Joi.number().integer().min(0).max(1000).required(),
  labels: Joi.object()
    .pattern(label, Joi.string().valid(...URGENCIES))
    .required(),
  emergencies: Joi.array().items(emergency).required(),
  shields: words.required(),
  now: words.required(),
  danger: words.required(),
  notContexts: words.required(),
  signals: words.required(),
  leastSignals: Joi.number().integer().min(1).required(),
  negations: words.required(),
  past: words.required(),
  figurative: words.required(),
  supposed: words.required(),
  habitual: words.required(),
  questions: words.required(),
  complex: words.required(),
});

const clause = Joi.object<Writable<ClauseRule>, true>({
  clause: Joi.string()
    .pattern(/^\d+\.\d+$/)
    .required(),
  sentence: Joi.string().min(4).required(),
  refuse: words.required(),
  hold: words.required(),
  unless: words.required(),
});

const triage = Joi.object<Writable<TriageRules>, true>({
  beginning: Joi.number().integer().min(0).required(),
  short: Joi.number().integer().min(0).required(),
  clauses: Joi.array().items(clause).required(),
  shields: words.required(),
  spam: words.required(),
  confidential: words.required(),
  anonymous: words.required(),
  open: words.required(),
  repetition: Joi.object<Writable<TriageRules['repetition']>, true>({
    length: Joi.number().integer().min(2).required(),
    distinct: Joi.number().integer().min(1).required(),
  }).required(),
});

const clock = Joi.object<Writable<ClockRule>, true>({
  workingDays: Joi.number().integer().min(1).max(365),
  hours: Joi.number().integer().min(1).max(720),
  sameDay: Joi.boolean().valid(true),
  extensions: Joi.number().integer().min(0).max(9),
  article: Joi.string().required(),
}).xor('workingDays', 'hours', 'sameDay');

const deadlines = Joi.object<Writable<DeadlineRules>, true>({
  dispatch: clock.required(),
  return: clock.required(),
  result: Joi.object<Writable<DeadlineRules['result']>, true>({
    一般: clock.required(),
    紧急: clock.required(),
    复杂: clock.required(),
  }).required(),
  extension: Joi.object<Writable<DeadlineRules['extension']>, true>({
    workingDays: Joi.number().integer().min(1).max(365).required(),
    askedDaysBefore: Joi.number().integer().min(0).max(30).required(),
    article: Joi.string().required(),
  }).required(),
});

const units = Joi.object<Writable<UnitRules>, true>({
  units: Joi.array()
    .items(
      Joi.object<Writable<UnitRule>, true>({
        category: Joi.string()
          .pattern(/^(?:\d{2}){1,3}$/)
          .required(),
        unit: label.required(),
        coUnits: words,
        lead: Joi.string().valid('city', 'division').required(),
      }),
    )
    .required(),
  superior: label.allow(null),
  accused: Joi.array().items(
    Joi.object<Writable<AccusedRule>, true>({
      unit: label.required(),
      names: words.required(),
      superior: label.allow(null),
    }),
  ),
  fallback: label.allow(null).required(),
});

const personal = Joi.object<Writable<PersonalRules>, true>({
  nameTriggers: words.required(),
  surnames: words.required(),
  notNames: words.required(),
  nameFollowers: words.required(),
  ownRoles: words.required(),
  ownKin: Joi.object({ of: words.required(), kin: words.required() }).required(),
  wordSurnames: words.required(),
  placeholders: words.required(),
  idKinds: Joi.object().pattern(label, label).required(),
  sexes: Joi.object().pattern(label, label).required(),
});

const places = Joi.object<Writable<PlaceRules>, true>({
  ask: ask.required(),
  roadEndings: words.required(),
  estateEndings: words.required(),
  villageEndings: words.required(),
  divisionEndings: words.required(),
  townEndings: words.required(),
  notDivisions: words.required(),
  notEndings: words.required(),
  stops: Joi.string().required(),
  stopWords: words.required(),
  keep: words.required(),
  notRoads: words.required(),
  notRoadEndings: words.required(),
  notEstates: words.required(),
  notVillages: words.required(),
  scene: words.required(),
  notScene: words.required(),
  whereabouts: words.required(),
  errands: words.required(),
  notSubject: words.required(),
  notPlaces: words.required(),
  houseNumberUnits: words.required(),
});

const china = Joi.object<Writable<ChinaRules>, true>({
  provinces: Joi.array()
    .items(
      Joi.object<Writable<ChinaRules['provinces'][number]>, true>({
        name: label.required(),
        aliases: words,
        cities: words.required(),
      }),
    )
    .required(),
  fullOnly: words.required(),
});

const town = Joi.object<Writable<TownRule>, true>({
  name: label.required(),
  code: Joi.string().pattern(/^\d{9}$/),
  aliases: words,
});

const division = Joi.object<Writable<DivisionRule>, true>({
  code: Joi.string()
    .pattern(/^\d{6}(?:-[a-z]+)?$/)
    .required(),
  name: label.required(),
  aliases: words,
  government: label.required(),
  towns: Joi.array().items(town).required(),
  landmarks: words,
});

const degrees = Joi.number().min(-180).max(180);

const region = Joi.object<Writable<RegionRules>, true>({
  code: Joi.string()
    .pattern(/^\d{6}$/)
    .required(),
  name: label.required(),
  aliases: words.required(),
  province: label.required(),
  provinceAliases: words.required(),
  areaCode: Joi.string()
    .pattern(/^0\d{2,3}$/)
    .required(),
  bounds: Joi.object<Writable<RegionRules['bounds']>, true>({
    west: degrees.required(),
    east: degrees.required(),
    south: degrees.required(),
    north: degrees.required(),
  }).required(),
  divisions: Joi.array().items(division).min(1).required(),
});

const SCHEMAS: Readonly<Record<RuleSection, Joi.ObjectSchema>> = {
  region,
  text,
  types,
  categories,
  urgency,
  triage,
  deadlines,
  units,
  personal,
  places,
  china,
};

/** Reasons in Chinese for what goes wrong with rule files; all else is told in Joi's own words. */
const REASONS_ZH: Readonly<Record<string, string>> = {
  'any.required': '缺少此项',
  'any.only': '不是允许的取值',
  'object.unknown': '没有这一项，请检查拼写',
  'object.base': '应为映射（键: 值）',
  'array.base': '应为列表',
  'string.base': '应为文字',
  'string.empty': '不能为空',
  'string.pattern.base': '格式不对',
  'number.base': '应为数字',
  'object.xor': '只能设其中一项',
  'object.missing': '须设其中一项',
};

function pathOf(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, part) => text + (typeof part === 'number' ? `[${part}]` : `.${part}`), '$');
}

/**
 * Checks every section.
 * @throws RulebookInvalid with all that is wrong, each with file, path and reason.
 */
export function checkRules(data: RulebookData): Rules {
  const problems: RuleProblem[] = [];
  const checked: Partial<Record<RuleSection, unknown>> = {};
  for (const section of RULE_SECTIONS) {
    const { file, data: raw } = data.sections[section];
    const { value, error } = SCHEMAS[section].required().validate(raw, { abortEarly: false, convert: false });
    checked[section] = value;
    for (const detail of error?.details ?? []) {
      const zh = REASONS_ZH[detail.type] ?? '不符合要求';
      problems.push({ file, path: pathOf(detail.path), zh, en: detail.message });
    }
  }
  if (problems.length > 0) throw new RulebookInvalid(problems);
  return checked as unknown as Rules;
}
