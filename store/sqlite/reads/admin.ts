// Reads of administration: cursors, channels, named values, attachments.
import type { AttachmentRow, ChannelRow } from '../../store.ts';
import { ordinalOf } from '../context.ts';
import { many, one, type Statements } from '../statements.ts';

export function readCursor(sql: Statements, channel: string): string | null {
  return one<{ value: string }>(sql('SELECT value FROM cursors WHERE channel = ?').get(channel))?.value ?? null;
}

interface ChannelLine {
  readonly id: string;
  readonly kind: string;
  readonly settings: Uint8Array;
  readonly enabled: number;
  readonly created_at: number;
}

export function listChannels(sql: Statements): ChannelRow[] {
  const rows = sql('SELECT id, kind, settings, enabled, created_at FROM channels ORDER BY created_at, id').all();
  return many<ChannelLine>(rows).map(line => ({
    id: line.id,
    kind: line.kind,
    settings: line.settings,
    enabled: line.enabled === 1,
    createdAt: line.created_at,
  }));
}

export function readMeta(sql: Statements, name: string): string | null {
  return one<{ value: string }>(sql('SELECT value FROM named WHERE name = ?').get(`meta.${name}`))?.value ?? null;
}

interface AttachmentLine {
  readonly number: string;
  readonly place: number;
  readonly state: AttachmentRow['state'];
  readonly attempts: number;
  readonly due_at: number;
  readonly blob: string | null;
  readonly size: number | null;
  readonly media_type: string | null;
  readonly cause: string | null;
}

function toAttachment(line: AttachmentLine): AttachmentRow {
  return {
    message: line.number,
    index: line.place,
    state: line.state,
    attempts: line.attempts,
    dueAt: line.due_at,
    blob: line.blob,
    size: line.size,
    mediaType: line.media_type,
    cause: line.cause,
  };
}

export function attachmentsDue(sql: Statements, now: number, limit: number): AttachmentRow[] {
  const rows = sql(
    `SELECT a.*, m.number FROM attachments a JOIN messages m ON m.ordinal = a.message
     WHERE a.state = 'wanted' AND a.due_at <= ? ORDER BY a.due_at LIMIT ?`,
  ).all(now, limit);
  return many<AttachmentLine>(rows).map(toAttachment);
}

export function attachmentsOf(sql: Statements, message: string): AttachmentRow[] {
  const ordinal = ordinalOf(sql, message);
  if (ordinal === undefined) return [];
  const rows = sql(
    'SELECT a.*, m.number FROM attachments a JOIN messages m ON m.ordinal = a.message WHERE a.message = ? ORDER BY a.place',
  ).all(ordinal);
  return many<AttachmentLine>(rows).map(toAttachment);
}
