// What the acts of a clerk work with, and what they answer.
import type { Decision } from '../../normalizer/facts.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { BornRow, EntryKind, MessageRow, Store } from '../../store/store.ts';
import type { Words } from '../reading/by-hand.ts';
import type { ClerkSaid } from '../reading/judge.ts';
import type { CorrectionRules } from './changes.ts';

/** How a message is read once more. */
export interface ReadingAgain {
  /** A clerk says that it is an appeal, whatever its adapter takes it for. Default false. */
  readonly asAppeal?: boolean;
  /** What a clerk has written down of it, or null: it becomes a ticket whatever can be read of it. Absent: it has to be readable. */
  readonly words?: Words | null;
  /** Its adapter is not asked, and its bytes are left alone. Default false. */
  readonly unasked?: boolean;
  /** Number of a part that does not belong to it. */
  readonly without?: string;
  /** It is compared with earlier tickets, as far as what a clerk has said of it leaves that open; absent: with none. */
  readonly compared?: ClerkSaid;
}

/** A message read once more, as a ticket. */
export interface Rebirth {
  /** Sealed, with its links; its state is `held` or `queued` as triage and a closed ticket of its requester say. */
  readonly ticket: BornRow;
  /** Places of the attachments still to be fetched. */
  readonly wanted: readonly number[];
  /** What it has to do with earlier tickets. */
  readonly decision: Pick<Decision, 'joins' | 'gathers' | 'links'>;
}

export interface DeskParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly now: () => number;
  readonly attachmentWaitMs: number;
  /** Sentence of a clause of the regulation (`10.6`); null for a clause that is none. */
  clause(clause: string): string | null;
  readonly corrections: CorrectionRules;
  /** Reads a message again for its next revision; null where it cannot be read. A follow-up keeps no requester, so its original must speak. */
  rebirth(message: MessageRow, how?: ReadingAgain): Promise<Rebirth | null>;
}

/** What was done, for the clerk to see. */
export interface DeskAnswer {
  readonly number: string;
  readonly revision: number;
  readonly state: string;
  /** Kinds of the entries made for the case system, in order. */
  readonly entries: readonly EntryKind[];
  /** The ticket that it joined as a repeat, and what else comparing it found; absent where there is nothing. */
  readonly of?: string;
  readonly closedRepeatOf?: string;
  readonly incident?: string;
  /** Tickets that it may belong to: a clerk decides. */
  readonly alike?: readonly string[];
  /** Nothing was done: it waits for a second person until then, milliseconds since the epoch. */
  readonly waitsUntil?: number;
}
