// Starts a yardstick server in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface Yardstick {
  readonly port: number;
  readonly pid: number;
  close(): void;
}

/** Starts one and waits for its port. */
export async function startYardstick(name: 'http-echo' | 'express-echo' | 'no-op'): Promise<Yardstick> {
  const child = fork(new URL(`./${name}.ts`, import.meta.url));
  const [message] = (await once(child, 'message')) as [{ port: number }];
  return { port: message.port, pid: child.pid!, close: () => child.disconnect() };
}
