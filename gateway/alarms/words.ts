// 报警的文字: title, what happened since when, and what to do with which command, in Chinese and English.

import { catalogueEntry } from '../catalogue.ts';
import { type Language, type Sentence, say, sayBoth } from '../locale.ts';
import type { AlarmKind, AlarmValues, Notice } from './alarm.ts';

/** What is to be said about an alarm. */
export interface AlarmWords {
  readonly title: Sentence;
  /** What happened. */
  readonly what: Sentence;
  /** What to do. */
  readonly todo: Sentence;
  /** The command that shows more; null where none does. */
  readonly command: string | null;
}

const COMMANDS: Readonly<Record<AlarmKind, string | null>> = {
  'channel-down': 'huisu channels list',
  'credentials-refused': 'huisu channels list',
  'channel-quiet': 'huisu messages list --channel {on}',
  'unread-old': 'huisu messages list --state unread',
  'undispatched-old': 'huisu case-system try',
  'case-system-down': 'huisu case-system try',
  'queue-down': 'huisu status',
  'dead-letters': 'huisu dead-letters list',
  'disk-low': 'huisu status',
  'intake-paused': 'huisu status',
  expiring: null,
  'settings-refused': 'huisu check',
  'keys-gone': 'huisu keys save FILE',
  'clock-jumped': null,
  'audit-broken': 'huisu audit verify',
  'store-down': 'huisu status',
};

/** Words of one kind about one thing; codes among the values are put into words, times into Shanghai time. */
export function alarmWords(kind: AlarmKind, on: string, values: AlarmValues): AlarmWords {
  const filled = { zh: { on, ...shown(values, 'zh') }, en: { on, ...shown(values, 'en') } };
  const part = (name: 'title' | 'what' | 'todo'): Sentence => ({
    zh: say('zh', `alarm.kind.${kind}.${name}`, filled.zh),
    en: say('en', `alarm.kind.${kind}.${name}`, filled.en),
  });
  const command = COMMANDS[kind];
  return {
    title: part('title'),
    what: ofProcess(part('what'), values['process']),
    todo: part('todo'),
    command: command === null ? null : command.replace('{on}', on),
  };
}

/** Of several processes the one it is about. */
function ofProcess(what: Sentence, process: string | number | undefined): Sentence {
  if (process === undefined) return what;
  const of = sayBoth('alarm.process', { process });
  return { zh: `${what.zh}${of.zh}`, en: `${what.en}${of.en}` };
}

function shown(values: AlarmValues, language: Language): AlarmValues {
  const entries = Object.entries(values).map(([name, value]) => {
    if (name === 'at' && typeof value === 'number') return [name, shanghai(value)];
    if (name === 'process' || typeof value !== 'string') return [name, value];
    return [name, catalogueEntry(value)?.[language].title ?? value];
  });
  return Object.fromEntries(entries);
}

const FORMAT = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short', timeStyle: 'short' });

/** To the minute, as `2026-11-24 09:05`. */
function shanghai(at: number): string {
  return FORMAT.format(at);
}

/** A notice as it is sent: one line for a subject, and a text below it. */
export interface NoticeText {
  readonly subject: Sentence;
  readonly text: Sentence;
  readonly command: string | null;
}

export function noticeText(notice: Notice, name: string): NoticeText {
  const { type, kind } = notice;
  if (kind === null) {
    return {
      subject: sayBoth('alarm.notice.test.subject', { name }),
      text: sayBoth('alarm.notice.test.text', { name, at: shanghai(notice.at) }),
      command: null,
    };
  }
  const { title, what, todo, command } = alarmWords(kind, notice.on, notice.values);
  const part = type.slice('alarm.'.length);
  const values = { name, since: shanghai(notice.since), over: shanghai(notice.over ?? notice.at) };
  const said = (language: Language): { subject: string; text: string } => {
    const subject = sayBoth(`alarm.notice.${part}.subject`, { name, title: title[language] })[language];
    const lines = [what[language], sayBoth(`alarm.notice.${part}.since`, values)[language]];
    if (type !== 'alarm.over') lines.push(todo[language], ...(command === null ? [] : [command]));
    return { subject, text: lines.join('\n') };
  };
  const [zh, en] = [said('zh'), said('en')];
  return {
    subject: { zh: zh.subject, en: en.subject },
    text: { zh: zh.text, en: en.text },
    command: type === 'alarm.over' ? null : command,
  };
}
