// What is sealed of a message and its ticket, under which name, and how it is opened again; the only place that knows the names.
import {
  type BornTicket,
  type Link,
  REQUESTER_FIELDS,
  type Requester,
  type TicketDraft,
} from '../normalizer/ticket.ts';
import type { FieldCipher } from './field-cipher.ts';
import type { MessageRow, TicketRow } from './store.ts';

/** The part a decision makes, without who appealed: that is sealed apart, under a key of its own. */
export type BornContent = Omit<BornTicket, 'requester'>;

/** What reading makes of a message, as its parser writes it down. */
export type ReadContent = Pick<BornContent, 'source' | Extract<keyof TicketDraft, keyof BornContent>>;

/** What is kept of a message's decision besides the ticket it may have made. */
export interface KeptDecision {
  readonly revision: number;
  readonly links: readonly Link[];
  /** Problems met while reading. */
  readonly problems: readonly string[];
  /** What was read, without who appealed; of a message that became no ticket (a follow-up) its words stand here only. */
  readonly draft: ReadContent | null;
  /** What its adapter took for a sign that it is no appeal; a third party's may be any text. */
  readonly detail?: string;
}

/** What sealed bytes are bound to. Changing a name makes everything sealed under it unreadable. */
const NAMES = {
  born: (number: string) => `${number}:born`,
  decision: (number: string, revision: number) => `${number}:decision:${revision}`,
  original: (number: string) => `${number}:original`,
  file: (number: string, sha256: string) => `${number}:file:${sha256}`,
  note: (number: string, eventId: string) => `${number}:note:${eventId}`,
} as const;

/** A wrapped content key, opened once for many uses. */
export type ContentKey = Uint8Array;

function sealJson(cipher: FieldCipher, key: ContentKey, value: unknown, name: string): Uint8Array {
  return cipher.seal(key, Buffer.from(JSON.stringify(value)), name);
}

/** Sealed by this module, hence of the type that was sealed. */
function openJson<T>(cipher: FieldCipher, key: ContentKey, sealed: Uint8Array, name: string): T {
  return JSON.parse(cipher.open(key, sealed, name).toString('utf8')) as T;
}

/** For `BornRow.born`. */
export function sealBorn(cipher: FieldCipher, contentKey: ContentKey, born: BornTicket): Uint8Array {
  const { requester: _apart, ...content } = born;
  return sealContent(cipher, contentKey, content);
}

/** For `BornRow.born`, from the JSON (UTF-8) of a `BornContent` (the hot path never holds the object). */
export function sealBornJson(
  cipher: FieldCipher,
  contentKey: ContentKey,
  number: string,
  json: Uint8Array,
): Uint8Array {
  return cipher.seal(contentKey, json, NAMES.born(number));
}

/** For `BornRow.identity`: every field sealed on its own under the identity key, absent ones left out. */
export function sealIdentity(
  cipher: FieldCipher,
  identityKey: Uint8Array,
  number: string,
  requester: Partial<Requester>,
): Uint8Array {
  return cipher.sealFields(
    identityKey,
    number,
    Object.fromEntries(REQUESTER_FIELDS.map(field => [field, requester[field] ?? null])),
  );
}

type SealedTicket = Pick<TicketRow, 'number' | 'born' | 'wrappedContent'>;
type SealedIdentity = Pick<TicketRow, 'number' | 'identity' | 'wrappedIdentity'>;

/** A ticket's content; no identity key is touched. Throws `SealBroken`. */
export function openTicketContent(cipher: FieldCipher, row: SealedTicket): BornContent {
  return openJson(cipher, cipher.openDataKey(row.wrappedContent), row.born, NAMES.born(row.number));
}

/** What stands in place of an identity and its key once they are erased. */
export const ERASED = new Uint8Array(0);

export function isErased(row: Pick<TicketRow, 'wrappedIdentity'>): boolean {
  return row.wrappedIdentity.length === 0;
}

