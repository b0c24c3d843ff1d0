// The mail server of a crash run: a real Dovecot where one is installed, else the simulated one; both cut connections and number anew.

import { setTimeout as after } from 'node:timers/promises';
import { startMailboxSimulator } from '../../platforms/mailbox.ts';
import { type Dovecot, dovecotBinary, startDovecot } from '../../servers/dovecot.ts';

export interface MailHost {
  readonly name: 'Dovecot' | 'simulator';
  /** Settings of a channel that reads it. */
  readonly settings: Readonly<Record<string, unknown>>;
  append(mails: readonly Uint8Array[]): Promise<void>;
  /** For each mail of the folder, in order, whether it carries the mark of having been taken. */
  marks(): Promise<readonly boolean[]>;
  /** Ends every connection of the gateway. */
  cut(): Promise<void>;
  /** Makes the folder anew with the same mails in place of the old one: another UIDVALIDITY, other UIDs, no marks. */
  renumber(): Promise<void>;
  stop(): Promise<void>;
}

/** Not INBOX, which no server lets anybody delete. */
const FOLDER = 'Letters';
const MARK = '$Huisu';
/** Exit code of doveadm kick where nobody was connected. */
const NOBODY_KICKED = 68;
const CONNECTED_WITHIN_MS = 60_000;

const settingsOf = (server: { host: string; port: number; user: string; password: string }) => {
  const { host, port, user, password } = server;
  return { host, port, user, password, tls: 'none', since: 'all', folders: [FOLDER] };
};

export async function startMailHost(): Promise<MailHost> {
  return dovecotBinary() === null ? simulated() : dovecot();
}

async function dovecot(): Promise<MailHost> {
  const server = await startDovecot();
  await server.create(FOLDER, []);
  /** All mails that were ever put into it, in order. */
  const held: Uint8Array[] = [];
  // A cut ends all connections of the account: ours are not among them, since each of our steps logs out before the next.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  };
  return {
    name: 'Dovecot',
    settings: settingsOf(server),
    append: mails => {
      held.push(...mails);
      return inTurn(() => filled(server, held));
    },
    marks: () => inTurn(async () => (await server.flags(FOLDER)).map(flags => flags.includes(MARK))),
    cut: () => inTurn(() => kicked(server)),
    renumber: () =>
      inTurn(async () => {
        await server.as(client => client.mailboxRename(FOLDER, `${FOLDER} before`));
        await filled(server, held);
        // It goes on looking at the old one until its connection ends.
        await kicked(server);
      }),
    stop: () => server.stop(),
  };
}

/**
 * Makes the folder where there is none, and puts into it what of `mails` is not there yet, in order. While the gateway opens a
 * folder that is just being made, the server may tell another session that it was deleted under it, and goes on doing so.
 */
async function filled(server: Dovecot, mails: readonly Uint8Array[]): Promise<void> {
  for (let refusals = 0; ; refusals++) {
    try {
      return await server.as(async client => {
        if (!(await client.list()).some(({ path }) => path === FOLDER)) await client.mailboxCreate(FOLDER);
        const status = await client.status(FOLDER, { messages: true });
        const there = status === false ? 0 : (status.messages ?? 0);
        for (const mail of mails.slice(there)) await client.append(FOLDER, Buffer.from(mail));
      });
    } catch (error) {
      if ((error as { responseStatus?: unknown }).responseStatus !== 'NO' || refusals === 50) throw error;
      await after(100);
    }
  }
}

/** A gateway that was killed just now has no connection; the cut waits until it has one again. */
async function kicked(server: Dovecot): Promise<void> {
  const until = performance.now() + CONNECTED_WITHIN_MS;
  for (;;) {
    try {
      return await server.kick();
    } catch (error) {
      if ((error as { code?: unknown }).code !== NOBODY_KICKED || performance.now() > until) throw error;
      await after(50);
    }
  }
}

async function simulated(): Promise<MailHost> {
  const server = await startMailboxSimulator();
  return {
    name: 'simulator',
    settings: settingsOf(server),
    append: async mails => {
      for (const mail of mails) server.add(mail, { folder: FOLDER });
    },
    marks: async () => server.mails(FOLDER).map(({ flags }) => flags.has(MARK)),
    cut: async () => server.drop(),
    renumber: async () => {
      server.renumber(FOLDER);
      server.drop();
    },
    stop: () => server.stop(),
  };
}
