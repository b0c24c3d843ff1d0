// Writing steps of administration: channels, leases, named values, attachments.
import type { AttachmentRow, AuditNote, ChannelRow, SeenChannel } from '../../store.ts';
import { ordinalOf, type WriteContext } from '../context.ts';
import { readMeta } from '../reads/admin.ts';
import { one } from '../statements.ts';
import { stopWaiting } from './lanes.ts';

export function putChannel(
  context: WriteContext,
  row: ChannelRow,
  audit: AuditNote,
  seen: SeenChannel | null | undefined,
  now: number,
): boolean {
  if (seen !== undefined && !stands(context, row.id, seen)) return false;
  context
    .sql(
      `INSERT INTO channels (id, kind, settings, enabled, created_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT(id) DO UPDATE SET kind = excluded.kind, settings = excluded.settings, enabled = excluded.enabled`,
    )
    .run(row.id, row.kind, row.settings, Number(row.enabled), row.createdAt);
  context.audit.append(audit, now);
  return true;
}

function stands({ sql }: WriteContext, id: string, seen: SeenChannel | null): boolean {
  const found = one<{ settings: Uint8Array; enabled: number }>(
    sql('SELECT settings, enabled FROM channels WHERE id = ?').get(id),
  );
  if (found === undefined || seen === null) return found === undefined && seen === null;
  return Buffer.from(seen.settings).equals(found.settings) && Number(seen.enabled) === found.enabled;
}

export function removeChannel(context: WriteContext, id: string, audit: AuditNote, now: number): boolean {
  const { changes } = context.sql('DELETE FROM channels WHERE id = ?').run(id);
  if (changes > 0) context.audit.append(audit, now);
  return changes > 0;
}

/** A token is the lease's name and how often it was taken; it stays the same while its owner renews in time. */
export function takeLease(
  context: WriteContext,
  name: string,
  owner: string,
  now: number,
  ttlMs: number,
): string | null {
  const { sql } = context;
  const held = one<{ owner: string; token: number; until: number }>(
    sql('SELECT owner, token, until FROM leases WHERE name = ?').get(name),
  );
  const running = held !== undefined && held.until > now;
  if (running && held.owner !== owner) return null;
  const token = running ? held.token : (held?.token ?? 0) + 1;
  sql(
    `INSERT INTO leases (name, owner, token, until) VALUES (?, ?, ?, ?)
     ON CONFLICT(name) DO UPDATE SET owner = excluded.owner, token = excluded.token, until = excluded.until`,
  ).run(name, owner, token, now + ttlMs);
  return `${name}#${token}`;
}

/** At the start of a process nobody holds a lease; by the clock one could hold it on, for as long as the clock was set back. */
export function endLeases({ sql }: WriteContext): void {
  sql('UPDATE leases SET until = 0').run();
}

export function setNamed(context: WriteContext, name: string, value: string, seen: string | null | undefined): boolean {
  if (seen !== undefined && readMeta(context.sql, name) !== seen) return false;
  context
    .sql('INSERT INTO named (name, value) VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET value = excluded.value')
    .run(`meta.${name}`, value);
  return true;
}

export function settleAttachment(context: WriteContext, row: AttachmentRow, now: number): null {
  const { sql } = context;
  const message = ordinalOf(sql, row.message);
  if (message === undefined) throw new Error('an attachment of a message that is not in the store');
  sql(
    `INSERT INTO attachments (message, place, state, attempts, due_at, blob, size, media_type, cause)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT(message, place) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at,
       blob = excluded.blob, size = excluded.size, media_type = excluded.media_type, cause = excluded.cause`,
  ).run(message, row.index, row.state, row.attempts, row.dueAt, row.blob, row.size, row.mediaType, row.cause);
  const open = sql(`SELECT 1 FROM attachments WHERE message = ? AND state = 'wanted' LIMIT 1`).get(message);
  if (open === undefined) stopWaiting(context, message, now);
  return null;
}
