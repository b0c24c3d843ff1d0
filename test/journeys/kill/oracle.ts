// Judges a crash run: what was acknowledged against what the store holds and what reached the case system.
import type { Obligation } from './ledger.ts';

/** One thing the case system did, in the order it did them. */
export interface Effect {
  /** Idempotency key under which it was asked for. */
  readonly key: string;
  readonly kind: string;
  /** Number of the ticket it is about. */
  readonly ticket: string;
}

/** A message as the store holds it in the end. */
export interface KeptMessage {
  readonly number: string;
  readonly state: string;
  readonly outcome: { readonly kind: string; readonly of?: string; readonly held?: boolean } | null;
}

export interface KeptTicket {
  readonly number: string;
  readonly urgency: string;
  readonly state: string;
}

export interface KeptEntry {
  readonly id: string;
  readonly kind: string;
  readonly ticket: string;
  readonly state: string;
}

export interface Evidence {
  readonly obligations: readonly Obligation[];
  readonly messages: readonly KeptMessage[];
  readonly tickets: readonly KeptTicket[];
  readonly entries: readonly KeptEntry[];
  readonly effects: readonly Effect[];
}

/** Count of each fault; a run is right when all are 0. */
export interface Verdict {
  /** Acknowledged, and gone: no message, no outcome, no ticket behind the outcome, or its entry never reached the case system. */
  readonly lost: number;
  /** One id under several numbers, or one number for several ids, or a message nobody sent. */
  readonly doubledMessages: number;
  /** Tickets whose message became something else and that do not lead on to another, and created effects beyond one a ticket. */
  readonly doubledTickets: number;
  /** Effects beyond one an idempotency key. */
  readonly doubledEffects: number;
  /** Tickets that should be with the case system and are not. */
  readonly missingEffects: number;
  /** Pairs of created effects of one lane in the wrong order. */
  readonly orderInversions: number;
  /** Refused for good, though every message was a good one. */
  readonly refused: number;
  /** Entries that were given up or are still waiting. */
  readonly undelivered: number;
  /** The first few faults in words. */
  readonly examples: readonly string[];
}

const EXAMPLES = 12;

function counted<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}

const surplus = (counts: Map<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count - 1, 0);

/** Judges the whole evidence at once. */
export function judge(evidence: Evidence): Verdict {
  const examples: string[] = [];
  const fault = (words: string): 1 => {
    if (examples.length < EXAMPLES) examples.push(words);
    return 1;
  };
  const messages = new Map(evidence.messages.map(message => [message.number, message]));
  const tickets = new Map(evidence.tickets.map(ticket => [ticket.number, ticket]));
  const created = evidence.effects.filter(effect => effect.kind === 'ticket.created');
  const createdTickets = new Set(created.map(effect => effect.ticket));
  const acknowledged = evidence.obligations.filter(obligation => obligation.acknowledgements > 0);

  let lost = 0;
  for (const obligation of acknowledged) {
    if (obligation.numbers.size === 0) lost += fault(`${obligation.id} was marked as taken: no message was made of it`);
    for (const number of obligation.numbers) {
      const why = whyLost(number, messages, tickets);
      if (why !== null) lost += fault(`${obligation.id} was acknowledged as ${number}: ${why}`);
    }
  }

  const doubledMessages = doubles(evidence, acknowledged, fault);

  const surplusTickets = evidence.tickets.filter(ticket => !isOwn(ticket, messages.get(ticket.number)));
  for (const { number, state } of surplusTickets)
    fault(`ticket ${number} is ${state}, its message became ${messages.get(number)?.outcome?.kind ?? 'nothing'}`);
  const perTicket = counted(created, effect => effect.ticket);
  for (const [ticket, count] of perTicket)
    if (count > 1) fault(`ticket ${ticket} was created ${count} times at the case system`);
  const rows = counted(evidence.tickets, ticket => ticket.number);
  for (const [ticket, count] of rows) if (count > 1) fault(`ticket ${ticket} stands there ${count} times`);
  const doubledTickets = surplusTickets.length + surplus(rows) + surplus(perTicket);

  const doubledEffects = surplus(counted(evidence.effects, effect => effect.key));

  let missingEffects = 0;
  for (const message of evidence.messages)
    if (message.outcome?.kind === 'ticket' && message.outcome.held !== true && !createdTickets.has(message.number))
      missingEffects += fault(`ticket ${message.number} never reached the case system`);
  const keys = new Set(evidence.effects.map(effect => effect.key));
  for (const entry of evidence.entries)
    if (entry.state === 'done' && !keys.has(entry.id))
      missingEffects += fault(`entry ${entry.id} is done, but the case system has no effect of it`);

  let undelivered = 0;
  for (const entry of evidence.entries)
    if (entry.state !== 'done' && entry.state !== 'void') undelivered += fault(`entry ${entry.id} is ${entry.state}`);

  let refused = 0;
  for (const obligation of evidence.obligations)
    if (obligation.refusal !== null) refused += fault(`${obligation.id} was refused: ${obligation.refusal}`);

  const orderInversions = inversions(acknowledged, created, messages, tickets, fault);
  return {
    lost,
    doubledMessages,
    doubledTickets,
    doubledEffects,
    missingEffects,
    orderInversions,
    refused,
    undelivered,
    examples,
  };
}

