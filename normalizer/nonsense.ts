// Texts nobody meant: keyboard mashing, filler, one thing repeated; told from pinyin, English and other languages.
import { CYRILLIC, DIGIT, HAN, HANGUL, KANA, LATIN, OTHER_LETTER } from './characters.ts';
import { hitsOf, type Reading } from './reading.ts';

/** A pinyin syllable; longest finals first so that a greedy reading rarely has to go back. */
const SYLLABLE =
  /^(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?(?:iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|ai|ei|ui|ao|ou|iu|ie|ue|ve|er|an|en|in|un|vn|ia|ua|uo|a|o|e|i|u|v)[1-5]?/;
const LONGEST_TOKEN = 30;
const MOST_TOKENS = 60;

function isPinyin(token: string): boolean {
  let rest = token.slice(0, LONGEST_TOKEN);
  while (rest !== '') {
    const match = SYLLABLE.exec(rest);
    if (match === null) return false;
    // `xian` before `g`: give the last letter back rather than fail.
    const next = rest.slice(match[0].length);
    rest = next !== '' && !SYLLABLE.test(next) && /[ngr]$/.test(match[0]) ? match[0].slice(-1) + next : next;
    if (rest.length >= token.length) return false;
  }
  return true;
}

function latinTokens(text: string): string[] {
  return (
    text
      .slice(0, 4000)
      .toLowerCase()
      .match(/[a-z]{1,60}[1-5]?/g)
      ?.slice(0, MOST_TOKENS) ?? []
  );
}

function readLatin(reading: Reading): 'en' | 'zh-Latn' | 'und' {
  const tokens = latinTokens(reading.text);
  if (tokens.length === 0) return 'und';
  const english = tokens.filter(token => reading.rulebook.english.has(token)).length;
  const pinyin = tokens.filter(isPinyin).length;
  const enough = tokens.length > 2 || tokens.join('').length > 4;
  // A few English words (`me`, `you`, `she`) are syllables of pinyin, too.
  if (pinyin >= tokens.length * 0.8 && english < tokens.length * 0.4 && enough) return 'zh-Latn';
  return english >= Math.max(1, tokens.length * 0.15) ? 'en' : 'und';
}

/** BCP 47 tag of the language, by the scripts it is written in; `und` where nothing can be told. */
export function readLanguage(reading: Reading): string {
  const { scripts } = reading;
  const han = scripts[HAN]!;
  const kana = scripts[KANA]!;
  const hangul = scripts[HANGUL]!;
  const latin = scripts[LATIN]!;
  const other = scripts[CYRILLIC]! + scripts[OTHER_LETTER]!;
  if (hangul > 0 && hangul >= han) return 'ko';
  if (kana > 1 && kana * 3 >= han) return 'ja';
  if (han > 0 && han * 4 >= latin + other) return 'zh';
  if (other > latin && other > han) return scripts[CYRILLIC]! * 2 > other ? 'ru' : 'und';
  return latin > 0 ? readLatin(reading) : 'und';
}

const LONGEST_UNIT = 6;
const LEAST_REPEATED = 8;
/** So much of a text is looked at. */
const SAMPLE = 300;

/** True for letters, digits and pictures; not for white space and punctuation. */
function isMark(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 0x80) return (code > 47 && code < 58) || (code > 64 && code < 91) || (code > 96 && code < 123);
  const isPunctuation = code < 0xa1 || (code >= 0x2000 && code <= 0x206f) || (code >= 0x3000 && code <= 0x3020);
  return !isPunctuation && !'，！？：；（）'.includes(text.charAt(at));
}

/** Whether a text is made of fewer than `most` different marks; most texts are told by their first few characters. */
function hasFewMarks(text: string, most: number): boolean {
  const seen = new Set<number>();
  const end = Math.min(text.length, SAMPLE);
  for (let at = 0; at < end && seen.size < most; at++) if (isMark(text, at)) seen.add(text.charCodeAt(at));
  return seen.size < most;
}

/** A short unit over and over: `测试测试测试测试`. */
function isRepeating(text: string): boolean {
  let plain = '';
  for (let at = 0; at < Math.min(text.length, SAMPLE); at++) if (isMark(text, at)) plain += text.charAt(at);
  if (plain.length < LEAST_REPEATED) return false;
  for (let unit = 1; unit <= LONGEST_UNIT && unit * 3 <= plain.length; unit++) {
    const repeated = plain.slice(0, unit).repeat(Math.ceil(plain.length / unit));
    if (plain === repeated.slice(0, plain.length)) return true;
  }
  return false;
}

/** Fewer sounds than this may be an answer (`好啊`). */
const FEWEST_FILLERS = 4;

/** Nothing but sounds: `嗯嗯嗯 啊 哦哦`. */
function isFiller(text: string, fillers: string): boolean {
  const end = Math.min(text.length, SAMPLE);
  for (let at = 0; at < end; at++) if (isMark(text, at) && !fillers.includes(text.charAt(at))) return false;
  return true;
}

/** Why a text is nonsense, as the words to show; null when it may mean something. */
export function findNonsense(reading: Reading, language: string): readonly string[] | null {
  const text = reading.text.slice(reading.contentAt);
  const { repetition } = reading.rulebook.rules.triage;
  const { scripts } = reading;
  const letters = scripts[HAN]! + scripts[LATIN]! + scripts[HANGUL]! + scripts[KANA]! + scripts[OTHER_LETTER]!;
  const sample = text.slice(0, 20);
  if (text === '') return null;
  if (hasFewMarks(text, LONGEST_UNIT + 1) && isRepeating(text)) return [sample];
  const counted = letters + scripts[DIGIT]!;
  if (counted >= repetition.length && hasFewMarks(text, repetition.distinct)) return [sample];
  if (letters >= FEWEST_FILLERS && isFiller(text, reading.rulebook.rules.text.fillers)) return [sample];
  const mashing = hitsOf(reading, 'spam').filter(({ item }) => item.of === 'mashing');
  if (mashing.length > 0 && scripts[HAN]! < 10)
    return mashing.slice(0, 3).map(hit => reading.text.slice(hit.start, hit.end));
  if (scripts[HAN]! === 0 && language === 'und' && scripts[LATIN]! >= 4 && scripts[CYRILLIC]! === 0) return [sample];
  if (letters + scripts[CYRILLIC]! === 0) return [sample];
  return null;
}
