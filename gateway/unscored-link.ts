// A link that no comparison of texts has made: a clerk did, or the way in which two messages came.
import type { Link, RepeatKind } from '../normalizer/ticket.ts';

/** Why it was made: a clerk said so, it came late in its conversation, or two processes took both in at once and compared them after. */
export type LinkedBy = 'clerk' | 'conversation' | 'at-once';

export function unscoredLink(kind: RepeatKind, of: string, why: LinkedBy): Link {
  const nothing = { score: 1, threshold: 1, features: {}, words: [], weightsVersion: why };
  const [reason, by] = why === 'clerk' ? (['clerk', 'clerk'] as const) : ([`repeat.${why}`, 'rule'] as const);
  return { kind, of, ...nothing, reasons: [reason], by };
}
