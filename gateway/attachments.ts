// 附件: fetches what an appeal only refers to, keeps it sealed, and hands the bytes to the case system's entries.
import { createHash } from 'node:crypto';
import { type InboundAttachment, PlatformError, Refused } from '../adapters/contract.ts';
import { type Outgoing, outgoing } from '../adapters/kit/http.ts';
import type { Attachment } from '../normalizer/ticket.ts';
import type { FieldCipher } from '../store/field-cipher.ts';
import { decodeOriginal, type KeptOriginal } from '../store/original-codec.ts';
import type { AttachmentRow, MessageRow, Store } from '../store/store.ts';
import { openDecision, openFile, openTicketContent, sealDecision, sealFile } from '../store/ticket-seal.ts';
import type { ChannelBook } from './channel-book.ts';
import type { Channels } from './channels.ts';
import { blobName } from './intake.ts';
import { originalOf } from './reading/read-again.ts';
import type { Log } from './telemetry.ts';

export interface AttachmentsParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly book: ChannelBook;
  readonly channels: Pick<Channels, 'opened'>;
  readonly log: Log;
  readonly now: () => number;
  /** Servers with inner addresses that attachments may come from, `host:port`; none by default. */
  readonly allow?: readonly string[];
}

export interface Attachments {
  /** Begins to fetch; looks again whenever told and every so often. */
  start(): void;
  wake(): void;
  /** Bytes of one attachment of a message; null where they are not here (yet). */
  load(message: string, index: number, attachment: Attachment): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

const FILE_LIMIT = 20 * 1024 * 1024;
const AT_ONCE = 4;
const LOOK_MS = 5000;
/** Waits before each further attempt; after the last the attachment is given up and the ticket goes without it. */
const RETRY_MS = [5_000, 30_000, 120_000, 300_000];

export function createAttachments(parts: AttachmentsParts): Attachments {
  const client: Outgoing = outgoing({
    prefix: 'attachment',
    allow: parts.allow ?? [],
    responseLimit: FILE_LIMIT,
    totalTimeoutMs: 60_000,
    bodyTimeoutMs: 20_000,
  });
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function fetchDue(): Promise<void> {
    const due = await parts.store.admin.attachmentsDue(parts.now(), AT_ONCE);
    await Promise.all(due.map(fetchOne));
    if (due.length === AT_ONCE && !stop.signal.aborted) await fetchDue();
  }

  async function fetchOne(row: AttachmentRow): Promise<void> {
    const message = await parts.store.messages.get(row.message);
    const ticket = await parts.store.tickets.get(row.message);
    if (message === null || ticket === null) return settle({ ...row, state: 'failed', cause: 'attachment.no_ticket' });
    const attachment = openTicketContent(parts.cipher, ticket).appeal.attachments[row.index];
    try {
      if (attachment === undefined) throw new Refused('attachment.no_reference', 'the ticket has no such attachment');
      const { bytes, mediaType } = await fetchBytes(message.channel, attachment);
      const blob = blobName(parts.cipher, row.message, `attachment.${row.index}`);
      await parts.store.blobs.put(blob, seal(message, row.index, bytes));
      await settle({ ...row, state: 'kept', blob, size: bytes.byteLength, mediaType, cause: null });
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!(error instanceof PlatformError)) parts.log.bug('attachment.bug', error, { number: row.message });
      await settle(afterFailure(row, error));
    }
  }

  async function fetchBytes(channel: string, attachment: Attachment) {
    const { ref } = attachment;
    if (ref === null) throw new Refused('attachment.no_reference', 'the attachment names no source');
    if (attachment.source === 'platform') {
      const fetcher = parts.channels.opened(channel)?.fetchAttachment;
      if (fetcher === undefined) throw new Refused('attachment.no_fetcher', 'the channel fetches no attachments');
      return fetcher(ref, stop.signal);
    }
    const answer = await client.send({ url: ref, signal: stop.signal });
    if (answer.status !== 200) throw new Refused('attachment.refused', `the server answered ${answer.status}`);
    return { bytes: answer.body, mediaType: answer.headers['content-type'] ?? attachment.mediaType };
  }

  function seal(message: MessageRow, index: number, bytes: Uint8Array): Uint8Array {
    const key = parts.cipher.openDataKey(message.wrappedContent);
    return sealFile(parts.cipher, key, { number: message.number, sha256: `attachment.${index}`, bytes });
  }

  function afterFailure(row: AttachmentRow, error: unknown): AttachmentRow {
    const cause = error instanceof PlatformError ? error.code : 'attachment.bug';
    const wait = error instanceof Refused ? undefined : RETRY_MS[row.attempts];
    const attempts = row.attempts + 1;
    if (wait === undefined) return { ...row, attempts, state: 'failed', cause };
    return { ...row, attempts, dueAt: parts.now() + wait, cause };
  }

