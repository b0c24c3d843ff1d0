// The figures of the demo, of all and of each channel: counted at the platforms, in the gateway and at the case system, and held against each other.
import { readFileSync } from 'node:fs';
import type { Row } from './command.ts';
import type { Judgement } from './demo-expect.ts';
import { type Sent, WAYS, type Way } from './demo-platforms.ts';

export interface Figures {
  /** Redeliveries included. */
  readonly sent: number;
  readonly acknowledged: number;
  readonly redeliveries: number;
  readonly tickets: number;
  readonly repeats: number;
  readonly parts: number;
  readonly notAppeals: number;
  readonly quarantined: number;
  /** Of two tickets or more; each counts for the channel of its first ticket. */
  readonly incidents: number;
  /** Of the tickets. */
  readonly held: number;
  /** Ticket entries the case system has; held ones are not among them. */
  readonly forwarded: number;
  /** Other entries the case system has. */
  readonly notices: number;
  readonly deadLetters: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the shipped samples that became what they should; null for messages of a file. */
  readonly asExpected: number | null;
}

export type AllFigures = Figures & {
  /** By channel, which are named after their adapters. */
  readonly channels: Readonly<Record<Way, Figures>>;
  readonly mailServer: string;
};

/** What the case system's journal tells of one effect. */
interface Effect {
  readonly kind: string;
  readonly ticket: string;
  /** The message whose decision made the entry. */
  readonly message: string;
}

export interface Evidence {
  readonly sent: readonly Sent[];
  /** Rows of `messages list`, `tickets list` and `dead-letters list`. */
  readonly messages: readonly Row[];
  readonly tickets: readonly Row[];
  readonly deadLetters: readonly Row[];
  readonly effects: readonly Effect[];
  /** One judgement for each of `sent` that has an expectation; null where none has. */
  readonly judged: ReadonlyMap<Sent, Judgement> | null;
}

/** Effects in a journal of the simulated case system. An idempotency key is `message:revision:kind`. */
export function effectsIn(journal: string): readonly Effect[] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(
      line => JSON.parse(line) as { effect: boolean; key: string | null; kind: string | null; ticket: string | null },
    )
    .flatMap(({ effect, key, kind, ticket }) =>
      effect && key !== null && kind !== null && ticket !== null
        ? [{ kind, ticket, message: key.split(':')[0] as string }]
        : [],
    );
}

export function figuresOf(evidence: Evidence, mailServer: string): AllFigures {
  const channels = Object.fromEntries(WAYS.map(way => [way, count(ofChannel(evidence, way))]));
  return { ...count(evidence), channels: channels as Record<Way, Figures>, mailServer };
}

function ofChannel(evidence: Evidence, way: Way): Evidence {
  const own = new Set(evidence.messages.filter(row => row['channel'] === way).map(row => String(row['number'])));
  return {
    sent: evidence.sent.filter(sent => sent.way === way),
    messages: evidence.messages.filter(row => own.has(String(row['number']))),
    tickets: evidence.tickets.filter(row => own.has(String(row['number']))),
    deadLetters: evidence.deadLetters.filter(row => own.has(String(row['id']).split(':')[0] as string)),
    effects: evidence.effects.filter(effect => own.has(effect.message)),
    judged: evidence.judged,
  };
}

function count({ sent, messages, tickets, deadLetters, effects, judged }: Evidence): Figures {
  const outcome = (name: string) => messages.filter(row => row['outcome'] === name).length;
  const created = effects.filter(effect => effect.kind === 'ticket.created').length;
  const times = sent.map(one => one.ms).sort((a, b) => a - b);
  const percentile = (share: number) => Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) * 10) / 10;
  const judgements = judged === null ? [] : sent.map(one => judged.get(one)).filter(one => one !== undefined);
  const right = judgements.filter(one => one.faults.length === 0).length;
  return {
    sent: sent.length,
    acknowledged: sent.filter(one => one.acknowledged).length,
    redeliveries: sent.filter(one => one.redelivery).length,
    tickets: outcome('ticket'),
    repeats: outcome('repeat'),
    parts: outcome('part'),
    notAppeals: outcome('not-an-appeal'),
    quarantined: outcome('quarantined'),
    incidents: tickets.filter(row => row['incident'] === row['number']).length,
    held: tickets.filter(row => row['state'] === 'held').length,
    forwarded: created,
    notices: effects.length - created,
    deadLetters: deadLetters.length,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    asExpected: judgements.length === 0 ? null : Math.round((right / judgements.length) * 1000) / 1000,
  };
}

/** Figures that add up over the channels. */
const SUMS = [
  'sent',
  'acknowledged',
  'redeliveries',
  'tickets',
  'repeats',
  'parts',
  'notAppeals',
  'quarantined',
  'incidents',
  'held',
  'forwarded',
  'notices',
  'deadLetters',
] as const;

/** Names of what does not balance; nothing where everything acknowledged became exactly one thing, in each channel and in all. */
export function imbalances(figures: AllFigures, { effects }: Pick<Evidence, 'effects'>): readonly string[] {
  const wrong = WAYS.flatMap(way => wrongIn(figures.channels[way], way));
  wrong.push(...wrongIn(figures, 'all'));
  for (const name of SUMS) {
    const sum = WAYS.reduce((all, way) => all + figures.channels[way][name], 0);
    if (sum !== figures[name]) wrong.push(`${name}: ${sum} in the channels, ${figures[name]} in all`);
  }
  const created = effects.filter(effect => effect.kind === 'ticket.created').map(effect => effect.ticket);
  if (new Set(created).size !== created.length) wrong.push('a ticket is twice in the case system');
  return wrong;
}

function wrongIn(figures: Figures, where: string): readonly string[] {
  const { sent, acknowledged, redeliveries, tickets, repeats, parts, notAppeals, quarantined } = figures;
  const became = tickets + repeats + parts + notAppeals + quarantined + redeliveries;
  const wrong: string[] = [];
  if (acknowledged !== sent) wrong.push(`${where}: ${sent} sent, ${acknowledged} acknowledged`);
  if (became !== acknowledged) wrong.push(`${where}: ${acknowledged} acknowledged, ${became} became something`);
  const { held, forwarded, deadLetters } = figures;
  if (deadLetters === 0 && forwarded + held !== tickets)
    wrong.push(`${where}: ${tickets} tickets, ${forwarded} forwarded and ${held} held`);
  return wrong;
}
