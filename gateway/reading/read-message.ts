// One message read: the adapter's parse, then the normaliser, then the grams by which repeats are found. Pure but for speed.
import {
  type AdapterDefinition,
  type InboundAppeal,
  type InboundMessage,
  PlatformError,
} from '../../adapters/contract.ts';
import { type GramRules, type Grams, gramsOf } from '../../normalizer/grams.ts';
import { normalize } from '../../normalizer/normalize.ts';
import type { Original } from '../../normalizer/original.ts';
import { placeKeysOf } from '../../normalizer/place-keys.ts';
import { readRequester, requesterIdentities } from '../../normalizer/requester.ts';
import type { Rulebook } from '../../normalizer/rulebook.ts';
import type { Requester, Source, TicketDraft } from '../../normalizer/ticket.ts';
import { appealsByHand, type ByHand } from './by-hand.ts';
import type { Writer } from './conversations.ts';
import { plainError } from './plain-error.ts';
import type { DraftHead, Reading } from './protocol.ts';

export interface ReadingRules {
  readonly rulebook: Rulebook;
  readonly grams: GramRules;
}

/** Where a message came from and when it was accepted (milliseconds since the epoch). */
export interface Arrival {
  readonly channel: string;
  readonly kind: string;
  readonly receivedAt: number;
  /** True when the originals are the gathered parts of a conversation; a part read alone waits to be gathered. */
  readonly gathered: boolean;
  /** A clerk says that the first original is an appeal; `parse` may say what it likes. Default false. */
  readonly asAppeal?: boolean;
  /** A clerk makes it a ticket, whatever can be read of it. Default null. */
  readonly byHand?: ByHand | null;
}

export interface DraftReading {
  readonly reading: Reading;
  /** Present with a draft. */
  readonly draft?: TicketDraft;
  readonly source?: Source;
  readonly grams?: Grams;
}

/** Reads one message. Never throws: what cannot be read is `unreadable` with its code. */
export async function readMessage(
  definition: Pick<AdapterDefinition, 'parse' | 'readAsAppeal'>,
  settings: unknown,
  originals: readonly Original[],
  arrival: Arrival,
  rules: ReadingRules,
): Promise<DraftReading> {
  try {
    if (arrival.byHand) return await readByHand(definition, settings, originals, arrival.byHand, { arrival, rules });
    const appeals: InboundAppeal[] = [];
    for (const [place, original] of originals.entries()) {
      const asAppeal = arrival.asAppeal === true && place === 0;
      const inbound = await inboundOf(definition, original, settings, asAppeal);
      if (inbound.kind === 'not-an-appeal' && !arrival.gathered) return { reading: inbound };
      if (inbound.kind === 'appeal') appeals.push(inbound);
    }
    if (appeals.length === 0) return { reading: { kind: 'not-an-appeal', reason: 'empty' } };
    const [first] = appeals;
    if (first?.conversation && !arrival.gathered)
      return { reading: partOf(first.conversation, writerOf(first, rules)) };
    return draftOf(joined(appeals), arrival, rules);
  } catch (error) {
    if (error instanceof PlatformError) return { reading: { kind: 'unreadable', reason: error.code } };
    return { reading: { kind: 'unreadable', reason: 'reading.parse_failed', defect: plainError(error) } };
  }
}

async function readByHand(
  definition: Pick<AdapterDefinition, 'parse' | 'readAsAppeal'>,
  settings: unknown,
  originals: readonly Original[],
  byHand: ByHand,
  { arrival, rules }: { readonly arrival: Arrival; readonly rules: ReadingRules },
): Promise<DraftReading> {
  const read = (original: Original, place: number) => inboundOf(definition, original, settings, place === 0);
  const found = await appealsByHand(byHand, originals, read);
  return 'kind' in found ? { reading: found } : draftOf(joined(found), arrival, rules);
}

