// What the rules make of a corrected ticket; classes and divisions are known by code or by the name that people use.
import { accusedOf, suggestHandling } from '../../normalizer/handling.ts';
import type { Rulebook } from '../../normalizer/rulebook.ts';
import type { Category } from '../../normalizer/ticket.ts';
import type { CorrectionRules } from './changes.ts';
import { DeskError } from './desk-error.ts';

export function correctionRules(rulebook: Rulebook): CorrectionRules {
  return {
    category: named => categoryOf(rulebook, named.trim()),
    division: named => divisionOf(rulebook, named.trim()),
    handling: of => suggestHandling(of, rulebook).handling,
    accused: (of, units) => accusedOf(of, units, rulebook),
  };
}

/** Classes offered in place of one that there is not. */
const OFFERED = 12;

function categoryOf({ nodes }: Rulebook, named: string): Category {
  const found = nodes.filter(({ code, label }) => code === named || label === named);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.category;
  const near = nodes.filter(({ label }) => label.includes(named) || named.includes(label));
  const offered = found.length > 1 ? found : near.length > 0 ? near : nodes.filter(({ level }) => level === 1);
  const like = offered.slice(0, OFFERED).map(({ code, category }) => `${code} ${category.labels.join('/')}`);
  throw new DeskError('desk.no_such_category', { code: named, like: like.join('，') });
}

function divisionOf({ rules }: Rulebook, named: string): { readonly code: string; readonly name: string } {
  const { divisions } = rules.region;
  const found = divisions.find(({ code, name, aliases = [] }) => [code, name, ...aliases].includes(named));
  if (found !== undefined) return { code: found.code, name: found.name };
  const like = divisions.map(({ code, name }) => `${code} ${name}`).join('，');
  throw new DeskError('desk.no_such_division', { code: named, like });
}
