// The thread that reads a copy back; it changes nothing of it.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { SealBroken, StoreUnavailable } from '../../store/errors.ts';
import { createCipher, type FieldCipher } from '../../store/field-cipher.ts';
import { hashFile } from '../../store/file-hash.ts';
import { importRing, type KeyRing, macKey } from '../../store/key-ring.ts';
import { decodeOriginal } from '../../store/original-codec.ts';
import type { SnapshotReader } from '../../store/retention.ts';
import type { MessageRow } from '../../store/store.ts';
import { openDecision, openFile, openIdentity, openOriginal, openTicketContent } from '../../store/ticket-seal.ts';
import { openCopy } from '../engines.ts';
import type { FromProof, ProofFault, ProofReport, ProofStart } from './proof.ts';

const PAGE = 200;
const OPENED_ABOUT = 50_000;
const FAULTS_TOLD = 20;

const start = workerData as ProofStart;
const faults: ProofFault[] = [];
const fault = (kind: ProofFault['kind'], at: string) => {
  if (faults.length < FAULTS_TOLD) faults.push({ kind, at });
};
const say = (message: FromProof) => parentPort?.postMessage(message);

async function run(): Promise<ProofReport> {
  const total = start.files.length;
  for (const [done, file] of start.files.entries()) {
    await proveFile(file);
    if (done % 16 === 0) say({ kind: 'progress', done, total });
  }
  // What is damaged may not even open, and the reason is known already.
  if (faults.length > 0) return { files: total, ...NOTHING_READ, ...NOTHING_OPENED, faults };
  const copy = await openCopy(start.engine, start.folder);
  if (copy === null) throw new Error('a copy of an engine that is not here');
  try {
    const integrity = copy.integrity();
    if (integrity !== null) fault('integrity', integrity);
    const keys = JSON.parse(copy.meta('key-check') ?? '{}') as Record<string, string>;
    const opened = start.ring === null ? NOTHING_OPENED : await openAll(copy, importRing(start.ring));
    return { files: total, ...copy.counts(), ...opened, keys, faults };
  } finally {
    copy.close();
  }
}

const NOTHING_READ = { messages: 0, tickets: 0, entries: 0, keys: {} };
const NOTHING_OPENED = { opened: 0, shredded: 0, auditRecords: null };

async function proveFile({ name, sha256 }: ProofStart['files'][number]): Promise<void> {
  const file = join(start.folder, name);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return fault('missing', name);
  if ((await hashFile(file)) !== sha256) fault('hash', name);
}

async function openAll(copy: SnapshotReader, ring: KeyRing) {
  const audit = copy.verifyAudit(macKey(ring, 'audit'), ring.profile);
  if (audit.broken !== null) fault('audit', String(audit.broken));
  const cipher = createCipher(ring);
  const total = copy.counts().messages;
  const every = start.every ?? Math.max(1, Math.ceil(total / OPENED_ABOUT));
  let opened = 0;
  let shredded = 0;
  let place = 0;
  for (let after = 0; ; ) {
    const page = copy.messagesAfter(after, PAGE);
    for (const row of page) {
      if (place++ % every !== 0) continue;
      if (row.sealed === null && row.blob === null) shredded++;
      if (row.wrappedContent.length > 0) await openMessage(copy, cipher, row);
      opened++;
    }
    const last = page.at(-1);
    if (last === undefined) return { opened, shredded, auditRecords: audit.records };
    after = last.ordinal;
    say({ kind: 'progress', done: place, total });
  }
}

async function openMessage(copy: SnapshotReader, cipher: FieldCipher, row: MessageRow): Promise<void> {
  const { number } = row;
  const tried = async (kind: 'content' | 'identity' | 'blob', step: () => unknown) => {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof SealBroken || error instanceof StoreUnavailable)) throw error;
      fault(kind, number);
    }
  };
  await tried('content', () => openContent(copy, cipher, row));
  await tried('content', () => openDecision(cipher, row));
  const ticket = copy.ticket(number);
  if (ticket !== null) {
    await tried('content', () => openTicketContent(cipher, ticket));
    await tried('identity', () => openIdentity(cipher, ticket));
  }
  for (const { blob, index } of copy.attachments(number)) {
    if (blob === null) continue;
    await tried('blob', async () => openBlob(copy, cipher, row, { blob, sha256: `attachment.${index}` }));
  }
}

async function openContent(copy: SnapshotReader, cipher: FieldCipher, row: MessageRow): Promise<void> {
  const sealed = row.sealed ?? (row.blob === null ? null : await copy.blobs.get(row.blob));
  if (sealed === null) {
    if (row.blob !== null) fault('blob', row.number);
    return;
  }
  const original = decodeOriginal(openOriginal(cipher, cipher.openDataKey(row.wrappedContent), row.number, sealed));
  for (const kept of original.kept) await openBlob(copy, cipher, row, kept);
}

/** A file that the rules of retention took away is no fault; one that does not open is. */
async function openBlob(
  copy: SnapshotReader,
  cipher: FieldCipher,
  { number, wrappedContent }: MessageRow,
  { blob, sha256 }: { readonly blob: string; readonly sha256: string },
): Promise<void> {
  const sealed = await copy.blobs.get(blob);
  if (sealed !== null) openFile(cipher, cipher.openDataKey(wrappedContent), { number, sha256, sealed });
}

try {
  say({ kind: 'done', report: await run() });
} catch (error) {
  if (!(error instanceof StoreUnavailable && error.code === 'store.newer_schema')) throw error;
  say({ kind: 'newer' });
}
