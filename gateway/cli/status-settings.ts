// What status says of the settings: newer ones that were refused, what waits for a restart, and a calendar about to end.
import { sayBoth } from '../locale.ts';
import { calendarGap } from '../settings/calendar-gap.ts';
import type { CommandContext, Row } from './command.ts';
import { problemLines } from './reload.ts';
import type { Finding } from './status-finding.ts';

/** For programs; null where no gateway runs. */
export function settingsOf({ live }: CommandContext): Row | null {
  if (live === null) return null;
  const { since, refused, restart } = live.settings();
  return { since, refused: refused?.problems ?? [], restart };
}

/** The year whose holidays nobody has entered. */
export function calendarFindings({ loaded, now }: Pick<CommandContext, 'loaded' | 'now'>): readonly Finding[] {
  const gap = calendarGap(loaded.config, now());
  if (gap === null) return [];
  const words = sayBoth('status.calendar-unknown', { year: gap.year });
  return [{ code: 'calendar-unknown', count: 1, seconds: null, stuck: false, command: null, ...words }];
}

export function settingsFindings({ live, now }: CommandContext): readonly Finding[] {
  if (live === null) return [];
  const { refused, restart } = live.settings();
  const found: Finding[] = [];
  if (refused !== null) {
    const { problems } = refused;
    const { zh, en } = sayBoth('status.settings-refused', { count: problems.length });
    found.push({
      ...{ code: 'settings-refused', count: problems.length, stuck: true },
      seconds: Math.max(0, Math.round((now() - refused.at) / 1000)),
      zh: [zh, ...problemLines(problems, 'zh')].join('\n'),
      en: [en, ...problemLines(problems, 'en')].join('\n'),
      command: null,
    });
  }
  if (restart.length > 0) {
    found.push({
      ...{ code: 'restart-needed', count: restart.length, seconds: null, stuck: false, command: null },
      ...sayBoth('status.restart-needed', { settings: restart.join(', ') }),
    });
  }
  return found;
}
