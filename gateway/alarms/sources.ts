// What the alarms look at, taken from the parts of a running gateway.
import { StoreUnavailable } from '../../store/errors.ts';
import type { Channels } from '../channels/channels.ts';
import type { Dispatch } from '../dispatch/dispatch.ts';
import type { Foundation } from '../foundation.ts';
import type { Intake } from '../intake.ts';
import { calendarEnd } from '../settings/calendar-gap.ts';
import type { Reload, SettingsState } from '../settings/reload.ts';
import type { DiskWatch } from '../telemetry/disk-watch.ts';
import type { WriteWatch } from '../telemetry/write-watch.ts';
import type { SettingsRefusal } from './alarm.ts';
import type { AlarmSources } from './alarms.ts';
import { certificateExpiries } from './expiries.ts';

/** Those that alarms are about. */
export interface WatchedParts {
  readonly channels: Pick<Channels, 'status'>;
  readonly intake: Intake;
  readonly disk: Pick<DiskWatch, 'latest'>;
  readonly writes: Pick<WriteWatch, 'fault'>;
  /** null: this process sends nothing. */
  readonly dispatch: Pick<Dispatch, 'status' | 'faults'> | null;
  readonly reload: Pick<Reload, 'certificate' | 'state'>;
}

export function alarmSources({ book, loaded, keysKept, now }: Foundation, parts: WatchedParts): AlarmSources {
  const { channels, intake, disk, writes, dispatch, reload } = parts;
  const { caseSystem } = loaded.config;
  const broken = async () => {
    try {
      const found = await book.broken();
      return found.map(({ id, enabled }) => ({ id, enabled, up: false, reason: 'channel.misconfigured' }));
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      // Without its store no channel of it can be told apart; that the store is down is an alarm of its own.
      return [];
    }
  };
  return {
    channels: async () => [...channels.status(), ...(await broken())],
    intakePaused: () => intake.paused,
    disk: disk.latest,
    caseSystem: () => {
      const status = dispatch?.status();
      if (status !== undefined) return { down: status.circuit !== 'closed', since: status.since };
      // Whoever does not send knows no more than that entries do not wait by intention.
      return caseSystem === null ? null : { down: false, since: 0 };
    },
    queue: async () => (await dispatch?.faults())?.[0]?.code ?? null,
    expiries: () => {
      const ends = reload.certificate()?.notAfter;
      return [
        ...(ends === undefined ? [] : [{ what: 'listen.tls', at: ends }]),
        ...certificateExpiries('caseSystem.tls', caseSystem?.tls.cert ?? null),
        { what: 'calendar', at: calendarEnd(loaded.config, now()).at },
      ];
    },
    settingsRefused: () => refusalOf(reload.state()),
    writable: () => writes.fault() === null,
    keysKept,
  };
}

function refusalOf({ refused }: SettingsState): SettingsRefusal | null {
  const code = refused?.problems[0]?.code;
  return refused === null || code === undefined ? null : { at: refused.at, code };
}
