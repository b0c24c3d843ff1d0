// huisu tickets attachment: one file of a ticket or of a follow-up, as it came, for a purpose that is audited first.
import { attachmentsOf, loadAttachment } from '../attachment-bytes.ts';
import { DeskError } from '../desk/desk-error.ts';
import { plainReason } from '../desk/plain-reason.ts';
import { say } from '../locale.ts';
import type { Command } from './command.ts';
import { writeNew } from './new-file.ts';
import { NUMBER, numberOf, textOf } from './parts.ts';

export const attachmentCommand: Command = {
  kind: 'one',
  name: 'tickets attachment',
  summary: {
    zh: '取出一个附件的原件，记入审计',
    en: 'write one attachment, as it came, to a file; audited',
  },
  arguments: [NUMBER],
  options: [
    {
      flags: '--index <n>',
      summary: { zh: '第几个附件，从 0 起，见 tickets show', en: 'which one, from 0 on, as tickets show has it' },
      number: { min: 0, max: 10_000 },
      required: true,
    },
    { flags: '--to <file>', summary: { zh: '写到哪个新文件', en: 'the new file' }, path: true, required: true },
    { flags: '--why <purpose>', summary: { zh: '查看目的', en: 'purpose of looking' }, required: true },
  ],
  async run(context, args, { by }) {
    const { store, now } = context;
    const number = numberOf(args);
    const index = Number(args['index']);
    const why = textOf(args, 'why') ?? '';
    if (why.trim() === '') throw new DeskError('desk.no_purpose');
    const message = await store.messages.get(number);
    if (message === null) throw new DeskError('desk.no_such_number', { number });
    const attachment = (await attachmentsOf(context, message))[index];
    if (attachment === undefined) throw new DeskError('desk.no_such_attachment', { number, index });
    const bytes = await loadAttachment(context, number, index, attachment);
    if (bytes === null) throw new DeskError('desk.attachment_not_here', { number, index });
    const file = String(args['to']);
    const plain = await plainReason(context, why, [number]);
    const note = { by, action: 'identity.read', on: [number, `attachment.${index}`], why: plain };
    await writeNew(file, bytes, () => store.admin.audit(note, now()));
    return { number, index, file, bytes: bytes.length, mediaType: attachment.mediaType };
  },
  text: ({ file, bytes }, language) =>
    say(language, 'attachment.written', { file: String(file), bytes: Number(bytes) }),
};