/** As its adapter reads it; with `asAppeal` as the appeal that a clerk says it is, where the adapter can. */
export async function inboundOf(
  definition: Pick<AdapterDefinition, 'parse' | 'readAsAppeal'>,
  original: Original,
  settings: unknown,
  asAppeal: boolean,
): Promise<InboundMessage> {
  const inbound = await definition.parse(original, settings);
  if (inbound.kind === 'appeal' || !asAppeal) return inbound;
  return (await definition.readAsAppeal?.(original, settings)) ?? inbound;
}

function partOf(part: NonNullable<InboundAppeal['conversation']>, writer: Writer): Reading {
  return { kind: 'part', key: part.key, last: part.last, quietMs: part.quietSeconds * 1000, writer };
}

/** By field, since a person may have two phones; only what tells people apart, in the form in which it is compared. */
function writerOf({ contact }: InboundAppeal, { rulebook }: ReadingRules): Writer {
  const { requester } = readRequester(contact, rulebook);
  const identities = requesterIdentities(requester);
  const writer: Record<string, string> = {};
  for (const { kind, value } of identities) if (kind !== 'phone') writer[kind] = value;
  for (const field of ['phone', 'callerPhone'] as const) {
    const value = requester[field];
    if (value !== null && identities.some(known => known.value === value)) writer[field] = value;
  }
  return writer;
}

/** Parts of one conversation as one appeal: words in order, the first part that names a thing decides it. */
function joined(appeals: readonly InboundAppeal[]): InboundAppeal {
  if (appeals.length === 1) return appeals[0] as InboundAppeal;
  const latestFirst = appeals.toReversed();
  return {
    ...(Object.assign({}, ...latestFirst) as InboundAppeal),
    content: appeals.map(appeal => appeal.content).join('\n'),
    contact: Object.assign({}, ...latestFirst.map(appeal => appeal.contact)) as InboundAppeal['contact'],
    externalIds: Object.assign({}, ...latestFirst.map(appeal => appeal.externalIds)) as InboundAppeal['externalIds'],
    attachments: appeals.flatMap(appeal => appeal.attachments),
  };
}

function draftOf(appeal: InboundAppeal, arrival: Arrival, rules: ReadingRules): DraftReading {
  const draft = normalize(appeal, rules.rulebook, arrival.receivedAt);
  const { title, content, personal } = draft.appeal;
  const grams = gramsOf(`${title}\n${content}`, personal, draft.requester.name, {
    contentStart: title.length + 1,
    rules: rules.grams,
  });
  const source: Source = {
    channel: arrival.channel,
    kind: arrival.kind,
    externalIds: draft.externalIds,
    receivedAt: arrival.receivedAt,
    occurredAt: draft.occurredAt,
    occurredText: draft.occurredText,
    sentAt: draft.sentAt,
  };
  return { reading: { kind: 'draft', head: headOf(draft, grams) }, draft, source, grams };
}

function headOf(draft: TicketDraft, grams: Grams): DraftHead {
  const { appeal, place } = draft;
  const wanted: number[] = [];
  appeal.attachments.forEach((attachment, i) => {
    if (attachment.source === 'url' || attachment.source === 'platform') wanted.push(i);
  });
  return {
    type: appeal.type.value,
    category: appeal.category?.value.codes.at(-1) ?? null,
    urgency: appeal.urgency.value,
    division: place.division,
    confidential: draft.confidential.value,
    verdict: draft.triage.verdict,
    identities: requesterIdentities(draft.requester),
    requester: present(draft.requester),
    placeKeys: placeKeysOf(place, appeal.subject, appeal.category?.value.codes, appeal),
    wanted,
    titleRuns: grams.titleRuns,
    textHash: grams.textHash,
    length: grams.length,
    grams: grams.hashes.length,
  };
}

function present(requester: Requester): Partial<Requester> {
  const fields: Record<string, string> = {};
  for (const [field, value] of Object.entries(requester)) if (value !== null) fields[field] = value;
  return fields;
}

/** JSON of the born ticket but for the requester and what the decision adds. */
export function draftJson(draft: TicketDraft, source: Source): string {
  const { appeal, place, anonymous, confidential, triage, handling } = draft;
  return JSON.stringify({ source, appeal, place, anonymous, confidential, public: draft.public, triage, handling });
}
