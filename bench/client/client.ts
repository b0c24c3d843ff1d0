// Starts the client process and speaks to it; one command at a time.
import { fork } from 'node:child_process';
import type { RequestSpec } from './requests.ts';
import type { RoundResult, RoundSpec } from './rounds.ts';

export type ClientCommand =
  | { readonly do: 'texts'; readonly file: string | null; readonly seed: number }
  | { readonly do: 'prepare'; readonly spec: RequestSpec }
  | { readonly do: 'run'; readonly spec: RoundSpec };

export interface ClientReply {
  readonly error?: string;
  readonly facts?: Readonly<Record<string, number | string>>;
  readonly count?: number;
  readonly redeliveries?: number;
  readonly bodyBytes?: number;
  readonly round?: RoundResult;
}

export interface BenchClient {
  /** Chooses the texts; answers what they are. */
  texts(file: string | null, seed: number): Promise<Readonly<Record<string, number | string>>>;
  /** Builds and signs the requests of the next rounds. */
  prepare(
    spec: RequestSpec,
  ): Promise<{ readonly count: number; readonly redeliveries: number; readonly bodyBytes: number }>;
  run(spec: RoundSpec): Promise<RoundResult>;
  close(): void;
}

export function startClient(): BenchClient {
  const child = fork(new URL('./process.ts', import.meta.url), { execArgv: ['--max-semi-space-size=64'] });
  let waiting: { resolve: (reply: ClientReply) => void; reject: (error: Error) => void } | null = null;
  child.on('message', (reply: ClientReply) => {
    const current = waiting;
    waiting = null;
    if (reply.error !== undefined) current?.reject(new Error(`the client failed: ${reply.error}`));
    else current?.resolve(reply);
  });
  child.on('exit', code => {
    waiting?.reject(new Error(`the client ended with ${code}`));
    waiting = null;
  });
  const ask = (command: ClientCommand): Promise<ClientReply> =>
    new Promise((resolve, reject) => {
      if (waiting !== null) {
        reject(new Error('the client does one thing at a time'));
        return;
      }
      waiting = { resolve, reject };
      child.send(command);
    });
  return {
    texts: async (file, seed) => (await ask({ do: 'texts', file, seed })).facts!,
    async prepare(spec) {
      const reply = await ask({ do: 'prepare', spec });
      return { count: reply.count!, redeliveries: reply.redeliveries!, bodyBytes: reply.bodyBytes! };
    },
    run: async spec => (await ask({ do: 'run', spec })).round!,
    close: () => {
      if (child.connected) child.disconnect();
    },
  };
}
