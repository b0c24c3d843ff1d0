// One line of huisu status.
import type { ReadinessReason } from '../http/health.ts';

/** Something that needs a person, or a note. */
export interface Finding {
  readonly code: string;
  readonly count: number;
  /** Seconds since the oldest; null where age says nothing. */
  readonly seconds: number | null;
  readonly stuck: boolean;
  readonly zh: string;
  readonly en: string;
  /** The command that helps; null where none does. */
  readonly command: string | null;
}

/** Of the reasons of /readyz those by which work stands still, whatever is counted, and what a running process alone knows. */
export function ownFindings(reasons: readonly ReadinessReason[]): readonly Finding[] {
  return reasons
    .filter(({ code }) => standsStill(code) || code === 'http.few_files')
    .map(({ code, zh, en }) => ({ code, count: 1, seconds: null, stuck: standsStill(code), zh, en, command: null }));
}

const standsStill = (code: string) =>
  code.startsWith('queue.') || code === 'reading.down' || code === 'store.unwritable';
