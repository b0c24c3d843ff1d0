// 更正: a clerk says otherwise than reading did about type, class, urgency, scene, discretion, whom it is about and who handles it. A new decision, never an edit.
import { isDeepStrictEqual } from 'node:util';
import type { ToHandle } from '../../normalizer/handling.ts';
import { cleanLine } from '../../normalizer/text.ts';
import type { Decided, Flag, Handling, Place, TicketType } from '../../normalizer/ticket.ts';
import { decodeFacts, encodeFacts } from '../../store/facts-codec.ts';
import type { CommitRow, MessageRow, TicketRow } from '../../store/store.ts';
import { type BornContent, openTicketContent, sealContent } from '../../store/ticket-seal.ts';
import { assigned } from './assignment.ts';
import { type Changes, CORRECTABLE, type CorrectionRules } from './changes.ts';
import { noted } from './clerk-row.ts';
import { createdEntry, hasGone } from './corrections.ts';
import { bornOf, noticeOf } from './decided-anew.ts';
import { DeskError } from './desk-error.ts';
import type { DeskParts } from './desk-parts.ts';
import { lowers } from './lowering.ts';

export interface Corrected {
  readonly message: MessageRow;
  readonly ticket: TicketRow;
  readonly changes: Changes;
  readonly reason: string;
  readonly by: string;
  /** Who proposed it; null where it needs one person only. */
  readonly proposedBy: string | null;
}

/** A ticket as it would be. */
export interface Correction {
  readonly after: BornContent;
  /** For the audit: which field was what and is what now. */
  readonly changed: readonly string[];
  /** Fields that reading was unsure of, and that a clerk has looked at. */
  readonly confirmed: readonly string[];
  /** It takes away what protects who appealed, which needs a second person. */
  readonly lowers: boolean;
}

const byClerk = <T>(value: T): Decided<T> => ({ value, by: 'clerk', words: [], confidence: 1 });
const flagged = (value: boolean): Flag => ({ value, by: 'clerk', words: [], confidence: 1 });

/**
 * What of a ticket the changes would make.
 * @throws DeskError where the ticket has joined another, nothing changes, or what makes it confidential stays
 */
export function correctionOf(
  parts: Pick<DeskParts, 'cipher' | 'corrections'>,
  { message, ticket: row, changes }: Pick<Corrected, 'message' | 'ticket' | 'changes'>,
): Correction {
  const { number, state } = row;
  if (!CORRECTABLE.has(state)) throw new DeskError('desk.not_correctable', { number, state });
  // Its deadlines are over.
  if (isOver(row) && changes.urgency !== undefined) throw new DeskError('desk.over', { number });
  const before = withRow(openTicketContent(parts.cipher, row), row);
  const anew = corrected(parts.corrections, before, changes);
  const { deadlines } = (isOver(row) ? before : anew).handling;
  const after = { ...anew, revision: message.revision, handling: { ...anew.handling, deadlines } };
  const changed = differences(before, after);
  const confirmed = (before.appeal.asks ?? []).filter(field => after.appeal.asks?.includes(field) !== true);
  if (changed.length + confirmed.length === 0) throw new DeskError('desk.nothing_changed', { number });
  return { after, changed, confirmed, lowers: lowers(before, after) };
}

/**
 * The row of the correction: the ticket under the next revision, and what the case system is told of it.
 * @param base the bare row of a clerk's decision on the message
 */
export async function correctionRow(
  parts: DeskParts,
  base: CommitRow,
  { after, changed, confirmed }: Correction,
  { message, ticket: row, reason, by, proposedBy }: Corrected,
): Promise<CommitRow> {
  const { number, state } = row;
  const contentKey = parts.cipher.openDataKey(message.wrappedContent);
  const event = { number, at: parts.now(), by, kind: 'corrected', expect: [state] };
  return {
    ...base,
    // That it was right is nothing that the case system did not know.
    ...(changed.length === 0 ? {} : await told(parts, message, { urgency: after.appeal.urgency.value, state })),
    ticket: {
      ...bornOf(row),
      type: after.appeal.type.value,
      category: after.appeal.category?.value.codes.at(-1) ?? null,
      urgency: after.appeal.urgency.value,
      confidential: after.confidential.value,
      division: after.place.division,
      // Later appeals are compared with it by where it is.
      facts: encodeFacts({ ...decodeFacts(row.facts), division: after.place.division }),
      born: sealContent(parts.cipher, contentKey, after),
    },
    events: [noted(parts, message, event, reason)],
    audit: {
      by,
      action: 'ticket.correct',
      on: [
        number,
        ...changed,
        ...confirmed.map(field => `looked-at:${field}`),
        ...(proposedBy === null ? [] : [`proposed-by:${proposedBy}`]),
      ],
    },
  };
}

const isOver = ({ state }: TicketRow) => state === 'closed';

/** What of the ticket its row says by now. */
function withRow(born: BornContent, row: TicketRow): BornContent {
  return { ...born, confidential: { ...born.confidential, value: born.confidential.value || row.confidential } };
}

