// A store of many tickets, made once through the gateway itself and kept, so that a further run can begin at once.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHANNEL, startBenchGateway } from './bench-gateway.ts';
import type { BenchClient } from './client/client.ts';

export interface FilledStore {
  readonly tickets: number;
  readonly messages: number;
  /** Null when it was there already. */
  readonly fillSeconds: number | null;
  /** Copies the store to a folder of its own and answers that folder: measurements never change the kept one. */
  copy(name: string): string;
}

export interface FillOptions {
  /** Folder the store is kept in. */
  readonly root: string;
  readonly tickets: number;
  readonly seed: number;
  readonly messagesFile: string | null;
  readonly client: BenchClient;
  readonly progress: (tickets: number) => void;
}

interface Mark {
  readonly tickets: number;
  readonly messages: number;
  readonly seed: number;
  readonly source: string;
  readonly schema: string;
}

const BLOCK = 20_000;
const MOST_UNREAD = 20_000;

/** Tables that change make the kept store useless. */
function schemaHash(): string {
  const schema = readFileSync(new URL('../store/sqlite/schema.ts', import.meta.url));
  return createHash('sha256').update(schema).digest('hex').slice(0, 16);
}

function markOf(path: string): Mark | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Mark) : null;
}

/** Finds or makes the store. */
export async function filledStore(options: FillOptions): Promise<FilledStore> {
  const kept = join(options.root, `store-${options.tickets}`);
  const markFile = join(kept, 'filled.json');
  const wanted = { seed: options.seed, source: options.messagesFile ?? 'recipe', schema: schemaHash() };
  let mark = markOf(markFile);
  let fillSeconds: number | null = null;
  if (mark === null || mark.seed !== wanted.seed || mark.source !== wanted.source || mark.schema !== wanted.schema) {
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
    const from = performance.now();
    mark = { ...(await fill(kept, options)), ...wanted };
    fillSeconds = Math.round((performance.now() - from) / 1000);
    writeFileSync(markFile, JSON.stringify(mark));
  }
  return {
    tickets: mark.tickets,
    messages: mark.messages,
    fillSeconds,
    copy(name) {
      const folder = join(options.root, name);
      rmSync(folder, { recursive: true, force: true });
      cpSync(kept, folder, { recursive: true });
      // What the copy left to write would otherwise be written during the measurement.
      if (process.platform !== 'win32') execFileSync('sync');
      return folder;
    },
  };
}

async function fill(folder: string, options: FillOptions): Promise<{ tickets: number; messages: number }> {
  const { client } = options;
  const gateway = await startBenchGateway(folder);
  try {
    let standing = await gateway.standing();
    for (let from = 0; standing.tickets < options.tickets; from += BLOCK) {
      const missing = options.tickets - standing.tickets - standing.unread;
      const count = Math.max(500, Math.min(BLOCK, Math.ceil(missing * 1.05)));
      await client.prepare({
        path: `/hooks/${CHANNEL}`,
        secret: gateway.secret,
        round: `fill${from}`,
        from,
        count,
        redeliveries: 0,
        signedAt: Math.floor(Date.now() / 1000),
      });
      const round = await client.run({
        port: gateway.process.port,
        connections: 32,
        seconds: 0,
        rate: null,
        once: true,
        warmUp: 0,
      });
      if (Object.keys(round.byStatus).some(status => status !== '202'))
        throw new Error(`the gateway did not take everything: ${JSON.stringify(round.byStatus)}`);
      await gateway.drained(missing > BLOCK ? MOST_UNREAD : 0);
      standing = await gateway.standing();
      options.progress(standing.tickets);
    }
    await gateway.idle();
    standing = await gateway.standing();
    return { tickets: standing.tickets, messages: standing.read };
  } finally {
    await gateway.stop();
  }
}
