// huisu alarms: what is wrong now and what was lately, with what to do; and a test of the ways by which a person is told.
import { type AlarmKind, type AlarmState, type AlarmValues, FRESH_STATE } from '../alarms/alarm.ts';
import { readState } from '../alarms/keeping.ts';
import { type Trial, tryWays } from '../alarms/ways.ts';
import { alarmWords } from '../alarms/words.ts';
import { EXIT } from '../desk/desk-error.ts';
import { type Sentence, say, word } from '../locale.ts';
import type { Command, CommandContext } from './command.ts';

/** One alarm as it is shown. */
export interface ShownAlarm {
  readonly id: string;
  readonly state: 'on' | 'over';
  readonly kind: AlarmKind;
  readonly on: string;
  readonly since: number;
  readonly over: number | null;
  readonly title: Sentence;
  readonly what: Sentence;
  readonly todo: Sentence;
  readonly command: string | null;
}

/** Those that are on, the oldest first. */
export function onAlarms({ alarms }: Pick<AlarmState, 'alarms'>): readonly ShownAlarm[] {
  return alarms.filter(({ raised }) => raised !== null).map(alarm => shown(alarm, null));
}

/** What the store keeps: a running gateway writes it whenever something begins or ends. */
export async function keptState(store: CommandContext['store']): Promise<AlarmState> {
  return (await readState(store.admin)) ?? FRESH_STATE;
}

function shown(
  { id, kind, on, since, values }: { id: string; kind: AlarmKind; on: string; since: number; values: AlarmValues },
  over: number | null,
): ShownAlarm {
  return { id, state: over === null ? 'on' : 'over', kind, on, since, over, ...alarmWords(kind, on, values) };
}

export const alarmCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'alarms',
    summary: { zh: '列出正在报警的和近期的', en: 'list alarms that are on, and those that were lately' },
    columns: [
      { key: 'state', title: { zh: '状况', en: 'state' }, show: { words: 'alarm.state' } },
      { key: 'since', title: { zh: '开始', en: 'since' }, show: 'time' },
      { key: 'over', title: { zh: '解除', en: 'over' }, show: 'time' },
      { key: 'title', title: { zh: '情况', en: 'what' }, show: 'sentence' },
      { key: 'command', title: { zh: '命令', en: 'command' } },
    ],
    async *run({ store }) {
      const state = await keptState(store);
      for (const alarm of onAlarms(state)) yield { ...alarm };
      for (const alarm of state.past) yield { ...shown(alarm, alarm.over) };
    },
  },
  {
    kind: 'one',
    name: 'alarms test',
    summary: { zh: '向报警去向各发一条测试', en: 'send a test by every way, and say whether it arrived' },
    async run({ loaded, now }, _args, { signal }) {
      const results = await tryWays(loaded.config.alarms, now(), signal);
      return { ok: results.length > 0 && results.every(({ ok }) => ok), results };
    },
    text: (result, language) => {
      const results = result['results'] as readonly Trial[];
      if (results.length === 0) return say(language, 'alarm.test.none');
      return results.flatMap(trial => trialLines(trial, language)).join('\n');
    },
    exit: result => {
      if (result['ok'] === true) return EXIT.ok;
      return (result['results'] as readonly Trial[]).length === 0 ? EXIT.config : EXIT.unavailable;
    },
  },
];

function trialLines(trial: Trial, language: 'zh' | 'en'): readonly string[] {
  const { way, target, ok, answer, code, milliseconds, advice } = trial;
  const said = say(language, ok ? 'alarm.test.delivered' : 'alarm.test.failed', { answer: answer ?? code ?? '-' });
  const line = `${ok ? '✔' : '✘'} ${word(language, 'alarm.way', way)} ${target} ${milliseconds} ms ${said}`;
  return advice === null ? [line] : [line, `  ${code}: ${advice[language]}`];
}
