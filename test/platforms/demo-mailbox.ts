// The mail server of the demo, a program of its own: a real Dovecot where one is installed, else a small one that speaks the same protocol.
import { setTimeout as after } from 'node:timers/promises';
import type { PlainAppeal, PutOrder } from '../../gateway/cli/demo-platforms.ts';
import { dovecotBinary, flagsFrom, startDovecot } from '../servers/dovecot.ts';
import { playPlatform } from './demo-program.ts';
import { startMailboxSimulator } from './mailbox.ts';

interface MailServer {
  readonly account: Readonly<Record<string, unknown>>;
  /** Delivers mails, in order. */
  deliver(mails: readonly string[]): Promise<void>;
  /** Which of `count` mails carry the mark of having been taken, in the order of delivery from `from` on. */
  marked(from: number, count: number): Promise<readonly boolean[]>;
  stop(): Promise<void>;
}

const MARK = '$Huisu';
const LOOK_MS = 25;

async function simulator(): Promise<MailServer> {
  const server = await startMailboxSimulator();
  const { host, port, user, password } = server;
  return {
    account: { server: 'simulator', host, port, user, password },
    deliver: async mails => {
      for (const mail of mails) server.add(mail);
    },
    marked: async (from, count) =>
      server
        .mails()
        .slice(from, from + count)
        .map(({ flags }) => flags.has(MARK)),
    stop: () => server.stop(),
  };
}

async function dovecot(): Promise<MailServer> {
  const server = await startDovecot();
  const { host, port, user, password } = server;
  const client = await server.connect();
  await client.mailboxOpen('INBOX', { readOnly: true });
  return {
    account: { server: 'Dovecot', host, port, user, password },
    deliver: async mails => {
      for (const mail of mails) await client.append('INBOX', Buffer.from(mail));
    },
    marked: async (from, count) => (await flagsFrom(client, from + 1, from + count)).map(flags => flags.has(MARK)),
    stop: async () => {
      await client.logout();
      await server.stop();
    },
  };
}

const word = (text: string): string => `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;

/** The letter of an appeal, signed with name and phone, as people sign. */
function letterOf({ id, title, content, name, phone }: PlainAppeal): string {
  const subject = [...title.matchAll(/.{1,16}/gsu)].map(([part]) => word(part)).join('\r\n ');
  const body = Buffer.from(`${content}\n\n-- \n${name}\n电话：${phone}\n`).toString('base64');
  return [
    `From: ${word(name)} <c${phone}@example.cn>`,
    'To: szxx@example.cn',
    `Subject: ${subject}`,
    `Message-ID: <${encodeURIComponent(id)}@example.cn>`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    ...(body.match(/.{1,76}/g) ?? []),
    '',
  ].join('\r\n');
}

/** `simulator` asks for the small one in any case. */
const wanted = process.env['HUISU_DEMO_MAIL_SERVER'];
const server = await (wanted === 'simulator' || dovecotBinary() === null ? simulator() : dovecot());
let delivered = 0;

async function put({ put: appeals }: PutOrder, signal: AbortSignal): Promise<readonly number[]> {
  const from = delivered;
  await server.deliver(appeals.map(letterOf));
  delivered += appeals.length;
  for (;;) {
    const marks = await server.marked(from, appeals.length);
    const taken = marks.flatMap((mark, at) => (mark ? [at] : []));
    if (taken.length === appeals.length || signal.aborted) return taken;
    await after(LOOK_MS);
  }
}

await playPlatform(server.account, put, () => server.stop());
