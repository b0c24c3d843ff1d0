// Why the gateway is not ready, and what a person should know although it is; each reason with words in both languages.
import type { Store } from '../store/store.ts';
import type { Channels } from './channels.ts';
import type { Dispatch } from './dispatch/dispatch.ts';
import type { Readiness, ReadinessReason } from './http/health.ts';
import type { Intake } from './intake.ts';
import { sayBoth } from './locale.ts';
import type { Reading } from './reading/reading.ts';

export interface ReadinessParts {
  readonly intake: Intake;
  readonly reading: Reading;
  readonly channels: Pick<Channels, 'status'>;
  /** null: no case system is configured. */
  readonly dispatch: Pick<Dispatch, 'status'> | null;
  readonly store: Store;
}

export function createReadiness(parts: ReadinessParts): Readiness {
  const { intake, reading, channels, dispatch, store } = parts;
  return {
    async reasons() {
      const reasons: ReadinessReason[] = [];
      if (intake.paused !== null) reasons.push(reason(intake.paused, true));
      if (!reading.up) reasons.push(reason('reading.down', false));
      if (dispatch === null) reasons.push(reason('dispatch.no_case_system', false));
      else if (dispatch.status().circuit === 'open') reasons.push(reason('case-system.down', false));
      for (const channel of channels.status()) {
        if (channel.enabled && !channel.up) {
          reasons.push(reason('channel.down', false, { channel: channel.id, reason: channel.reason ?? '' }));
        }
      }
      try {
        const [messages, outbox] = await Promise.all([store.messages.counts(), store.outbox.counts()]);
        if (messages.quarantined > 0)
          reasons.push(reason('messages.quarantined', false, { count: messages.quarantined }));
        if (outbox.dead > 0) reasons.push(reason('outbox.dead', false, { count: outbox.dead }));
      } catch {
        // The store's own state is the answer here: it could not be asked.
        reasons.push(reason('store.unavailable', true));
      }
      return reasons;
    },
  };
}

function reason(
  code: string,
  blocking: boolean,
  values: Readonly<Record<string, string | number>> = {},
): ReadinessReason {
  return { code, blocking, ...sayBoth(`readiness.${code}`, values) };
}
