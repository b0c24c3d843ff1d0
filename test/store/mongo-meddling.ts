// Puts what another process does between two steps of the MongoDB engine: one command of one collection is held until it is done.
import { createAuditTrail } from '../../store/mongo/audit.ts';
import { createGridBlobs, type GridBlobs } from '../../store/mongo/blobs.ts';
import { connectMongo, type Models } from '../../store/mongo/connection.ts';
import type { Context } from '../../store/mongo/context.ts';
import { commitCalls } from '../../store/mongo/decisions.ts';
import { INLINE_VAULT } from '../../store/mongo/vault.ts';
import type { CommitRow } from '../../store/store.ts';

/** Once, before the first command of that name on that collection; a rejection is the command's own. */
export interface Meddling {
  readonly on: keyof Models;
  readonly command: 'insertMany' | 'updateOne' | 'updateMany' | 'bulkWrite' | 'find';
  /** Which of them, by its arguments; default the first. */
  fits?(args: readonly unknown[]): boolean;
  act(): Promise<unknown>;
}

export interface Process {
  readonly context: Context;
  readonly blobs: GridBlobs;
  /** The same process, meddled with once. */
  meddled(...meddlings: readonly Meddling[]): Context;
  close(): Promise<void>;
}

/** A process that shares the database, without anything running in it by itself. */
export async function processOn(url: string): Promise<Process> {
  const { connection, models, odm } = await connectMongo({ url });
  const audit = createAuditTrail(models, Buffer.alloc(32, 7), 'sha256');
  const news = { accepted: () => undefined, outbox: () => undefined };
  const context: Context = {
    models,
    holder: 'meddled',
    audit,
    news,
    seconds: [],
    shared: false,
    swept: { parked: 0 },
    mark: { value: 0, since: null },
  };
  return {
    context,
    blobs: createGridBlobs(connection, odm.mongo),
    meddled: (...meddlings) => ({ ...context, models: meddlings.reduce(meddle, models) }),
    close: () => connection.close(),
  };
}

/** The decision of a process, meddled with. */
export async function commitBy(process: Process, row: CommitRow, ...meddlings: readonly Meddling[]) {
  const calls = [{ rows: [row], fence: null }];
  return (await commitCalls(process.meddled(...meddlings), INLINE_VAULT, calls))[0];
}

/** The process ends at that command. */
export function cut(on: Meddling['on'], command: Meddling['command']): Meddling {
  const act = async () => {
    throw new Error('cut');
  };
  return { on, command, act };
}

type Command = (...args: readonly unknown[]) => PromiseLike<unknown>;

function meddle(models: Models, { on, command, fits = () => true, act }: Meddling): Models {
  let done = false;
  const model = new Proxy<Models[typeof on]>(models[on], {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const plain = member.bind(target) as Command;
      if (name !== command) return plain;
      const once = async (args: readonly unknown[]) => {
        if (done || !fits(args)) return;
        done = true;
        await act();
      };
      if (name === 'find') return (...args: readonly unknown[]) => held(plain(...args), () => once(args));
      return async (...args: readonly unknown[]) => {
        await once(args);
        return plain(...args);
      };
    },
  });
  return { ...models, [on]: model };
}

/** A query that waits before it is sent, whichever way its answers are taken. */
function held(query: unknown, first: () => Promise<void>): unknown {
  const { exec, cursor } = query as { exec(): Promise<unknown>; cursor(): AsyncIterable<unknown> };
  return Object.assign(query as object, {
    exec: async () => {
      await first();
      return exec.call(query);
    },
    cursor: async function* () {
      await first();
      yield* cursor.call(query);
    },
  });
}
