// huisu channels: which there are and how they do, adding one, its secrets, switching it on and off.
import { readFileSync } from 'node:fs';
import type { AdapterDefinition } from '../../adapters/contract.ts';
import { catalogueEntry } from '../catalogue.ts';
import { shownSettings } from '../channels/channel-book.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { Sentence } from '../locale.ts';
import { channelCheckCommand } from './channel-check.ts';
import type { Arguments, ChannelState, Command, CommandContext } from './command.ts';
import { textOf } from './parts.ts';

const ID = { form: '<id>', summary: { zh: '渠道编号', en: 'id of the channel' } } as const;

export const channelCommands: readonly Command[] = [
  channelCheckCommand,
  {
    kind: 'list',
    name: 'channels list',
    summary: { zh: '列出渠道及其状况', en: 'list channels and how they do' },
    columns: [
      { key: 'id', title: { zh: '渠道', en: 'channel' } },
      { key: 'kind', title: { zh: '类型', en: 'kind' } },
      { key: 'state', title: { zh: '状况', en: 'state' }, show: { words: 'channelState' } },
      { key: 'from', title: { zh: '来自', en: 'from' }, show: { words: 'channelFrom' } },
      { key: 'reason', title: { zh: '原因', en: 'reason' } },
      { key: 'why', title: { zh: '说明', en: 'why' }, show: 'sentence' },
      { key: 'url', title: { zh: '推送地址', en: 'webhook' } },
    ],
    async *run(context) {
      const states = new Map(context.live?.channelStates().map(state => [state.id, state]));
      for (const channel of await context.book.all()) {
        const { id, kind, enabled, from, definition } = channel;
        const state = states.get(id);
        const url = hookUrl(context, id, definition);
        yield {
          id,
          kind,
          enabled,
          state: stateOf(enabled, state?.up),
          from,
          reason: codeOf(state),
          why: whyOf(state),
          url,
          settings: shownSettings(channel),
        };
      }
      for (const { id, kind, enabled, reason } of await context.book.broken()) {
        yield {
          id,
          kind,
          enabled,
          state: enabled ? 'broken' : 'disabled',
          from: 'store',
          reason: null,
          why: reason,
          url: null,
          settings: null,
        };
      }
    },
  },
  {
    kind: 'one',
    name: 'channels add',
    begins: true,
    summary: { zh: '添加渠道', en: 'add a channel' },
    arguments: [ID],
    options: [
      { flags: '--kind <kind>', summary: { zh: '渠道类型（默认 app）', en: 'kind (default app)' } },
      { flags: '--settings <json>', summary: { zh: '渠道设置，JSON 或 @文件', en: 'settings as JSON, or @file' } },
    ],
    run: async (context, args, { by }) => {
      const id = String(args['id']);
      const kind = textOf(args, 'kind') ?? 'app';
      const { channel, secret } = await context.book.add({ id, kind, settings: settingsOf(args) }, by);
      await context.live?.reopen(id);
      return { id, kind, url: hookUrl(context, id, channel.definition), ...(secret === null ? {} : { secret }) };
    },
  },
  {
    kind: 'one',
    name: 'channels set',
    summary: { zh: '修改渠道设置（只写要改的项）', en: 'change settings of a channel (only those that differ)' },
    arguments: [ID],
    options: [
      {
        flags: '--settings <json>',
        summary: { zh: '要改的项，JSON 或 @文件；null 恢复默认', en: 'as JSON, or @file; null: back to the default' },
        required: true,
      },
    ],
    run: async (context, args, { by }) => {
      const id = String(args['id']);
      const channel = await context.book.set(id, settingsOf(args), by);
      await context.live?.reopen(id);
      return { id, kind: channel.kind, settings: shownSettings(channel) };
    },
  },
  {
    kind: 'one',
    name: 'channels remove',
    summary: { zh: '删除从未收过件的渠道', en: 'take out a channel that never took in a message' },
    arguments: [ID],
    run: async (context, args, { by }) => {
      const id = String(args['id']);
      await context.book.remove(id, by);
      await context.live?.reopen(id);
      return { id, removed: true };
    },
  },
  {
    kind: 'one',
    name: 'channels secret new',
    summary: { zh: '换新密钥，旧的立即失效', en: 'a new secret; the old ones end at once' },
    arguments: [ID],
    run: (context, args, { by }) => newSecret(context, args, 'new', by),
  },
  {
    kind: 'one',
    name: 'channels secret rotate',
    summary: { zh: '轮换密钥，上一个暂仍有效', en: 'a new secret; the last one stays valid beside it' },
    arguments: [ID],
    run: (context, args, { by }) => newSecret(context, args, 'rotate', by),
  },
  {
    kind: 'one',
    name: 'channels enable',
    summary: { zh: '启用渠道', en: 'switch a channel on' },
    arguments: [ID],
    run: (context, args, { by }) => enable(context, args, true, by),
  },
  {
    kind: 'one',
    name: 'channels disable',
    summary: { zh: '停用渠道（设置保留）', en: 'switch a channel off (its settings stay)' },
    arguments: [ID],
    run: (context, args, { by }) => enable(context, args, false, by),
  },
];

/** What is wrong, the adapter's own where it has said more than that it is down; or what should be known of one that is up. */
function codeOf(state: ChannelState | undefined): string | null {
  return state?.cause ?? state?.reason ?? state?.notes[0] ?? null;
}

/** The same in words. */
export function whyOf(state: ChannelState | undefined): Sentence | null {
  const code = codeOf(state);
  const entry = code === null ? null : catalogueEntry(code);
  return entry === null ? null : { zh: entry.zh.title, en: entry.en.title };
}

function stateOf(enabled: boolean, up: boolean | undefined): string {
  if (!enabled) return 'disabled';
  if (up === undefined) return 'not-running';
  return up ? 'up' : 'down';
}

async function newSecret(context: CommandContext, args: Arguments, how: 'new' | 'rotate', by: string) {
  const id = String(args['id']);
  const secret = await context.book.secret(id, how, by);
  await context.live?.reopen(id);
  return { id, secret };
}

async function enable(context: CommandContext, args: Arguments, enabled: boolean, by: string) {
  const id = String(args['id']);
  await context.book.enable(id, enabled, by);
  await context.live?.reopen(id);
  return { id, enabled };
}

/** Where its platform calls us; null where it does not. */
function hookUrl({ live, loaded }: CommandContext, id: string, { capabilities }: AdapterDefinition): string | null {
  if (!capabilities.receives.includes('webhook')) return null;
  const { listen } = loaded.config;
  const base =
    listen.publicUrl ?? live?.url ?? `${listen.tls === null ? 'http' : 'https'}://${listen.host}:${listen.port}`;
  return `${base.replace(/\/+$/, '')}/hooks/${id}`;
}

/** `@file` was read where the command was typed (cli/run.ts), so that a relative path means what its author meant. */
function settingsOf(args: Arguments): Readonly<Record<string, unknown>> {
  const text = textOf(args, 'settings') ?? '{}';
  const refused = new DeskError('cli.bad_json', { option: '--settings' }, EXIT.usage);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (cause) {
    // JSON.parse quotes what it was given, which may be a secret.
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  throw refused;
}

/** The text of `--settings`, a file's when it starts with @. */
export function readSettings(text: string): string {
  if (!text.startsWith('@')) return text;
  try {
    return readFileSync(text.slice(1), 'utf8');
  } catch {
    throw new DeskError('cli.unreadable_file', { file: text.slice(1) }, EXIT.usage);
  }
}
