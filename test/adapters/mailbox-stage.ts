// A mailbox channel between a mail server of the tests and a gateway in memory, opened anew as after a restart.
import { type FakeGateway, fakeGateway } from '../../adapters/conformance.ts';
import type { OpenChannel } from '../../adapters/contract.ts';
import { adapter } from '../../adapters/mailbox/index.ts';
import type { MailboxSettings } from '../../adapters/mailbox/settings.ts';

export interface Account {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface MailboxStage {
  readonly gateway: FakeGateway<MailboxSettings>;
  readonly channel: OpenChannel;
  poll(): Promise<void>;
  /** Listens as the gateway does, calling again when it ends; `failures` are what it threw. */
  listen(): { readonly failures: readonly unknown[]; stop(): Promise<void> };
  /** What was accepted, as text, in order. */
  taken(): readonly string[];
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Validates settings as the gateway does. */
export function mailboxSettings(account: Account, more: Readonly<Record<string, unknown>> = {}): MailboxSettings {
  const { host, port, user, password } = account;
  const { value, error } = adapter.settings.validate({
    host,
    port,
    user,
    password,
    tls: 'none',
    since: 'all',
    ...more,
  });
  if (error !== undefined) throw error;
  return value;
}

export async function mailboxStage(settings: MailboxSettings, now?: () => number): Promise<MailboxStage> {
  const gateway = fakeGateway(adapter, settings, now);
  let channel = await adapter.open(gateway.context());
  const close = async () => {
    gateway.stop();
    await channel.close();
  };
  return {
    gateway,
    get channel() {
      return channel;
    },
    poll: async () => channel.poll?.(new AbortController().signal),
    listen() {
      const stop = new AbortController();
      const failures: unknown[] = [];
      const listening = (async () => {
        while (!stop.signal.aborted && failures.length < 50) {
          await channel.listen?.(stop.signal).catch((error: unknown) => void failures.push(error));
        }
      })();
      return {
        failures,
        async stop() {
          stop.abort();
          await listening;
        },
      };
    },
    taken: () => gateway.stored().map(({ body }) => Buffer.from(body).toString()),
    async reopen() {
      await close();
      channel = await adapter.open(gateway.context());
    },
    close,
  };
}

/** A letter like many. */
export function letter(n: number | string, text = `第 ${n} 盏路灯不亮,请派人来修。`): string {
  return [
    `From: zhang.${n}@example.cn`,
    'To: szxx@example.cn',
    `Subject: letter ${n}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    '',
  ].join('\r\n');
}
