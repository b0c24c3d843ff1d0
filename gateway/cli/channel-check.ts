// huisu channels check: opens a channel once more, asks its platform, and says in words what it found or what to do.
import {
  type AdapterContext,
  type AdapterDefinition,
  Misconfigured,
  PlatformError,
  Unavailable,
} from '../../adapters/contract.ts';
import { catalogueEntry } from '../catalogue.ts';
import { contextOf } from '../channels/channel-context.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { Sentence } from '../locale.ts';
import { sayBoth } from '../locale.ts';
import { within } from '../within.ts';
import { partsAlone } from './channel-parts.ts';
import type { Command, CommandContext, Row } from './command.ts';

/** Longer than any platform's own deadline. */
const CHECK_MS = 60_000;

export const channelCheckCommand: Command = {
  kind: 'one',
  name: 'channels check',
  summary: { zh: '连接检测：平台能否连通、登录是否有效', en: 'ask the platform whether all is well' },
  arguments: [{ form: '<id>', summary: { zh: '渠道编号', en: 'id of the channel' } }],
  run: (context, args, { signal }) => check(context, String(args['id']), signal),
  text: (result, language) =>
    [result['found'], result['todo']].flatMap(one => (one === null ? [] : (one as Sentence)[language])).join('\n'),
  exit: result => (result['ok'] === true ? EXIT.ok : EXIT.unavailable),
};

async function check(context: CommandContext, id: string, signal: AbortSignal): Promise<Row> {
  const known = await context.book.find(id);
  if (known === null) throw new DeskError('channel.none', { id });
  const { kind, definition, enabled } = known;
  const parts = context.live?.importing() ?? (await partsAlone(context));
  try {
    const asked = await within(CHECK_MS, ask(definition, contextOf(parts, known, signal)));
    if (!asked.done) throw new Unavailable('channel.check_unanswered', 'neither the platform nor the adapter answered');
    const found = asked.value ?? sayBoth('channels.no-check', { kind });
    // All is well at the platform, and nothing comes from it all the same.
    const todo = enabled ? null : sayBoth('channels.switched-off', { id });
    return { id, kind, ok: true, code: null, found, todo };
  } catch (error) {
    if (!(error instanceof PlatformError)) parts.log.bug('channel.bug', error, { channel: id, kind });
    return { id, kind, ok: false, ...inWords(error) };
  } finally {
    if (context.live === null) await parts.splitter.close();
  }
}

/** Opens the channel once more for the question. */
async function ask(definition: AdapterDefinition, context: AdapterContext): Promise<Sentence | null> {
  const channel = await definition.open(context);
  try {
    return (await channel.check?.()) ?? null;
  } finally {
    await channel.close();
  }
}

/** A platform's refusal as a person reads it; an adapter of a third party may have a code without words. */
function inWords(error: unknown) {
  const code = error instanceof PlatformError ? error.code : 'channel.bug';
  const field = error instanceof Misconfigured && error.field !== '' ? ` ${error.field}` : '';
  const entry = catalogueEntry(code);
  if (entry === null) return { code, found: { zh: `${code}${field}`, en: `${code}${field}` }, todo: null };
  const { zh, en } = entry;
  const there = error instanceof Misconfigured ? error.found : undefined;
  const found = {
    zh: `${zh.title}（${code}${field}）${there === undefined ? '' : `：${there.zh}`}`,
    en: `${en.title} (${code}${field})${there === undefined ? '' : `: ${there.en}`}`,
  };
  return { code, found, todo: { zh: zh.todo, en: en.todo } };
}
