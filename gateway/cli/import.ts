// huisu import and huisu unseal: a file into a channel by hand, and a file that a channel has sealed back into the open.
import { readFile } from 'node:fs/promises';
import type { ImportReport } from '../../adapters/contract.ts';
import { openForChannel } from '../channels/channel-seal.ts';
import { importFile } from '../channels/import-file.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { say, sayBoth } from '../locale.ts';
import { partsAlone } from './channel-parts.ts';
import type { Arguments, Call, Command, Option, Row } from './command.ts';
import { codeOf, writeNew } from './new-file.ts';
import { textOf } from './parts.ts';

const INTO: Option = { flags: '--channel <id>', summary: { zh: '渠道（必填）', en: 'the channel (required)' } };
const WAIT_SECONDS = 60;

export const importCommand: Command = {
  kind: 'one',
  name: 'import',
  begins: true,
  summary: {
    zh: '手工导入一个文件（CSV、XLSX、JSON Lines）',
    en: 'take a file in by hand (CSV, XLSX, JSON Lines)',
  },
  arguments: [{ form: '<file>', summary: { zh: '文件，原样留下', en: 'the file; it stays as it is' }, path: true }],
  options: [
    INTO,
    {
      flags: '--wait <seconds>',
      summary: {
        zh: `等待研读结果的秒数（默认 ${WAIT_SECONDS}；网关未运行时不等）`,
        en: `seconds to wait for the reading (default ${WAIT_SECONDS}; none where no gateway runs)`,
      },
      number: { min: 0, max: 86_400 },
    },
  ],
  async run(context, args, call) {
    const channel = channelOf(args);
    const file = String(args['file']);
    const parts = context.live?.importing() ?? (await partsAlone(context));
    try {
      const waitMs = context.live === null ? 0 : Number(args['wait'] ?? WAIT_SECONDS) * 1000;
      const { book } = context;
      const report = await importFile({ ...parts, book }, channel, file, {
        waitMs,
        signal: call.signal,
        step: (phase, done, total) => tell(call, phase, done, total),
      });
      return { file, channel, ...report };
    } finally {
      if (context.live === null) await parts.splitter.close();
    }
  },
  text: reportText,
  exit: result => (result['broken'] !== null || Number(result['sentBack']) > 0 ? EXIT.data : EXIT.ok),
};

function tell({ progress }: Call, phase: 'taken' | 'read', done: number, total: number | null): void {
  if (total === null) progress(sayBoth(`import.${phase}-so-far`, { count: done }));
  else progress(sayBoth(`import.${phase}`), { done, total });
}

function channelOf(args: Arguments): string {
  const channel = textOf(args, 'channel');
  if (channel === undefined) throw new DeskError('cli.channel_missing', {}, EXIT.usage);
  return channel;
}

function reportText(result: Row, language: 'zh' | 'en'): string {
  const { rows, fresh, redelivered, sentBack, notTickets, unread, broken, errorFile } =
    result as unknown as ImportReport;
  const lines = [say(language, 'import.done', { rows, fresh, redelivered, sentBack })];
  if (notTickets > 0) lines.push(say(language, 'import.not-tickets', { count: notTickets }));
  if (unread > 0) lines.push(say(language, 'import.unread', { count: unread }));
  if (broken !== null) lines.push(say(language, 'import.broken', { code: broken }));
  if (errorFile !== null) lines.push(say(language, 'import.error-file', { file: errorFile }));
  return lines.join('\n');
}

const SEALED = /\.[0-9a-f]{8}\.sealed$/;

export const unsealCommand: Command = {
  kind: 'one',
  name: 'unseal',
  summary: {
    zh: '打开渠道加密存放的文件（记入审计）',
    en: 'open a file that a channel has sealed (goes into the audit)',
  },
  arguments: [{ form: '<file>', summary: { zh: '加密的文件', en: 'the sealed file' }, path: true }],
  options: [
    INTO,
    {
      flags: '--to <file>',
      summary: { zh: '写到哪里（默认去掉 .摘要.sealed）', en: 'where to write it (default: without .SUM.sealed)' },
      path: true,
    },
  ],
  async run({ cipher, store, now }, args, { by }) {
    const file = String(args['file']);
    const channel = channelOf(args);
    const to = textOf(args, 'to') ?? (SEALED.test(file) ? file.replace(SEALED, '') : `${file}.open`);
    const bytes = openForChannel(cipher, channel, await readSealed(file));
    await writeNew(to, bytes, () => store.admin.audit({ by, action: 'file.unseal', on: [channel, file] }, now()));
    return { file, channel, to, bytes: bytes.length };
  },
  text: (result, language) => say(language, 'import.unsealed', { file: String(result['to']) }),
};

async function readSealed(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new DeskError('import.cannot_read', { file, reason: codeOf(error) }, EXIT.usage);
  }
}
