// huisu messages original: a message's bytes as they came, for a purpose that is audited first: what nobody could read, or was taken for no appeal.
import { decodeOriginal } from '../../store/original-codec.ts';
import { DeskError } from '../desk/desk-error.ts';
import { plainReason } from '../desk/plain-reason.ts';
import { say } from '../locale.ts';
import { hasOriginal, originalOf } from '../reading/read-again.ts';
import type { Command } from './command.ts';
import { writeNew } from './new-file.ts';
import { NUMBER, numberOf, textOf } from './parts.ts';

export const originalCommand: Command = {
  kind: 'one',
  name: 'messages original',
  summary: {
    zh: '取出一条来件的原件，记入审计：被隔离的、被判为非诉求的，由人工看',
    en: 'write a message as it came to a file, audited: so that a person can read what was quarantined or no appeal',
  },
  arguments: [NUMBER],
  options: [
    { flags: '--to <file>', summary: { zh: '写到哪个新文件', en: 'the new file' }, path: true, required: true },
    { flags: '--why <purpose>', summary: { zh: '查看目的', en: 'purpose of looking' }, required: true },
  ],
  async run(context, args, { by }) {
    const { store, now } = context;
    const number = numberOf(args);
    const why = textOf(args, 'why') ?? '';
    if (why.trim() === '') throw new DeskError('desk.no_purpose');
    const message = await store.messages.get(number);
    if (message === null) throw new DeskError('desk.no_such_number', { number });
    if (!hasOriginal(message) || message.wrappedContent.length === 0)
      throw new DeskError('desk.original_gone', { number });
    const { body, mediaType } = decodeOriginal(await originalOf(context, message));
    const file = String(args['to']);
    const plain = await plainReason(context, why, [number]);
    const note = { by, action: 'identity.read', on: [number, 'original'], why: plain };
    await writeNew(file, body, () => store.admin.audit(note, now()));
    return { number, file, bytes: body.length, mediaType };
  },
  text: ({ file, bytes }, language) =>
    say(language, 'attachment.written', { file: String(file), bytes: Number(bytes) }),
};
