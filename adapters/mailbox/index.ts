// 信箱: a mail account read by IMAP, such as a mayor's or governor's mailbox; watched live, marked only after accept.
import type { AdapterDefinition } from '../contract.ts';
import { withCutNote } from './mail.ts';
import { parseMail, parseMailAsAppeal } from './parse.ts';
import { type MailboxSettings, settings } from './settings.ts';

export const adapter: AdapterDefinition<MailboxSettings> = {
  kind: 'mailbox',
  title: { zh: '信箱(IMAP)', en: 'Mailbox (IMAP)' },
  settings,
  capabilities: {
    validates: false,
    weakIds: false,
    receives: ['poll', 'listen'],
    replies: false,
    attachments: true,
    conversations: false,
  },
  parse: async (original, settings) => withCutNote(await parseMail(original, own(settings)), original.meta),
  readAsAppeal: async (original, settings) =>
    withCutNote(await parseMailAsAppeal(original, own(settings)), original.meta),
  sources: ({ host, user, folders }) => folders.map(folder => [host.toLowerCase(), user, folder].join('\n')),
  // Loaded with the first channel: the reading threads only parse.
  open: async context => (await import('./pull.ts')).openMailbox(context),
  sample: {
    settings: {
      host: 'imap.example.cn',
      tls: 'implicit',
      allowUnencrypted: false,
      user: 'szxx@example.cn',
      password: 'made-up-app-password',
      folders: ['INBOX'],
      since: 'connected',
      ownAddresses: [],
    },
  },
};

function own({ user, ownAddresses }: MailboxSettings): { readonly ownAddresses: readonly string[] } {
  return { ownAddresses: user.includes('@') ? [user.toLowerCase(), ...ownAddresses] : ownAddresses };
}
