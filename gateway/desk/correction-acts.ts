// 更正及其同意与否: a correction is carried out, or proposed where it takes two people; the second one's word ends the proposal.
import type { TicketRow } from '../../store/store.ts';
import type { Changes } from './changes.ts';
import { commit, decisionRow } from './clerk-row.ts';
import { correctionOf, correctionRow } from './correct.ts';
import { DeskError } from './desk-error.ts';
import type { DeskAnswer, DeskParts } from './desk-parts.ts';
import { bothOf, ticketOf, ticketOutcome } from './found.ts';
import { decline, isSeconded, type Proposal, proposalOf, propose } from './lowering.ts';

export async function correct(
  parts: DeskParts,
  asked: { readonly number: string; readonly changes: Changes; readonly reason: string; readonly by: string },
): Promise<DeskAnswer | null> {
  const found = await bothOf(parts, asked.number);
  const { revision, state } = found.ticket;
  const correction = correctionOf(parts, { ...found, ...asked });
  const proposal = proposalOf(parts.cipher, found.ticket, parts.now());
  const seconded = correction.lowers && isSeconded(asked.number, proposal, asked.changes, asked.by);
  if (correction.lowers && !seconded) {
    const waitsUntil = await propose(parts, found.ticket, { ...asked, changed: correction.changed });
    return { number: asked.number, revision, state, entries: [], waitsUntil };
  }
  const proposedBy = seconded ? (proposal?.by ?? null) : null;
  const base = decisionRow(parts, found.message, ticketOutcome(found), []);
  const answer = await commit(parts, await correctionRow(parts, base, correction, { ...found, ...asked, proposedBy }));
  return answer && { ...answer, state };
}

export async function approve(
  parts: DeskParts,
  { number, reason, by }: { readonly number: string; readonly reason: string | null; readonly by: string },
): Promise<DeskAnswer | null> {
  const proposal = proposed(parts, await ticketOf(parts, number));
  return correct(parts, { number, changes: proposal.changes, reason: reason ?? proposal.reason, by });
}

export async function declined(
  parts: DeskParts,
  { number, reason, by }: { readonly number: string; readonly reason: string; readonly by: string },
): Promise<DeskAnswer> {
  const ticket = await ticketOf(parts, number);
  await decline(parts, ticket, { reason, by, proposal: proposed(parts, ticket) });
  return { number, revision: ticket.revision, state: ticket.state, entries: [] };
}

function proposed(parts: DeskParts, ticket: TicketRow): Proposal {
  const proposal = proposalOf(parts.cipher, ticket, parts.now());
  if (proposal === null) throw new DeskError('desk.nothing_proposed', { number: ticket.number });
  return proposal;
}
