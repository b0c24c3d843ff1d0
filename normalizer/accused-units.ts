// Whether a unit that might handle an appeal is what the appeal is about: named behind the word that accuses, or wrong is said of it.
import type { Rules } from './rule-data.ts';

/** A unit that is suggested somewhere, with all names people call it by. */
export interface KnownUnit {
  readonly unit: string;
  readonly names: readonly string[];
  /** Who is suggested in its place where it is accused; null: nobody. */
  readonly superior: string | null;
}

export interface KnownUnits {
  readonly byUnit: ReadonlyMap<string, KnownUnit>;
  readonly superior: string | null;
  /** Ends with the name of a division: 集安市公安局 is not the city's. */
  readonly ofDivision: RegExp;
}

/** What is said of whom. */
export interface Said {
  readonly text: string;
  readonly subject: string | null;
}

const NEAR = 14;
const MOST_PLACES = 20;
/** 举报市公安局; not 举报到市公安局, 向市公安局举报. */
const ACCUSED =
  /(?:举报|控告|检举|投诉|揭发|反映|被举报人|被举报单位|被投诉人|被投诉单位|被告)[:： ]?[^。！？；，,;!?\n到向给让找去请由求望]{0,6}$/u;
/** It is asked for something, or did it. */
const ASKED = /(?:请|望|求|建议|由|向|到|给|找|让|去|经|交|报|告知|联系|拨打)[^。！？；，,;!?\n]{0,4}$/u;
const ASKED_BEHIND = /查处|调查|彻查|严查|严惩|处理|介入|核查|核实|立案|督促|监管|关注|重视|管管|管一管|管一下|认定/u;
const WRONG =
  /不作为|乱作为|慢作为|不管不问|包庇|受贿|索贿|贪污|腐败|徇私|渎职|失职|滥用|违法(?!建)|违规(?!建)|违纪|弄虚作假|敷衍|推诿|推脱|殴打|打人|辱骂|勾结|保护伞|吃拿卡要|乱收费|乱罚款|暗箱|收钱|收受|挪用|侵占|刁难|作假|造假|泄露/u;
const CLAUSE_END = /[。！？；，,;!?\n]/u;
const ELSEWHERE = /(?:(?<![小社校厂片])区|[县旗省部国乡镇])$/u;

/** All units that the rules suggest, by their names without 市, with the city's, and as `accused` lists them. */
export function knownUnits({ units, region }: Rules): KnownUnits {
  const listed = new Map((units.accused ?? []).map(rule => [rule.unit, rule]));
  const governments = new Map(
    region.divisions.map(({ government, name, aliases = [] }) => [
      government,
      [government, ...[name, ...aliases].map(own => `${own}政府`), `${name}人民政府`],
    ]),
  );
  const superior = units.superior ?? null;
  const suggested = units.units.flatMap(({ unit, coUnits = [] }) => [unit, ...coUnits]);
  const all = new Set([
    ...suggested,
    ...governments.keys(),
    ...listed.keys(),
    ...(superior === null ? [] : [superior]),
  ]);
  const known = [...all].map((unit): KnownUnit => {
    const rule = listed.get(unit);
    const names = [unit, unit.replace(/^市/u, ''), ...(governments.get(unit) ?? []), ...(rule?.names ?? [])];
    const over = rule?.superior === undefined ? superior : rule.superior;
    return { unit, names: [...new Set(names)], superior: over === unit ? null : over };
  });
  const divisions = region.divisions.flatMap(({ name, aliases = [] }) => [
    name,
    name.replace(/[市区县]$/u, ''),
    ...aliases,
  ]);
  return {
    byUnit: new Map(known.map(one => [one.unit, one])),
    superior,
    ofDivision: new RegExp(`(?:${divisions.join('|')})$`, 'u'),
  };
}

/** Those of the units that the appeal is about. */
export function accusedAmong(units: readonly string[], said: Said, known: KnownUnits): readonly string[] {
  return units.filter(unit => isAccused(known.byUnit.get(unit)?.names ?? [unit], said, known));
}

function isAccused(names: readonly string[], { text, subject }: Said, known: KnownUnits): boolean {
  return names.some(
    name => (subject !== null && standsIn(subject, name, known, () => true)) || standsIn(text, name, known, isBlamed),
  );
}

/** Whether the unit's name, and not that of a unit of another place, stands there in such a way. */
function standsIn(
  text: string,
  name: string,
  { ofDivision }: KnownUnits,
  inSuchAWay: (before: string, after: string) => boolean,
): boolean {
  let places = 0;
  for (let at = text.indexOf(name); at >= 0 && places < MOST_PLACES; at = text.indexOf(name, at + name.length)) {
    places++;
    const before = text.slice(Math.max(0, at - NEAR), at);
    if (ofDivision.test(before) || ELSEWHERE.test(before)) continue;
    if (inSuchAWay(before, text.slice(at + name.length, at + name.length + 2 * NEAR))) return true;
  }
  return false;
}

function isBlamed(before: string, after: string): boolean {
  if (ACCUSED.test(before)) return true;
  if (ASKED.test(before)) return false;
  const clause = after.split(CLAUSE_END, 1)[0] as string;
  const wrong = clause.search(WRONG);
  const asked = clause.search(ASKED_BEHIND);
  return wrong >= 0 && (asked < 0 || wrong < asked);
}
