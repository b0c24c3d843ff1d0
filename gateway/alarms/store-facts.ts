// What the store says of work that waits, as the rules of alarms want it.
import type { ProbeCounts } from '../telemetry/probe-counts.ts';
import type { StoreFacts } from './rules.ts';

/** null: it does not answer. */
export async function storeFacts(counts: Pick<ProbeCounts, 'messages' | 'outbox'>): Promise<StoreFacts | null> {
  try {
    const [messages, outbox] = await Promise.all([counts.messages(), counts.outbox()]);
    return {
      unread: messages.unread,
      oldestUnread: messages.oldestUnread,
      undispatched: outbox.due + outbox.inFlight + outbox.parked,
      oldestUndispatched: outbox.oldest,
      dead: outbox.dead,
    };
  } catch {
    // The finding is that the store does not answer; it is said as an alarm.
    return null;
  }
}
