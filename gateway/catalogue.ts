// 错误代码: every code a person can meet, with its words and what to do; behind /problems, the command line and docs/errors.md.
import { CAUSES } from './dispatch/causes.ts';
import { localeFile } from './locale.ts';

/** What a code means and what to do about it. */
export interface CatalogueEntry {
  readonly code: string;
  /** Status a sender sees; null for what no HTTP answer carries. */
  readonly status: number | null;
  readonly zh: { readonly title: string; readonly todo: string };
  readonly en: { readonly title: string; readonly todo: string };
}

let entries: ReadonlyMap<string, CatalogueEntry> | undefined;

/** All codes of the gateway itself, by code; adapters explain theirs in their own docs. */
export function catalogue(): ReadonlyMap<string, CatalogueEntry> {
  entries ??= new Map([...ownEntries(), ...causeEntries()]);
  return entries;
}

function* ownEntries(): Iterable<[string, CatalogueEntry]> {
  for (const [code, entry] of Object.entries(localeFile('problems.yaml'))) {
    yield [code, { code, ...(entry as Omit<CatalogueEntry, 'code'>) }];
  }
}

function* causeEntries(): Iterable<[string, CatalogueEntry]> {
  for (const [code, { zh, en, adviceZh, adviceEn }] of Object.entries(CAUSES)) {
    yield [code, { code, status: null, zh: { title: zh, todo: adviceZh }, en: { title: en, todo: adviceEn } }];
  }
}

/** null where the code is unknown. */
export function catalogueEntry(code: string): CatalogueEntry | null {
  return catalogue().get(code) ?? null;
}
