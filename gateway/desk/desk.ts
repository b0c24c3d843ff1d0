// What a clerk does with a ticket or a message: each act is a new decision with the next revision, audited, and can be undone.
import type { Words } from '../reading/by-hand.ts';
import { refuse, release } from './acceptance.ts';
import { makeAppeal, makeNoAppeal } from './appeals.ts';
import type { Changes } from './changes.ts';
import { approve, correct, declined } from './correction-acts.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts } from './desk-parts.ts';
import { createDeskTurns } from './desk-turn.ts';
import { link, unlink } from './links.ts';

export interface Desk {
  /** 放行: a held ticket goes to the case system, at the end of its lane; a refused one as well, which undoes the refusal. */
  release(number: string, by: string): Promise<DeskAnswer>;
  /**
   * 不予受理: a held ticket is refused under a clause; nothing is sent. The reason is kept sealed.
   * @param accepted one that was accepted or released as well, as long as it has not gone; said by itself, so that of two
   *   clerks who decide at the same moment neither undoes what the other did without knowing
   */
  refuse(number: string, clause: string, reason: string, by: string, accepted?: boolean): Promise<DeskAnswer>;
  /** 并单: a ticket joins an open one, and its follow-ups with it; or it is a repeat of a closed one and stays its own. */
  link(number: string, to: string, by: string): Promise<DeskAnswer>;
  /**
   * 撤销并单: a follow-up, or a part of a conversation, becomes a ticket of its own; the pair is remembered and not linked again.
   * So does what was linked to a closed ticket stay without that link. What was only suggested is suggested no more.
   * @param from the ticket it led to, the closed one, or the message a part was gathered into
   */
  unlink(number: string, from: string, by: string): Promise<DeskAnswer>;
  /**
   * 更正: a ticket, a closed one as well, is of another type, class or urgency, confidential or not. The reason is kept sealed.
   * What takes away the protection of who appealed is a proposal until another person asks for the same.
   */
  correct(number: string, changes: Changes, reason: string, by: string): Promise<DeskAnswer>;
  /** 同意: the second person's word on a proposal. `reason`: null where that of the proposal says it all. */
  approve(number: string, reason: string | null, by: string): Promise<DeskAnswer>;
  /** 不同意: ends a proposal, one's own as well. */
  decline(number: string, reason: string, by: string): Promise<DeskAnswer>;
  /**
   * 认定为诉求: a message that was taken for no appeal, or that nobody could read, becomes a ticket in its place, with what can be read of it.
   * The reason is kept sealed.
   * @param words what the clerk has written down of it; counts more than what was read. Default null: nothing
   */
  makeAppeal(number: string, reason: string, by: string, words?: Words | null): Promise<DeskAnswer>;
  /** 撤销认定: a ticket that a clerk made so is none after all; the case system hears that it is withdrawn. `release` undoes it. */
  makeNoAppeal(number: string, reason: string, by: string): Promise<DeskAnswer>;
}

/** An entry that is sent in these very moments changes twice: taken up, then delivered. */
const ATTEMPTS = 5;

export function createDesk(parts: DeskParts): Desk {
  // Reader and forwarder go on meanwhile: whatever they changed since it was read makes the act look at everything anew.
  const inTurn = createDeskTurns(parts);
  const redo = (act: () => Promise<DeskAnswer | null>): Promise<DeskAnswer> =>
    inTurn(async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const answer = await act();
        if (answer !== null) return answer;
      }
      throw new DeskError('desk.changed_meanwhile');
    });
  return {
    release: (number, by) => redo(() => release(parts, number, by)),
    refuse: (number, clause, reason, by, accepted = false) =>
      redo(() => refuse(parts, { number, clause, reason, by, accepted })),
    link: (number, to, by) => redo(() => link(parts, number, to, by)),
    unlink: (number, from, by) => redo(() => unlink(parts, number, from, by)),
    correct: (number, changes, reason, by) => redo(() => correct(parts, { number, changes, reason, by })),
    approve: (number, reason, by) => redo(() => approve(parts, { number, reason, by })),
    decline: (number, reason, by) => redo(() => declined(parts, { number, reason, by })),
    makeAppeal: (number, reason, by, words = null) => redo(() => makeAppeal(parts, { number, reason, by, words })),
    makeNoAppeal: (number, reason, by) => redo(() => makeNoAppeal(parts, { number, reason, by })),
  };
}
