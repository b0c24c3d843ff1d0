// Any error as what a person at the command line is told: code, exit code, and a sentence in both languages.
import { Misconfigured, PlatformError } from '../adapters/contract.ts';
import { ConfigError, describeProblem } from '../config/errors.ts';
import { RulebookInvalid } from '../normalizer/rulebook.ts';
import { Conflict, KeyError, SealBroken, StoreUnavailable } from '../store/errors.ts';
import { catalogueEntry } from './catalogue.ts';
import { DeskError, EXIT } from './desk/desk-error.ts';
import { QueueUnavailable } from './dispatch/queue.ts';
import { ListenError } from './http/listen-error.ts';
import { type Sentence, sayBoth } from './locale.ts';

/** What went wrong, as it is carried over the socket and shown to a person. */
export interface Failure {
  readonly code: string;
  readonly exit: number;
  readonly sentence: Sentence;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof DeskError) return { code: error.code, exit: error.exit, sentence: error.sentence };
  if (error instanceof ConfigError) return { code: error.code, exit: EXIT.config, sentence: configSentence(error) };
  if (error instanceof KeyError)
    return { code: error.code, exit: EXIT.config, sentence: { zh: error.zh, en: error.en } };
  if (error instanceof ListenError) {
    const { code, host, port } = error;
    const place = sayBoth('error.listen', { host, port });
    return { code, exit: EXIT.unavailable, sentence: joined(place, explained(code)) };
  }
  if (error instanceof QueueUnavailable) {
    const found = `(${error.message})`;
    return { code: error.code, exit: EXIT.config, sentence: joined(explained(error.code), { zh: found, en: found }) };
  }
  if (error instanceof StoreUnavailable && error.code.startsWith('store.folder_'))
    return { code: error.code, exit: EXIT.unavailable, sentence: ownWords(error) };
  if (error instanceof StoreUnavailable) {
    const sentence = explained(error.code);
    const place = error.place === null ? null : { zh: `（${error.place}）`, en: `(${error.place})` };
    return { code: error.code, exit: EXIT.unavailable, sentence: place === null ? sentence : joined(sentence, place) };
  }
  if (error instanceof Conflict || error instanceof SealBroken) {
    return { code: error.code, exit: EXIT.data, sentence: explained(error.code) };
  }
  if (error instanceof RulebookInvalid) return { code: error.code, exit: EXIT.config, sentence: rulesSentence(error) };
  // Its text names the setting and what stands there, and holds no secret.
  if (error instanceof Misconfigured) {
    const text = `${error.field} ${error.message}`;
    return { code: error.code, exit: EXIT.config, sentence: joined(explained(error.code), { zh: text, en: text }) };
  }
  if (error instanceof PlatformError)
    return { code: error.code, exit: EXIT.unavailable, sentence: explained(error.code) };
  return { code: 'gateway.bug', exit: EXIT.bug, sentence: sayBoth('error.bug') };
}

/** Which folder, and what about it, stands only in the error; Chinese and English with a stroke between them. */
function ownWords({ message }: StoreUnavailable): Sentence {
  const [zh = message, en = message] = message.split(' / ');
  return { zh, en };
}

function configSentence(error: ConfigError): Sentence {
  const lines = (language: 'zh' | 'en') =>
    error.problems.map(problem => `  ${describeProblem(problem, language)}`).join('\n');
  return joined(sayBoth('error.config'), { zh: lines('zh'), en: lines('en') }, '\n');
}

function rulesSentence({ code, problems }: RulebookInvalid): Sentence {
  const lines = (language: 'zh' | 'en') =>
    problems.map(problem => `  ${problem.file} ${problem.path}  ${problem[language]}`).join('\n');
  return joined(explained(code), { zh: lines('zh'), en: lines('en') }, '\n');
}

/** Title and advice of the catalogue; the bare code for one it does not know (a third party's adapter). */
function explained(code: string): Sentence {
  const entry = catalogueEntry(code);
  if (entry === null) return sayBoth('error.unnamed', { code });
  return { zh: `${entry.zh.title}。${entry.zh.todo}`, en: `${entry.en.title}. ${entry.en.todo}` };
}

function joined(one: Sentence, other: Sentence, between = ' '): Sentence {
  return { zh: `${one.zh}${between}${other.zh}`, en: `${one.en}${between}${other.en}` };
}
