// Why the clerk's desk or the command line would not do something: a code, and words in both languages from the locale.
import { type Sentence, sayBoth, type Values } from '../locale.ts';

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
    const sentence = sayBoth(`error.${code}`, values);
    super(sentence.en);
    this.code = code;
    this.exit = exit;
    this.sentence = sentence;
  }
}
