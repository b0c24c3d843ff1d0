// Of huisu status: the processes that share the store, what of the work none of them does, and what another one lacks.
import { type ProcessWord, readCompany } from '../alarms/company.ts';
import { together } from '../alarms/together.ts';
import { catalogueEntry } from '../catalogue.ts';
import { sayBoth } from '../locale.ts';
import { reads, sends, takesIn } from '../role.ts';
import type { CommandContext } from './command.ts';
import type { Finding } from './status-finding.ts';

/** A process is known to the others by its first look. */
const KNOWN_MS = 60_000;

/** Those that run, by what they said of themselves last; none on a store of one process. */
export async function processesOf({ store, now }: CommandContext): Promise<readonly ProcessWord[]> {
  return store.shared === null ? [] : readCompany(store.admin, now());
}

export function processFindings(
  { live, loaded, now }: CommandContext,
  processes: readonly ProcessWord[],
): readonly Finding[] {
  const finding = (code: string, stuck: boolean, command: string | null, values: Record<string, string> = {}) => ({
    ...{ code, count: 1, seconds: null, stuck, command },
    ...sayBoth(`status.${code}`, values),
  });
  if (processes.length === 0) return live === null ? [{ ...finding('not-running', true, 'huisu start') }] : [];
  const names = processes.map(({ name, role }) => `${name} (${role})`).join(', ');
  const roles = processes.map(({ role }) => role);
  const settled = live === null || now() - live.startedAt > KNOWN_MS;
  const lacking = (code: string, is: (role: ProcessWord['role']) => boolean, role: string) =>
    !settled || roles.some(is) ? [] : [finding(code, true, `huisu start --role ${role}`)];
  return [
    ...(live === null ? [finding('not-running-here', false, null, { names })] : []),
    ...lacking('no-intake', takesIn, 'intake'),
    ...lacking('no-reader', reads, 'reader'),
    ...(loaded.config.caseSystem === null ? [] : lacking('no-worker', sends, 'worker')),
  ];
}

/** Whether what an alarm is about is in order by what all of them said last. */
export function isGoneOf(
  processes: readonly ProcessWord[],
  { kind, on }: { readonly kind: string; readonly on: string },
  { diskFactor }: { readonly diskFactor: number },
): boolean {
  const { channels, disk, intakePaused, keysKept, queue, settingsRefused } = together(processes);
  if (kind === 'disk-low') return disk === null || disk.freeBytes >= disk.leastFreeBytes * diskFactor;
  if (kind === 'intake-paused') return intakePaused === null;
  if (kind === 'keys-gone') return keysKept;
  if (kind === 'queue-down') return queue === null;
  if (kind === 'settings-refused') return settingsRefused === null;
  if (kind !== 'channel-down' && kind !== 'credentials-refused') return false;
  const state = channels.find(({ id }) => id === on);
  return state === undefined || state.up || !state.enabled;
}

/** What others say of the queue, where this process does not work on it. */
export function queueFindings(processes: readonly ProcessWord[], known: readonly Finding[]): readonly Finding[] {
  return processes.flatMap(({ name, facts: { queue } }) => {
    if (queue === null || known.some(({ code }) => code === queue)) return [];
    const entry = catalogueEntry(queue);
    const said = (language: 'zh' | 'en') => ({
      reason: entry?.[language].title ?? queue,
      todo: entry?.[language].todo ?? '',
      process: name,
    });
    const [zh, en] = [sayBoth('status.queue', said('zh')).zh, sayBoth('status.queue', said('en')).en];
    return [{ code: queue, count: 1, seconds: null, stuck: true, zh, en, command: null }];
  });
}
