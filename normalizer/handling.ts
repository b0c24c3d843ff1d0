// Who should handle it and until when, as a suggestion: units by class and place, none that is accused; deadlines by urgency.
import { accusedAmong } from './accused-units.ts';
import { deadlinesFor } from './deadline.ts';
import type { UnitRule } from './rule-data.ts';
import type { Rulebook } from './rulebook.ts';
import type { Category, Handling, Place, TicketType, Urgency } from './ticket.ts';

/** What of an appeal decides who should handle it. */
export interface ToHandle {
  readonly type: TicketType;
  /** Who is accused must not learn of it: an accusation, or what was asked to be kept secret. */
  readonly secret: boolean;
  readonly category: Category | null;
  readonly place: Place;
  readonly urgency: Urgency;
  /** Title and content. */
  readonly text: string;
  readonly subject: string | null;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

type Units = Pick<Handling, 'unit' | 'coUnits'>;

function ruleFor(category: Category | null, rulebook: Rulebook): UnitRule | null {
  const code = category?.codes.at(-1) ?? '';
  let best: UnitRule | null = null;
  for (const rule of rulebook.rules.units.units) {
    if (code.startsWith(rule.category) && rule.category.length > (best?.category.length ?? 0)) best = rule;
  }
  return best;
}

function unitsFor({ category, place }: ToHandle, rulebook: Rulebook): Units {
  const rule = ruleFor(category, rulebook);
  const government =
    place.division === null ? null : (rulebook.divisionsByCode.get(place.division)?.government ?? null);
  if (rule === null) return { unit: government ?? rulebook.rules.units.fallback, coUnits: [] };
  const coUnits = rule.coUnits ?? [];
  if (government === null) return { unit: rule.unit, coUnits };
  return rule.lead === 'division'
    ? { unit: government, coUnits: [rule.unit, ...coUnits] }
    : { unit: rule.unit, coUnits: [government, ...coUnits] };
}

/** Those of the units that it is about. Only of a complaint, an accusation or a secret somebody may be that. */
export function accusedOf(toHandle: ToHandle, units: readonly string[], rulebook: Rulebook): readonly string[] {
  const { type, secret } = toHandle;
  return secret || type === '投诉' ? accusedAmong(units, toHandle, rulebook.units) : [];
}

/** The same without those who are accused; who stands above an accused lead takes its place, unless accused as well. */
function withoutAccused(
  { unit, coUnits }: Units,
  accused: readonly string[],
  toHandle: ToHandle,
  rulebook: Rulebook,
): Units {
  const others = coUnits.filter(one => !accused.includes(one));
  if (unit === null || !accused.includes(unit)) return { unit, coUnits: others };
  const superior = rulebook.units.byUnit.get(unit)?.superior ?? null;
  const above = superior === null || accusedOf(toHandle, [superior], rulebook).length > 0 ? null : superior;
  return { unit: above, coUnits: others.filter(one => one !== above) };
}

/**
 * 办理: units, method and clocks, and what is doubtful about the clocks. A complaint goes to the unit it is about, which has to mend it, and
 * says so; an accusation and what is to be kept secret do not.
 */
export function suggestHandling(
  toHandle: ToHandle,
  rulebook: Rulebook,
): { readonly handling: Handling; readonly problems: readonly string[] } {
  const { urgency, receivedAt } = toHandle;
  const { deadlines, problems } = deadlinesFor(urgency, receivedAt, rulebook.rules.deadlines, rulebook.calendar);
  const found = unitsFor(toHandle, rulebook);
  const accused = accusedOf(toHandle, found.unit === null ? found.coUnits : [found.unit, ...found.coUnits], rulebook);
  const units = toHandle.secret && accused.length > 0 ? withoutAccused(found, accused, toHandle, rulebook) : found;
  return { handling: { ...units, method: '转办', deadlines, ...(accused.length > 0 ? { accused } : {}) }, problems };
}
