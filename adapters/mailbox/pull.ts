// An open mailbox: one connection at a time, watched live and looked through once a minute, made anew when it breaks.
import { type AdapterContext, CredentialsRefused, Misconfigured, type OpenChannel, Unavailable } from '../contract.ts';
import { authorities, connect, type Session } from './client.ts';
import { readMarks } from './cursor.ts';
import { DONE, flagOf, takeFrom, type Visits } from './folder.ts';
import { type LoginSource, loginSource } from './login.ts';
import type { MailboxSettings } from './settings.ts';

/** A connection that held so long was a good one; after shorter ones in a row the next waits longer. */
const GOOD_MS = 30_000;
/** The pause before connecting anew, between half of it and half more by chance: many gateways must not come back in the same instant. */
const RECONNECT = { first: 500, most: 30_000 };

type Context = AdapterContext<MailboxSettings>;

interface Connection extends Visits {
  readonly session: Session;
}

/** Opens the channel; nothing is connected yet. Throws `Misconfigured` for a file of authorities that cannot be read. */
export function openMailbox(context: Context): OpenChannel {
  authorities(context.settings);
  const { folders } = context.settings;
  const connection = connections(context);
  let looking: Promise<void> = Promise.resolve();
  let short = 0;

  /** One look at a time: the connection has one folder selected. */
  function look(paths: readonly string[], signal: AbortSignal): Promise<Connection> {
    const looked = looking.then(async () => {
      const current = await connection.get(signal);
      for (const path of paths) {
        if (!signal.aborted) await takeOrExplain(context, current, path, signal);
      }
      return current;
    });
    looking = looked.then(
      () => undefined,
      () => undefined,
    );
    return looked;
  }

  function brokeOff(error: unknown, { session }: Connection, signal: AbortSignal): void {
    if (session.alive || signal.aborted || !(error instanceof Unavailable)) throw error;
    context.log.info('mailbox.reconnecting', { reason: error.code });
  }

  async function reconnectLater(held: number, signal: AbortSignal): Promise<void> {
    short = held < GOOD_MS ? short + 1 : 0;
    const wait = Math.min(RECONNECT.most, RECONNECT.first * 2 ** Math.max(0, short - 1));
    await pause(wait * (0.5 + Math.random()), signal);
  }

  async function watch({ session }: Connection, signal: AbortSignal): Promise<void> {
    const first = folders.slice(0, 1);
    while (!signal.aborted && session.alive) {
      await session.news(signal);
      if (!signal.aborted && (await look(first, signal)).session !== session) return;
    }
  }

  return {
    poll: async signal => void (await look(folders, signal)),
    async listen(signal) {
      const stop = () => connection.drop();
      signal.addEventListener('abort', stop, { once: true });
      try {
        const current = await look(folders, signal);
        const began = context.now();
        await watch(current, signal).catch(error => brokeOff(error, current, signal));
        // A connection that worked and then ended is no failure yet: the next one will tell.
        if (!signal.aborted) await reconnectLater(context.now() - began, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    check: () => check(context),
    close: async () => connection.drop(),
  };
}

/** Keeps one connection, and makes the next when it is gone; two who ask at once get the same. */
function connections(context: Context) {
  const logins = loginSource(context.settings, context.now);
  let current: Connection | null = null;
  let making: AbortController | null = null;
  // Providers lock accounts after some wrong passwords; new settings open the channel anew and so ask again.
  let refused: CredentialsRefused | null = null;

  async function logInOnce(signal: AbortSignal): Promise<Session> {
    if (refused !== null) throw refused;
    try {
      return await logIn(context.settings, logins, signal);
    } catch (error) {
      if (error instanceof CredentialsRefused) refused = error;
      throw error;
    }
  }

  async function make(signal: AbortSignal): Promise<Connection> {
    making = new AbortController();
    const stop = AbortSignal.any([signal, context.signal, making.signal]);
    const session = await logInOnce(stop);
    if (stop.aborted) {
      session.close();
      throw new Unavailable('mailbox.stopped', 'the channel was closed meanwhile');
    }
    current = { session, visited: new Set() };
    return current;
  }

  return {
    get: async (signal: AbortSignal): Promise<Connection> => (current?.session.alive ? current : make(signal)),
    drop(): void {
      making?.abort();
      current?.session.close();
      current = null;
    },
  };
}

/** A token that was good a minute ago may have been revoked: with a fresh one it is tried once more. */
async function logIn(settings: MailboxSettings, logins: LoginSource, signal: AbortSignal): Promise<Session> {
  try {
    return await connect(settings, await logins.next(), signal);
  } catch (error) {
    if (!(error instanceof CredentialsRefused) || !logins.refused()) throw error;
    return connect(settings, await logins.next(), signal);
  }
}

/** A folder that was there before is being rebuilt or was renamed: that may pass, a name that never fitted will not. */
async function takeOrExplain(context: Context, { session, visited }: Connection, path: string, signal: AbortSignal) {
  try {
    await takeFrom(context, session, path, { visited }, signal);
  } catch (error) {
    if (!(error instanceof Misconfigured) || error.code !== 'mailbox.folder_missing') throw error;
    if (readMarks(await context.cursor())[path] === undefined) throw error;
    throw new Unavailable('mailbox.folder_gone', 'a folder of the mailbox is not there any more', { cause: error });
  }
}

/** On a connection of its own, so that what is found is what a new connection would find. */
async function check({ settings, now, signal }: Context): Promise<{ readonly zh: string; readonly en: string }> {
  const session = await logIn(settings, loginSource(settings, now), signal);
  try {
    const found: Found[] = [];
    for (const path of settings.folders) found.push(await findIn(session, path));
    const zh = found.map(({ path, count, flag }) => `${path} 有 ${count} 封邮件(${MARKS.zh(flag)})`);
    const en = found.map(({ path, count, flag }) => `${path} holds ${count} mails (${MARKS.en(flag)})`);
    const left = settings.since === 'connected' ? found.reduce((sum, { unmarked }) => sum + unmarked, 0) : 0;
    return {
      zh: `已登录。${zh.join(';')}。${session.idles ? '服务器支持 IDLE,新邮件立即收取' : '服务器不支持 IDLE,每分钟查看一次'}。${left === 0 ? '' : `${left} 封没有标记:首次连接之前到达的不收,要收请设“起点”(since)。`}`,
      en: `Logged in. ${en.join('; ')}. ${session.idles ? 'The server has IDLE: new mail is taken in at once' : 'The server has no IDLE: it is looked at once a minute'}.${left === 0 ? '' : ` ${left} have no mark: what arrived before the first connection is not taken in; to have it, set since.`}`,
    };
  } finally {
    session.close();
  }
}

interface Found {
  readonly path: string;
  readonly count: number;
  readonly flag: string | null;
  /** Mails without our keyword, where the folder keeps it. */
  readonly unmarked: number;
}

async function findIn(session: Session, path: string): Promise<Found> {
  try {
    const folder = await session.select(path);
    const flag = flagOf(folder);
    const unmarked = flag === DONE && folder.count > 0 ? (await session.search({ from: 1, without: DONE })).length : 0;
    return { path, count: folder.count, flag, unmarked };
  } catch (error) {
    if (!(error instanceof Misconfigured) || error.code !== 'mailbox.folder_missing') throw error;
    const there = await session.folders();
    const found = {
      zh: `没有“${path}”;有:${there.join('、')}`,
      en: `there is no "${path}"; there are: ${there.join(', ')}`,
    };
    throw new Misconfigured(error.code, error.field, error.message, { cause: error, found });
  }
}

const MARKS = {
  zh: (flag: string | null): string =>
    flag === null ? '只读,不做标记' : flag === DONE ? `收后以 ${DONE} 标记` : '服务器不接受关键字,收后标为已读',
  en: (flag: string | null): string =>
    flag === null
      ? 'read-only, nothing is marked'
      : flag === DONE
        ? `marked with ${DONE} once taken in`
        : 'keywords are refused, marked as read once taken in',
};

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
