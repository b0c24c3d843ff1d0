// Why the gateway is not ready, and what a person should know although it is; each reason with words in both languages.
import { basename } from 'node:path';
import type { ConfigProblem } from '../../config/errors.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import type { Channels } from '../channels/channels.ts';
import type { Dispatch } from '../dispatch/dispatch.ts';
import { blocks } from '../dispatch/queue-check.ts';
import type { ConnectionLimit } from '../http/connection-limit.ts';
import type { Readiness, ReadinessReason } from '../http/health.ts';
import type { Intake } from '../intake.ts';
import { sayBoth } from '../locale.ts';
import type { Reading } from '../reading/reading.ts';
import { type Role, sends } from '../role.ts';
import type { SettingsState } from '../settings/reload.ts';
import type { ProbeCounts } from './probe-counts.ts';
import type { WriteWatch } from './write-watch.ts';

export interface ReadinessParts {
  readonly role: Role;
  readonly intake: Intake;
  readonly reading: Reading;
  readonly channels: Pick<Channels, 'status'>;
  /** null: no case system is configured. */
  readonly dispatch: Pick<Dispatch, 'status' | 'faults'> | null;
  readonly counts: Pick<ProbeCounts, 'messages' | 'outbox'>;
  readonly writes: Pick<WriteWatch, 'fault' | 'answered'>;
  /** Whether the next start will have the keys at work. */
  keysKept(): boolean;
  settings(): Pick<SettingsState, 'refused' | 'restart'>;
  connections(): ConnectionLimit;
}

export function createReadiness(parts: ReadinessParts): Readiness {
  const { role, intake, reading, channels, dispatch, counts, writes, settings, keysKept, connections } = parts;
  return {
    async reasons() {
      const reasons: ReadinessReason[] = [];
      if (intake.paused !== null) reasons.push(reason(intake.paused, true));
      if (!keysKept()) reasons.push(reason('keys.gone', false));
      const { openFiles: files, connections: count } = connections();
      if (files !== null) reasons.push(reason('http.few_files', false, { files, count }));
      if (!reading.up) reasons.push(reason('reading.down', false));
      if (dispatch === null && sends(role)) reasons.push(reason('dispatch.no_case_system', false));
      if (dispatch?.status().circuit === 'open') reasons.push(reason('case-system.down', false));
      for (const fault of (await dispatch?.faults()) ?? []) {
        reasons.push(reason(fault.code, blocks(fault), { found: fault.found }));
      }
      for (const channel of channels.status()) {
        if (channel.enabled && !channel.up) {
          reasons.push(reason('channel.down', false, { channel: channel.id, reason: channel.reason ?? '' }));
        }
      }
      reasons.push(...settingsReasons(settings()));
      try {
        const [messages, outbox] = await writes.answered(() => Promise.all([counts.messages(), counts.outbox()]));
        if (messages.quarantined > 0)
          reasons.push(reason('messages.quarantined', false, { count: messages.quarantined }));
        if (outbox.dead > 0) reasons.push(reason('outbox.dead', false, { count: outbox.dead }));
        const fault = writes.fault();
        if (fault !== null) reasons.push(reason('store.unwritable', true, { found: foundOf(fault) }));
      } catch (error) {
        // The store's own state is the answer here: it could not be asked.
        reasons.push(reason('store.unavailable', true, { found: foundOf(error) }));
      }
      return reasons;
    },
  };
}

/** Code, and where the store is and what its server or the network said. */
function foundOf(error: unknown): string {
  if (!(error instanceof StoreUnavailable)) return 'gateway.bug';
  return error.place === null ? error.code : `${error.code}, ${error.place}`;
}

function settingsReasons({ refused, restart }: ReturnType<ReadinessParts['settings']>): readonly ReadinessReason[] {
  return [
    ...(refused === null ? [] : [reason('settings.refused', false, { place: placeOf(refused.problems) })]),
    ...(restart.length === 0 ? [] : [reason('settings.restart_needed', false, { settings: restart.join(', ') })]),
  ];
}

/** File, line and path of the first problem: the page is for the operators' own network, the reasons stand in `huisu status`. */
function placeOf([first, ...rest]: readonly ConfigProblem[]): string {
  if (first === undefined) return '';
  const place = first.line === null ? basename(first.file) : `${basename(first.file)}:${first.line}`;
  return `${place} ${first.path}${rest.length === 0 ? '' : ` (+${rest.length})`}`;
}

function reason(
  code: string,
  blocking: boolean,
  values: Readonly<Record<string, string | number>> = {},
): ReadinessReason {
  return { code, blocking, ...sayBoth(`readiness.${code}`, values) };
}
