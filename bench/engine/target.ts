// The case system that does nothing: a server in a process of its own, and what a raw worker posts to it.
import { Pool } from 'undici';
import { startYardstick } from '../servers/yardstick.ts';

export interface Target {
  readonly url: string;
  close(): void;
}

export async function startTarget(): Promise<Target> {
  const { port, close } = await startYardstick('no-op');
  return { url: `http://127.0.0.1:${port}`, close };
}

/** It answers the same to everything, and so gives no case number. */
export const caseSystemAt = (url: string) => ({ url, success: { caseNumberRequired: false } });

export interface RawSender {
  /** One POST, its answer read to the end. */
  post(): Promise<void>;
  close(): Promise<void>;
}

/** What anybody would write: a pool of connections and a body of some 1 kB made once. */
export function rawSender(target: string, connections: number): RawSender {
  const pool = new Pool(target, { connections });
  const body = JSON.stringify({ id: 'x', ticket: { content: '路灯不亮'.repeat(100) } });
  const request = { path: '/', method: 'POST', body, headers: { 'content-type': 'application/json' } } as const;
  return {
    async post() {
      const answer = await pool.request(request);
      await answer.body.dump();
    },
    close: () => pool.close(),
  };
}