/**
 * Whether a ticket is what its message became. Two deciders that met a person's two messages in the same instant each make a ticket;
 * the later one is found to be a repeat afterwards, and its ticket stays as one that has joined another.
 */
function isOwn({ state }: KeptTicket, message: KeptMessage | undefined): boolean {
  return message?.outcome?.kind === (state === 'joined' ? 'repeat' : 'ticket');
}

/** Why an acknowledged number leads to nothing; null when it leads to exactly one outcome. */
function whyLost(
  number: string,
  messages: ReadonlyMap<string, KeptMessage>,
  tickets: ReadonlyMap<string, KeptTicket>,
): string | null {
  const message = messages.get(number);
  if (message === undefined) return 'no such message';
  if (message.state === 'unread' || message.outcome === null) return 'it was never read';
  if (message.outcome.kind === 'ticket' && !tickets.has(number)) return 'its ticket is missing';
  const of = message.outcome.of;
  if (of !== undefined && !tickets.has(of)) return `it joined ${of}, which is missing`;
  return null;
}

function doubles(evidence: Evidence, acknowledged: readonly Obligation[], fault: (words: string) => 1): number {
  let doubled = 0;
  const owner = new Map<string, string>();
  for (const { id, numbers } of acknowledged) {
    if (numbers.size > 1) {
      fault(`${id} was acknowledged under ${numbers.size} numbers`);
      doubled += numbers.size - 1;
    }
    for (const number of numbers) {
      const other = owner.get(number);
      if (other !== undefined && other !== id) doubled += fault(`${number} was given to both ${other} and ${id}`);
      owner.set(number, id);
    }
  }
  // Every id is repeated until it is acknowledged, so a number that no answer carried belongs to a second copy.
  for (const message of evidence.messages)
    if (!owner.has(message.number)) doubled += fault(`message ${message.number} belongs to no acknowledged id`);
  return doubled;
}

/** Created effects of one lane must come in its order of acceptance; urgent and held tickets are left out. */
function inversions(
  acknowledged: readonly Obligation[],
  created: readonly Effect[],
  messages: ReadonlyMap<string, KeptMessage>,
  tickets: ReadonlyMap<string, KeptTicket>,
  fault: (words: string) => 1,
): number {
  const position = new Map<string, number>();
  for (const [at, effect] of created.entries()) if (!position.has(effect.ticket)) position.set(effect.ticket, at);
  const lanes = new Map<string, Obligation[]>();
  for (const obligation of acknowledged) {
    const lane = lanes.get(obligation.lane) ?? [];
    lane.push(obligation);
    lanes.set(obligation.lane, lane);
  }
  let inverted = 0;
  for (const lane of lanes.values()) {
    let before: { number: string; at: number } | null = null;
    for (const obligation of lane.sort((a, b) => a.place - b.place)) {
      const [number] = obligation.numbers;
      if (number === undefined) continue;
      const at = position.get(number);
      const ordinary = tickets.get(number)?.urgency === '一般' || tickets.get(number)?.urgency === '复杂';
      if (at === undefined || !ordinary || messages.get(number)?.outcome?.held === true) continue;
      if (before !== null && at < before.at)
        inverted += fault(`${number} reached the case system before ${before.number} of the same lane`);
      before = { number, at };
    }
  }
  return inverted;
}
