// Sentences for people in Chinese and English, by key, from the files of gateway/locale.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSource, type Settings } from '../config/source.ts';

export type Language = 'zh' | 'en';
export type Values = Readonly<Record<string, string | number>>;

/** A sentence in both languages. */
export interface Sentence {
  readonly zh: string;
  readonly en: string;
}

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), 'locale');
const loaded = new Map<string, Settings>();

/** A data file of the locale folder, read once. */
export function localeFile(name: string): Settings {
  let found = loaded.get(name);
  if (found === undefined) {
    found = readSource(join(FOLDER, name), {}).values;
    loaded.set(name, found);
  }
  return found;
}

/** The sentence of a key (`start.ready`), its `{names}` filled in. A missing key is a bug and throws. */
export function say(language: Language, key: string, values: Values = {}): string {
  const sentence = lookUp(localeFile(`${language}.yaml`), key);
  if (sentence === null) throw new Error(`no sentence "${key}" in ${language}.yaml`);
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** The same in both languages. */
export function sayBoth(key: string, values: Values = {}): Sentence {
  return { zh: say('zh', key, values), en: say('en', key, values) };
}

/** The sentence of a key in both languages; null where the locale has none. */
export function wordsBoth(key: string): Sentence | null {
  const zh = lookUp(localeFile('zh.yaml'), key);
  const en = lookUp(localeFile('en.yaml'), key);
  return zh === null || en === null ? null : { zh, en };
}

/** The word for a code (`state.held`) where the locale has one, else the code itself. */
export function word(language: Language, group: string, code: string): string {
  return lookUp(localeFile(`${language}.yaml`), `${group}.${code}`) ?? code;
}

function lookUp(file: Settings, key: string): string | null {
  let found: unknown = file;
  for (const part of key.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, part)) return null;
    found = (found as Settings)[part];
  }
  return typeof found === 'string' ? found : null;
}

/** Chinese unless the option or the environment asks for English. */
export function languageOf(option: string | undefined, env: NodeJS.ProcessEnv): Language {
  const wish = option ?? env['HUISU_LANG'] ?? env['LC_ALL'] ?? env['LC_MESSAGES'] ?? env['LANG'] ?? '';
  return /^en/i.test(wish) ? 'en' : 'zh';
}
