// Administration: cursors, channels, named values, attachments.
import type { AttachmentRow, AuditNote, ChannelRow, SeenChannel } from '../store.ts';
import { insertNew, op, upserting } from './connection.ts';
import { type Context, change, NOTHING_TO_DO } from './context.ts';
import { wantedAt } from './decisions.ts';
import type { AttachmentPart, ChannelDoc, MessageDoc } from './documents.ts';
import { rollForward } from './roll-forward.ts';

export async function readCursor({ models }: Context, channel: string): Promise<string | null> {
  return (await models.cursors.findById(channel).lean())?.value ?? null;
}

export async function listChannels({ models }: Context): Promise<ChannelRow[]> {
  const docs = await models.channels.find().sort({ createdAt: 1, _id: 1 }).lean<ChannelDoc[]>();
  return docs.map(({ _id, kind, settings, enabled, createdAt }) => ({ id: _id, kind, settings, enabled, createdAt }));
}

/** The record comes first: an act that is recorded and then fails is done again; one that is not recorded cannot be. */
export async function putChannel(
  context: Context,
  row: ChannelRow,
  audit: AuditNote,
  seen: SeenChannel | null | undefined,
  now: number,
): Promise<boolean> {
  const { id, kind, settings, enabled, createdAt } = row;
  const { channels } = context.models;
  const before = seen === undefined || seen === null ? { _id: id } : { _id: id, ...settingsAsSeen(seen) };
  // Most of those that come too late are known before anything is recorded.
  if (seen !== undefined && ((await channels.findOne(before, { _id: 1 }).lean()) === null) !== (seen === null))
    return false;
  await context.audit.append(audit, now);
  if (seen === null) return insertNew(channels, { _id: id, kind, settings, enabled, createdAt });
  if (seen !== undefined) {
    const { matchedCount } = await channels.updateOne(before, { $set: { kind, settings, enabled } });
    return matchedCount === 1;
  }
  await upserting(() =>
    context.models.channels.updateOne(
      { _id: id },
      { $set: { kind, settings, enabled }, $setOnInsert: { createdAt } },
      { upsert: true },
    ),
  );
  return true;
}

const settingsAsSeen = ({ settings, enabled }: SeenChannel) => ({ settings: Buffer.from(settings), enabled });

export async function removeChannel(context: Context, id: string, audit: AuditNote, now: number): Promise<boolean> {
  const { channels } = context.models;
  if ((await channels.findById(id, { _id: 1 }).lean()) === null) return false;
  await context.audit.append(audit, now);
  return (await channels.deleteOne({ _id: id })).deletedCount === 1;
}

export async function readMeta({ models }: Context, name: string): Promise<string | null> {
  return (await models.named.findById(name).lean())?.value ?? null;
}

export async function setMeta(
  { models: { named } }: Context,
  name: string,
  value: string,
  seen: string | null | undefined,
): Promise<boolean> {
  if (seen === null) return insertNew(named, { _id: name, value });
  if (seen !== undefined) {
    const { matchedCount } = await named.updateOne({ _id: name, value: seen }, { $set: { value } });
    return matchedCount === 1;
  }
  await upserting(() => named.updateOne({ _id: name }, { $set: { value } }, { upsert: true }));
  return true;
}

function toAttachments({ number, attachments }: MessageDoc): AttachmentRow[] {
  return attachments.map(attachment => ({ message: number, ...attachment }));
}

export async function attachmentsDue({ models }: Context, now: number, limit: number): Promise<AttachmentRow[]> {
  if (limit <= 0) return [];
  const docs = await models.messages
    .find({ wantedAt: op({ $ne: null, $lte: now }) }, { number: 1, attachments: 1 })
    .sort({ wantedAt: 1 })
    .limit(limit)
    .lean<MessageDoc[]>();
  return docs
    .flatMap(toAttachments)
    .filter(row => row.state === 'wanted' && row.dueAt <= now)
    .sort((a, b) => a.dueAt - b.dueAt)
    .slice(0, limit);
}

export async function attachmentsOf({ models }: Context, message: string): Promise<AttachmentRow[]> {
  const doc = await models.messages.findOne({ number: message }, { number: 1, attachments: 1 }).lean<MessageDoc>();
  return doc === null ? [] : toAttachments(doc);
}

/** When the last attachment of a message is settled its entries wait no longer; that follows from the same write. */
export async function settleAttachment(context: Context, row: AttachmentRow, now: number): Promise<void> {
  const { message, ...settled } = row;
  const done = await change(context, message, doc => {
    const attachments: AttachmentPart[] = [...doc.attachments.filter(one => one.index !== settled.index), settled];
    attachments.sort((a, b) => a.index - b.index);
    const open = attachments.some(one => one.state === 'wanted');
    const todo = { ...NOTHING_TO_DO, id: `${message}:attachments:${now}`, at: now, settled: true };
    return {
      set: {
        ...{ attachments, wantedAt: wantedAt(attachments) },
        ...(open ? {} : { todo: [...doc.todo, todo], pending: true }),
      },
      answer: !open,
    };
  });
  if (done === null) throw new Error('an attachment of a message that is not in the store');
  if (done) await rollForward(context, [message]);
}