function corrected(rules: CorrectionRules, born: BornContent, changes: Changes): BornContent {
  const { appeal } = born;
  const place = placeOf(rules, born.place, changes);
  const type = changes.type === undefined ? appeal.type : byClerk(changes.type);
  const category = changes.category === undefined ? appeal.category : byClerk(rules.category(changes.category));
  const urgency = changes.urgency === undefined ? appeal.urgency : byClerk(changes.urgency);
  const anonymous = changes.anonymous ?? born.anonymous;
  const confidential = discretion(born, changes, { type: type.value, anonymous });
  const subject = changes.subject === undefined ? appeal.subject : subjectOf(changes.subject);
  const { title, content } = appeal;
  const of: ToHandle = {
    ...{ type: type.value, secret: type.value === '举报' || confidential.value, category: category?.value ?? null },
    ...{ place, urgency: urgency.value, text: `${title}\n${content}`, subject, receivedAt: born.source.receivedAt },
  };
  // Who must not learn of it depends on what it is and on whether it is secret.
  const { type: _type, ...others } = changes;
  const anew = Object.keys(others).some(field => !SUGGESTS_NOTHING.has(field)) || type.value !== appeal.type.value;
  const placed = changes.division !== undefined || changes.scene !== undefined;
  return {
    ...born,
    appeal: {
      ...appeal,
      ...{ type, category, urgency, subject },
      asks: changes.confirm
        ? []
        : (appeal.asks ?? []).filter(field => !(field in changes) && !(field === 'place' && placed)),
    },
    ...{ place, anonymous, confidential },
    public: publicity(born, changes, confidential.value),
    handling: assigned(rules, {
      ...{ before: born.handling, changes, of },
      suggested: anew ? rules.handling(of) : born.handling,
    }),
  };
}

/** What says nothing of who should handle it; a unit that is named does so by itself. */
const SUGGESTS_NOTHING: ReadonlySet<string> = new Set(['scene', 'public', 'method', 'confirm']);
const LONGEST_SUBJECT = 100;

function subjectOf(written: string): string | null {
  const subject = cleanLine(written, LONGEST_SUBJECT);
  return subject === '' ? null : subject;
}

function publicity({ number, public: before }: BornContent, changes: Changes, confidential: boolean): Flag {
  if (confidential && changes.public === true) throw new DeskError('desk.stays_unpublished', { number });
  if (confidential) return { value: false, by: 'rule', words: [] };
  return changes.public === undefined ? before : flagged(changes.public);
}

/** What was read of the scene leads elsewhere where a clerk has written another, or knows it to be in another division. */
function placeOf(rules: CorrectionRules, place: Place, { division, scene }: Changes): Place {
  const other = division === undefined ? null : rules.division(division);
  const divided: Place =
    other === null ? place : { ...place, division: other.code, divisionName: other.name, town: null, inCity: true };
  if (scene === undefined) return divided;
  const unknown = {
    town: null,
    road: null,
    estate: null,
    houseNumber: null,
    longitude: null,
    latitude: null,
    datum: null,
  };
  const { by: _read, ...read } = { ...divided, ...unknown, words: [] };
  if (scene.trim() === '') return { ...read, text: null, confidence: 0 };
  return { ...read, text: scene.trim(), confidence: 1, by: 'clerk' };
}

/** An accusation, and what is anonymous, is confidential whatever else is said (article 23). */
function discretion(
  born: BornContent,
  changes: Changes,
  { type, anonymous }: { readonly type: TicketType; readonly anonymous: boolean },
): Flag {
  const bound = type === '举报' || anonymous;
  if (bound && changes.confidential === false) throw new DeskError('desk.stays_confidential', { number: born.number });
  if (changes.confidential !== undefined) return flagged(changes.confidential);
  return bound && !born.confidential.value ? flagged(true) : born.confidential;
}

/** For the audit: which field was what and is what now; no words of the appeal. */
function differences(before: BornContent, after: BornContent): readonly string[] {
  const of = (content: BornContent): Readonly<Record<string, string>> => {
    const { appeal, place, confidential, anonymous, handling } = content;
    return {
      type: appeal.type.value,
      category: appeal.category?.value.codes.at(-1) ?? '',
      urgency: appeal.urgency.value,
      confidential: String(confidential.value),
      anonymous: String(anonymous),
      division: place.division ?? '',
      public: String(content.public.value),
      method: handling.method,
    };
  };
  const [was, is] = [of(before), of(after)];
  const changed = Object.keys(is).flatMap(key => (was[key] === is[key] ? [] : [`${key}:${was[key]}→${is[key]}`]));
  // The same words from a clerk say that it is no home, and go out.
  const sameScene = before.place.text === after.place.text && before.place.by === after.place.by;
  const said: readonly (readonly [string, boolean])[] = [
    ['scene', !sameScene],
    ['subject', before.appeal.subject !== after.appeal.subject],
    ['units', !areSameUnits(before.handling, after.handling)],
  ];
  return [...changed, ...said.filter(([, differs]) => differs).map(([field]) => field)];
}

/** Units that follow from a corrected class or place are no words of a clerk. */
function areSameUnits(one: Handling, other: Handling): boolean {
  if (one.by !== 'clerk' && other.by !== 'clerk') return true;
  return one.by === other.by && one.unit === other.unit && isDeepStrictEqual(one.coUnits, other.coUnits);
}

/**
 * The case system gets once more what it has; what waits to go is made of the ticket as it is by then, and takes its lane. Of what
 * was refused it has nothing, or was told that it is withdrawn.
 */
export async function told(
  parts: DeskParts,
  message: MessageRow,
  { urgency, state }: Pick<TicketRow, 'urgency' | 'state'>,
): Promise<Pick<CommitRow, 'outbox' | 'voids'>> {
  if (state === 'refused') return { outbox: [], voids: [] };
  const created = await createdEntry(parts.store, message.number);
  if (hasGone(created)) return { outbox: [noticeOf(message, 'ticket.corrected', message.number)], voids: [] };
  const urgent = urgency === '紧急';
  const waits = created !== undefined && (created.state === 'due' || created.state === 'parked');
  if (!waits || created.urgent === urgent) return { outbox: [], voids: [] };
  const entry = noticeOf(message, 'ticket.created', message.number);
  return { outbox: [{ ...entry, urgent, notBefore: 0, afterCreated: false }], voids: [created.id] };
}
