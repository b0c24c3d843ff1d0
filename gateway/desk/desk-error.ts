// Why the clerk's desk or the command line would not do something: a code, and words in both languages from the locale.
import { type Language, type Sentence, say, type Values, word } from '../locale.ts';

/** Exit codes of the command line, after sysexits.h. */
export const EXIT = { ok: 0, usage: 64, data: 65, unavailable: 69, bug: 70, config: 78 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** 办不了: a person asked for something that cannot be done, and is told why. */
export class DeskError extends Error {
  override readonly name = 'DeskError';
  readonly code: string;
  readonly exit: ExitCode;
  readonly sentence: Sentence;
  /** @param code `desk.not_held`; its words stand in the locale under `error.desk.not_held` */
  constructor(code: string, values: Values = {}, exit: ExitCode = EXIT.data) {
    const key = `error.${code}`;
    const sentence = { zh: say('zh', key, inWords('zh', values)), en: say('en', key, inWords('en', values)) };
    super(sentence.en);
    this.code = code;
    this.exit = exit;
    this.sentence = sentence;
  }
}

/** Where something stands is a code elsewhere, and a word to whoever is told why it cannot be done. */
function inWords(language: Language, { state, ...others }: Values): Values {
  if (state === undefined) return others;
  const found = ['ticketState', 'messageState'].map(group => word(language, group, String(state)));
  return { ...others, state: found.find(text => text !== state) ?? state };
}
