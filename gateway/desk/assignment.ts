// 主办、协办、办理方式: who is to handle a corrected ticket and how, as a clerk says or else as the rules suggest.
import type { ToHandle } from '../../normalizer/handling.ts';
import { cleanLine } from '../../normalizer/text.ts';
import type { Handling } from '../../normalizer/ticket.ts';
import type { Changes, CorrectionRules } from './changes.ts';
import { DeskError } from './desk-error.ts';

/** Names of units are shorter. */
const LONGEST = 60;
const MOST = 20;

/**
 * @param suggested what the rules say of the ticket as it is now
 * @param before as it was handled
 * @throws DeskError where a unit is named that a secret ticket is about
 */
export function assigned(
  rules: Pick<CorrectionRules, 'accused'>,
  {
    suggested,
    before,
    changes,
    of,
  }: {
    readonly suggested: Handling;
    readonly before: Handling;
    readonly changes: Pick<Changes, 'unit' | 'coUnits' | 'method'>;
    readonly of: ToHandle;
  },
): Handling {
  const { by: _by, ...bare } = suggested;
  const handling: Handling = { ...bare, method: changes.method ?? before.method };
  const units = unitsOf(suggested, before, changes);
  if (units === null) return handling;
  const accused = rules.accused(of, units.unit === null ? units.coUnits : [units.unit, ...units.coUnits]);
  const all = [...new Set([...(handling.accused ?? []), ...accused])];
  const named = accused.find(unit => unit === changes.unit?.trim() || changes.coUnits?.includes(unit));
  if (of.secret && named !== undefined) throw new DeskError('desk.unit_accused', { unit: named });
  const may = (unit: string): boolean => !of.secret || !accused.includes(unit);
  return {
    ...handling,
    unit: units.unit !== null && may(units.unit) ? units.unit : null,
    coUnits: units.coUnits.filter(may),
    by: 'clerk',
    ...(all.length > 0 ? { accused: all } : {}),
  };
}

/** null where no clerk has named any, or what one has named is taken back. */
function unitsOf(
  suggested: Handling,
  before: Handling,
  { unit, coUnits }: Pick<Changes, 'unit' | 'coUnits'>,
): Pick<Handling, 'unit' | 'coUnits'> | null {
  const named = before.by === 'clerk' && unit?.trim() !== '';
  if (!named && coUnits === undefined && (unit ?? '').trim() === '') return null;
  const stands = named ? before : suggested;
  const lead = unit === undefined || unit.trim() === '' ? stands.unit : cleanLine(unit, LONGEST);
  const others = (coUnits ?? stands.coUnits)
    .map(one => cleanLine(one, LONGEST))
    .filter(one => one !== '' && one !== lead);
  return { unit: lead, coUnits: [...new Set(others)].slice(0, MOST) };
}