/** Who appealed; nothing of it once it was erased. The caller answers for the audit of what it then shows or sends. Throws `SealBroken`. */
export function openIdentity(cipher: FieldCipher, row: SealedIdentity): Requester {
  const fields: Readonly<Record<string, string>> = isErased(row)
    ? {}
    : cipher.openFields(cipher.openDataKey(row.wrappedIdentity), row.number, row.identity);
  return Object.fromEntries(REQUESTER_FIELDS.map(field => [field, fields[field] ?? null])) as unknown as Requester;
}

/** For `BornRow.born`, of content that has been opened. */
export function sealContent(cipher: FieldCipher, contentKey: ContentKey, content: BornContent): Uint8Array {
  return sealJson(cipher, contentKey, content, NAMES.born(content.number));
}

/** The whole born part, identity included. Throws `SealBroken`. */
export function openTicket(cipher: FieldCipher, row: SealedTicket & SealedIdentity): BornTicket {
  return { ...openTicketContent(cipher, row), requester: openIdentity(cipher, row) };
}

/** For `CommitRow.decision`. */
export function sealDecision(
  cipher: FieldCipher,
  contentKey: ContentKey,
  number: string,
  decision: KeptDecision,
): Uint8Array {
  return sealJson(cipher, contentKey, decision, NAMES.decision(number, decision.revision));
}

/** For `CommitRow.decision`, from the JSON (UTF-8) of a `KeptDecision`. */
export function sealDecisionJson(
  cipher: FieldCipher,
  contentKey: ContentKey,
  decision: { readonly number: string; readonly revision: number; readonly json: Uint8Array },
): Uint8Array {
  return cipher.seal(contentKey, decision.json, NAMES.decision(decision.number, decision.revision));
}

/** A decided message's decision; null where none was kept. `revision` is the decision's own, one below the row's next. */
export function openDecision(
  cipher: FieldCipher,
  row: Pick<MessageRow, 'number' | 'decision' | 'wrappedContent' | 'revision'>,
): KeptDecision | null {
  if (row.decision === null) return null;
  const key = cipher.openDataKey(row.wrappedContent);
  return openJson(cipher, key, row.decision, NAMES.decision(row.number, row.revision - 1));
}

export function sealOriginal(
  cipher: FieldCipher,
  contentKey: ContentKey,
  number: string,
  bytes: Uint8Array,
): Uint8Array {
  return cipher.seal(contentKey, bytes, NAMES.original(number));
}

export function openOriginal(cipher: FieldCipher, contentKey: ContentKey, number: string, sealed: Uint8Array): Buffer {
  return cipher.open(contentKey, sealed, NAMES.original(number));
}

/** A file that came with a message or was fetched for it, sealed under the message's content key. */
export function sealFile(
  cipher: FieldCipher,
  contentKey: ContentKey,
  file: { readonly number: string; readonly sha256: string; readonly bytes: Uint8Array },
): Uint8Array {
  return cipher.seal(contentKey, file.bytes, NAMES.file(file.number, file.sha256));
}

export function openFile(
  cipher: FieldCipher,
  contentKey: ContentKey,
  file: { readonly number: string; readonly sha256: string; readonly sealed: Uint8Array },
): Buffer {
  return cipher.open(contentKey, file.sealed, NAMES.file(file.number, file.sha256));
}

/** For `TicketEvent.note`. */
export function sealNote(
  cipher: FieldCipher,
  contentKey: ContentKey,
  event: { readonly number: string; readonly eventId: string; readonly note: string },
): Uint8Array {
  return cipher.seal(contentKey, Buffer.from(event.note), NAMES.note(event.number, event.eventId));
}

export function openNote(
  cipher: FieldCipher,
  contentKey: ContentKey,
  event: { readonly number: string; readonly eventId: string; readonly sealed: Uint8Array },
): string {
  return cipher.open(contentKey, event.sealed, NAMES.note(event.number, event.eventId)).toString('utf8');
}
