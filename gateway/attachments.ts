// 附件: fetches what an appeal only refers to, keeps it sealed, and hands the bytes to the case system's entries.
import { PlatformError, Refused, Unavailable } from '../adapters/contract.ts';
import { errorOfStatus, type Outgoing, outgoing } from '../adapters/kit/http.ts';
import type { Attachment } from '../normalizer/ticket.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { FieldCipher } from '../store/field-cipher.ts';
import type { AttachmentRow, MessageRow, Store } from '../store/store.ts';
import { sealFile } from '../store/ticket-seal.ts';
import { attachmentAt, loadAttachment } from './attachment-bytes.ts';
import type { ChannelBook } from './channels/channel-book.ts';
import type { Channels } from './channels/channels.ts';
import { correctTicket, createdEntry, hasGone } from './desk/corrections.ts';
import { blobName } from './intake.ts';
import { risingClock } from './rising-clock.ts';
import { createOutages, type Log } from './telemetry/telemetry.ts';
import { removeFetched } from './upkeep/originals.ts';

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
  /** Begins to fetch; looks again every so often. */
  start(): void;
  /** Decisions were committed: looks soon, once for however many of them. */
  wake(): void;
  /** Bytes of one attachment of a message; null where they are not here (yet). */
  load(message: string, index: number, attachment: Attachment): Promise<Uint8Array | null>;
  close(): Promise<void>;
}

const FILE_LIMIT = 20 * 1024 * 1024;
const AT_ONCE = 4;
const LOOK_MS = 5000;
const SOON_MS = 250;
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
  // Of several processes none waits by a time that the others do not have; what a clock set back holds up, their store mends.
  const now = parts.store.shared === null ? risingClock(parts.now) : parts.now;
  const outages = createOutages(parts.log, now);
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  /** A look is near, or must follow the one that is under way. */
  let soon = false;

  async function fetchDue(): Promise<void> {
    const due = await parts.store.admin.attachmentsDue(now(), AT_ONCE);
    await Promise.all(due.map(fetchOne));
    if (due.length === AT_ONCE && !stop.signal.aborted) await fetchDue();
  }

  async function fetchOne(row: AttachmentRow): Promise<void> {
    try {
      const message = await parts.store.messages.get(row.message);
      const attachment = message === null ? undefined : await attachmentAt(parts, message, row.index);
      if (message === null || attachment === undefined) {
        throw new Refused('attachment.no_reference', 'the message has no such attachment');
      }
      const { bytes, mediaType } = await fetchBytes(message.channel, attachment);
      const blob = blobName(parts.cipher, row.message, `attachment.${row.index}`);
      await parts.store.blobs.put(blob, seal(message, row.index, bytes));
      await keep({ ...row, state: 'kept', blob, size: bytes.byteLength, mediaType, cause: null });
    } catch (error) {
      if (stop.signal.aborted) return;
      // Nothing is wrong with the attachment; it is due as before.
      if (error instanceof StoreUnavailable) throw error;
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
    const busy = errorOfStatus(answer, 'attachment', parts.now());
    if (answer.status >= 400 && busy instanceof Unavailable) throw busy;
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
    return { ...row, attempts, dueAt: now() + wait, cause };
  }

  async function settle(row: AttachmentRow): Promise<void> {
    await parts.store.admin.settleAttachment(row, now());
    if (row.state === 'failed') {
      parts.log.warn('attachment.failed', { number: row.message, reason: row.cause, attempts: row.attempts });
    }
  }

  /** A ticket that waits goes at once with its last attachment; one that has gone is corrected. */
  async function keep(row: AttachmentRow): Promise<void> {
    const created = await createdEntry(parts.store, row.message);
    // The correction comes first and waits a moment: a crash between the two fetches again, and loses nothing.
    if (hasGone(created)) await correctLate(row, SOON_MS * 4);
    const mayLeave = created?.state === 'due' && created.notBefore <= now();
    await settle(row);
    if (await isErasedMeanwhile(row)) {
      await removeFetched({ ...parts, now }, [{ number: row.message }], 'attachment.erased');
      return;
    }
    if (mayLeave && hasGone(await createdEntry(parts.store, row.message))) await correctLate(row, 0);
  }

  /** Looked at only after it is kept: whoever erases looks for files after the ticket has ceased to name them. */
  async function isErasedMeanwhile({ message, index }: AttachmentRow): Promise<boolean> {
    const row = await parts.store.messages.get(message);
    return row !== null && (await attachmentAt(parts, row, index))?.ref === null;
  }

  async function correctLate({ message }: AttachmentRow, waitMs: number): Promise<void> {
    const audit = { by: 'system', action: 'attachment.late', on: [message] };
    if (!(await correctTicket({ ...parts, now }, message, { waitMs, audit })))
      throw new Unavailable('attachment.conflict', 'the ticket has changed meanwhile');
  }

  function look(): void {
    soon = false;
    running = fetchDue()
      .then(() => outages.up('store', 'attachment.store_again'))
      .catch(error => outages.down('store', 'attachment.store_unavailable', error))
      .finally(() => {
        running = null;
        if (!stop.signal.aborted) timer = setTimeout(look, soon ? SOON_MS : LOOK_MS);
      });
  }

  return {
    start: look,
    wake() {
      if (soon || stop.signal.aborted) return;
      soon = true;
      if (running !== null || timer === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(look, SOON_MS);
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