  async function settle(row: AttachmentRow): Promise<void> {
    await parts.store.admin.settleAttachment(row, parts.now());
    if (row.state === 'failed') {
      parts.log.warn('attachment.failed', { number: row.message, reason: row.cause, attempts: row.attempts });
    }
    if (row.state === 'kept') await correctLate(parts, row);
  }

  function look(): void {
    running = running
      .then(fetchDue)
      .catch(error => parts.log.fail('attachment.store_unavailable', error))
      .finally(() => {
        if (!stop.signal.aborted) timer = setTimeout(look, LOOK_MS);
      });
  }

  return {
    start: look,
    wake() {
      clearTimeout(timer);
      look();
    },
    load: (message, index, attachment) => loadAttachment(parts, message, index, attachment),
    async close() {
      stop.abort();
      clearTimeout(timer);
      await running;
      await client.close();
    },
  };
}

/** An attachment that came after its ticket had gone follows by a correction. */
async function correctLate({ store, cipher, now }: AttachmentsParts, row: AttachmentRow): Promise<void> {
  const created = (await store.outbox.list({ ticket: row.message, kind: 'ticket.created', limit: 1 }))[0];
  if (created === undefined || created.state === 'due' || created.state === 'parked') return;
  const message = await store.messages.get(row.message);
  const ticket = await store.tickets.get(row.message);
  if (message?.outcome == null || ticket === null) return;
  const entry = {
    message: row.message,
    revision: message.revision,
    kind: 'ticket.corrected' as const,
    ticket: row.message,
    lane: message.lane,
    urgent: false,
    notBefore: 0,
    afterCreated: true,
  };
  const kept = openDecision(cipher, message);
  const contentKey = cipher.openDataKey(message.wrappedContent);
  const { number, state, channel, type, category, urgency, division, confidential, acceptedAt } = ticket;
  const { closedRepeatOf, incident, wrappedIdentity, born, identity, identityKeys, facts } = ticket;
  await store.decisions.commit(
    [
      {
        number,
        revision: message.revision,
        decidedAt: now(),
        outcome: message.outcome,
        decision: kept && sealDecision(cipher, contentKey, number, { ...kept, revision: message.revision }),
        ticket: {
          ...{ number, state, channel, type, category, urgency, division, confidential, acceptedAt },
          ...{ closedRepeatOf, incident, wrappedIdentity, born, identity, identityKeys, facts },
        },
        parts: [],
        incidentFirst: null,
        conversation: null,
        outbox: [entry],
        voids: [],
        wanted: [],
        events: [],
        audit: { by: 'system', action: 'attachment.late', on: [number] },
      },
    ],
    null,
  );
}

async function loadAttachment(
  parts: AttachmentsParts,
  number: string,
  index: number,
  attachment: Attachment,
): Promise<Uint8Array | null> {
  const message = await parts.store.messages.get(number);
  if (message === null) return null;
  const key = parts.cipher.openDataKey(message.wrappedContent);
  if (attachment.source === 'url' || attachment.source === 'platform') {
    const row = (await parts.store.admin.attachments(number)).find(one => one.index === index);
    const sealed = row?.blob == null ? null : await parts.store.blobs.get(row.blob);
    return sealed && openFile(parts.cipher, key, { number, sha256: `attachment.${index}`, sealed });
  }
  return loadFromOriginals(parts, message, index);
}

/** Inline bytes stand in the original itself, files of its request beside it; parts of a conversation count on. */
async function loadFromOriginals(parts: AttachmentsParts, lead: MessageRow, index: number): Promise<Uint8Array | null> {
  const joined = (await parts.store.messages.joined(lead.number)).filter(row => row.outcome?.kind === 'part');
  let before = 0;
  for (const row of [lead, ...joined]) {
    const original = decodeOriginal(await originalOf(parts, row));
    const attachments = await attachmentsOf(parts, row, original);
    const found = attachments[index - before];
    if (found !== undefined) return bytesOf(parts, row, original, found);
    before += attachments.length;
  }
  return null;
}

async function attachmentsOf(
  { book }: AttachmentsParts,
  row: MessageRow,
  original: KeptOriginal,
): Promise<readonly InboundAttachment[]> {
  const channel = await book.find(row.channel);
  const inbound = await channel?.definition.parse(original, channel.settings);
  return inbound?.kind === 'appeal' ? inbound.attachments : [];
}

async function bytesOf(
  { cipher, store }: AttachmentsParts,
  row: MessageRow,
  original: KeptOriginal,
  { source }: InboundAttachment,
): Promise<Uint8Array | null> {
  if (source.kind === 'inline') return Buffer.from(source.base64, 'base64');
  if (source.kind !== 'blob') return null;
  const file = original.kept.find(one => one.sha256 === source.sha256);
  const sealed = file === undefined ? null : await store.blobs.get(file.blob);
  if (sealed === null) return null;
  const key = cipher.openDataKey(row.wrappedContent);
  const bytes = openFile(cipher, key, { number: row.number, sha256: source.sha256, sealed });
  const intact = createHash('sha256').update(bytes).digest('hex') === source.sha256;
  return intact ? bytes : null;
}
