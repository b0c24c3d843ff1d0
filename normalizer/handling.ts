// Who should handle it and until when, as a suggestion: units by class and place, deadlines by urgency.
import { deadlinesFor } from './deadline.ts';
import type { UnitRule } from './rule-data.ts';
import type { Rulebook } from './rulebook.ts';
import type { Category, Handling, Place, Urgency } from './ticket.ts';

function ruleFor(category: Category | null, rulebook: Rulebook): UnitRule | null {
  const code = category?.codes.at(-1) ?? '';
  let best: UnitRule | null = null;
  for (const rule of rulebook.rules.units.units) {
    if (code.startsWith(rule.category) && rule.category.length > (best?.category.length ?? 0)) best = rule;
  }
  return best;
}

function unitsFor(category: Category | null, place: Place, rulebook: Rulebook) {
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

/** 办理: units, method and clocks, and what is doubtful about the clocks. */
export function suggestHandling(
  category: Category | null,
  place: Place,
  urgency: Urgency,
  receivedAt: number,
  rulebook: Rulebook,
): { readonly handling: Handling; readonly problems: readonly string[] } {
  const { deadlines, problems } = deadlinesFor(urgency, receivedAt, rulebook.rules.deadlines, rulebook.calendar);
  const { unit, coUnits } = unitsFor(category, place, rulebook);
  return { handling: { unit, coUnits, method: '转办', deadlines }, problems };
}
