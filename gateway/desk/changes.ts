// What a clerk may say otherwise than reading did, of which tickets, and what the rules make of it.
import type { ToHandle } from '../../normalizer/handling.ts';
import {
  type Category,
  type Handling,
  type Method,
  OPEN_STATES,
  type TicketState,
  type TicketType,
  type Urgency,
} from '../../normalizer/ticket.ts';

/** What a clerk changes; what is left out stays. */
export interface Changes {
  readonly type?: TicketType;
  /** Code of a class (`0403`), or its name where no other has it. */
  readonly category?: string;
  readonly urgency?: Urgency;
  readonly confidential?: boolean;
  readonly anonymous?: boolean;
  /** Code or name of a division of the city. */
  readonly division?: string;
  /** The scene in a clerk's words, in place of all that was read of it; empty: it is not known. */
  readonly scene?: string;
  /** 被反映人; empty: nobody is named. */
  readonly subject?: string;
  readonly public?: boolean;
  /** 主办单位 in place of what the rules suggest; empty: what they suggest. */
  readonly unit?: string;
  /** 协办单位, in place of all there are. */
  readonly coUnits?: readonly string[];
  readonly method?: Method;
  /** What reading was unsure of, and is not changed here, is right. */
  readonly confirm?: boolean;
}

/** What the rules say of a corrected ticket. */
export interface CorrectionRules {
  /** By code or name. Throws `DeskError` where there is none, or more than one, and says which there are. */
  category(named: string): Category;
  /** By code or name. Throws `DeskError` where there is none, and says which there are. */
  division(named: string): { readonly code: string; readonly name: string };
  handling(of: ToHandle): Handling;
  /** Those of the units that it is about. */
  accused(of: ToHandle, units: readonly string[]): readonly string[];
}

/** What joined another ticket is corrected in that one. Of closed tickets others are still made, and people still see them. */
export const CORRECTABLE: ReadonlySet<TicketState> = new Set([...OPEN_STATES, 'closed', 'refused']);
