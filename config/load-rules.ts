// The rule files and the region file as plain data; what they say is checked where it is compiled (normalizer/rulebook.ts).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelFile, RulebookData, RuleSection } from '../normalizer/rule-data.ts';
import type { CalendarYear } from '../normalizer/work-calendar.ts';
import { readJson } from './json-file.ts';
import { readSource } from './source.ts';

/** Rule files of the rules folder; the region file has a path of its own. */
const FILES = [
  'text',
  'types',
  'categories',
  'urgency',
  'triage',
  'deadlines',
  'units',
  'personal',
  'places',
  'china',
] as const satisfies readonly Exclude<RuleSection, 'region'>[];

/** The trained models; a rules folder may be without them. */
export const CATEGORY_MODEL = 'category-model.json';
export const TYPE_MODEL = 'type-model.json';
export const URGENCY_MODEL = 'urgency-model.json';
export const TRAINED_MODELS: readonly string[] = [CATEGORY_MODEL, TYPE_MODEL, URGENCY_MODEL];

export interface RulePaths {
  /** Absolute path of the folder with `types.yaml` and the other rule files. */
  readonly rulesFolder: string;
  /** Absolute path of the region file. */
  readonly regionFile: string;
  /** Years of the work calendar that the settings hold; absent: none. */
  readonly calendar?: readonly CalendarYear[];
}

/**
 * Reads the rule files. The result is plain data and can be sent to another thread; `compileRulebook` checks it.
 * @throws ConfigError when a file is missing, unreadable or no YAML, or a trained model is no JSON.
 */
export function loadRules({ rulesFolder, regionFile, calendar = [] }: RulePaths): RulebookData {
  const read = (file: string) => ({ file, data: readSource(file, {}).values });
  const rest = FILES.map(name => [name, read(join(rulesFolder, `${name}.yaml`))] as const);
  const model = (name: string): ModelFile | null => {
    const file = join(rulesFolder, name);
    return existsSync(file) ? { file, data: readJson(file) } : null;
  };
  return {
    sections: { ...Object.fromEntries(rest), region: read(regionFile) } as RulebookData['sections'],
    categoryModel: model(CATEGORY_MODEL),
    typeModel: model(TYPE_MODEL),
    urgencyModel: model(URGENCY_MODEL),
    calendar,
  };
}
