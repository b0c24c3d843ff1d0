// Two readers on one database. Without leases, fencing tokens and compare-and-set they must be seen to fail by the oracle of the
// cluster run; with them the same two must be right.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { openRecipe } from '../../../bench/recipe.ts';
import { caseSystemSettings } from '../../../config/case-system.ts';
import { loadConfig } from '../../../config/load.ts';
import { loadRepeats } from '../../../config/load-repeats.ts';
import { createDispatch } from '../../../gateway/dispatch/dispatch.ts';
import { createLocalQueue } from '../../../gateway/dispatch/local-queue.ts';
import { type Foundation, openFoundation } from '../../../gateway/foundation.ts';
import { createIntake } from '../../../gateway/intake.ts';
import { createJudge } from '../../../gateway/reading/judge.ts';
import { createParserPool } from '../../../gateway/reading/parser-pool.ts';
import { startReader } from '../../../gateway/reading/reader.ts';
import { createShards, SHARDS } from '../../../gateway/reading/shards.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { createDevelopmentKeys } from '../../../store/key-ring.ts';
import type { CommitRow, Store } from '../../../store/store.ts';
import { startCaseSystem } from '../../platforms/case-system.ts';
import { readKept } from '../kill/kept.ts';
import { createLedger, type Ledger } from '../kill/ledger.ts';
import { judge as judgeRun, type Verdict } from '../kill/oracle.ts';

const MESSAGES = 40;
const DONE_WITHIN_MS = 60_000;
const CHANNEL = { kind: 'app', settings: { secrets: [], ratePerSecond: 1, burst: 1, maxAttachmentMb: 1 } };

/** A commit that knows of nobody else: whatever stands there, its decision becomes the next one. */
function blind(store: Store): Store {
  const { decisions, messages } = store;
  const again = async (row: CommitRow) => {
    const revision = (await messages.get(row.number))?.revision ?? row.revision;
    const outbox = row.outbox.map(entry => ({ ...entry, revision }));
    return (await decisions.commit([{ ...row, revision, outbox }], null))[0] ?? 'conflict';
  };
  return {
    ...store,
    decisions: {
      ...decisions,
      async commit(rows) {
        const answers = await decisions.commit(rows, null);
        return Promise.all(answers.map((answer, i) => (answer === 'committed' ? answer : again(rows[i] as CommitRow))));
      },
    },
  };
}

async function read(foundation: Foundation, owner: string, fenced: boolean) {
  const { cipher, rulebook, loaded, store } = foundation;
  const { idleCharacters, phrases, policy } = loadRepeats(loaded.config.rules);
  const judge = createJudge({ candidates: store.candidates, cipher, policy, common: new Set() });
  await judge.open();
  const pool = createParserPool({
    ...{ rulebook, idleCharacters, phrases, adapters: [], baseFolder: tmpdir() },
    ...{ parsers: 1, messageMs: 10_000, memoryMb: 128 },
  });
  pool.setChannels({ one: CHANNEL });
  const all = Array.from({ length: SHARDS }, (_, shard) => shard);
  const shards = fenced
    ? createShards({
        ...{ store, owner, now: Date.now, trouble: () => undefined },
        changed: lost => reader.lost(lost),
      })
    : // The fence of nobody: whoever asks is told that the shard is his.
      { mine: all, fence: () => '', start: async () => undefined, close: async () => undefined };
  const reader = startReader({
    ...{ store, cipher, judge, pool, shards, now: Date.now, batch: 8, attempts: 3, attachmentWaitMs: 0 },
    ...{ decided: () => undefined, report: () => undefined },
  });
  await shards.start();
  return async () => {
    await reader.close();
    await shards.close();
    await pool.close();
  };
}

async function accept({ store, cipher, registry }: Foundation, ledger: Ledger): Promise<void> {
  const intake = createIntake({ store, cipher, now: Date.now, acknowledged: () => undefined });
  const definition = await registry.get('app');
  const recipe = openRecipe({ samePerson: 0, otherPerson: 0 });
  const originals = Array.from({ length: MESSAGES }, (_, i) => {
    const { title, content, name, phone } = recipe.appeal(1, i);
    const data = { externalId: `c${i}`, title, content, contact: { name, phone } };
    const body = Buffer.from(JSON.stringify({ type: 'appeal.created', timestamp: '2026-01-05T08:30:00+08:00', data }));
    return { platformId: `c${i}`, sender: phone, mediaType: 'application/json', meta: {}, body };
  });
  for (const [i, { platformId, sender }] of originals.entries()) ledger.issue(platformId, sender, i);
  const answers = await intake.accept('one', definition, originals);
  answers.forEach((answer, i) => {
    const id = originals[i]?.platformId as string;
    ledger.sending(id);
    if (answer.kind === 'id-reused') ledger.refused(id, answer.kind);
    else ledger.acknowledged(id, answer.number);
  });
}

/** @param url of a database that is empty */
export async function controlRun(url: string, fenced: boolean): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-control-'));
  createDevelopmentKeys(join(folder, 'keys.json'));
  const simulator = await startCaseSystem();
  const open = async (name: string) => {
    mkdirSync(join(folder, name));
    const file = join(folder, name, 'huisu.yaml');
    writeFileSync(file, stringify({ data: './data', keys: { file: '../keys.json' }, store: { url } }));
    return openFoundation(loadConfig({ file, env: {} }), {
      env: {},
      onFatal: error => {
        throw error;
      },
      ...(fenced ? {} : { decorateStore: blind }),
    });
  };
  const [a, b] = [await open('a'), await open('b')];
  try {
    const ledger = createLedger();
    await accept(a, ledger);
    const readers = await Promise.all([read(a, 'a', fenced), read(b, 'b', fenced)]);
    await until(async () => (await a.store.messages.counts()).unread === 0);
    await Promise.all(readers.map(close => close()));
    const dispatch = createDispatch({
      ...{ store: a.store, cipher: a.cipher, concurrency: 8, log: createLog({ level: 'silent' }) },
      queue: createLocalQueue({
        onBug: error => {
          throw error;
        },
      }),
      settings: caseSystemSettings({ url: simulator.url }),
    });
    await dispatch.start();
    await until(async () => {
      const { due, parked, inFlight } = await a.store.outbox.counts();
      return due + parked + inFlight === 0;
    });
    await dispatch.close(2000);
    await Promise.all([a.close(), b.close()]);
    const kept = await readKept(folder, [], { url, identityUrl: null });
    const effects = simulator.lines.flatMap(({ effect, key, kind, ticket }) =>
      effect && key !== null && kind !== null && ticket !== null ? [{ key, kind, ticket }] : [],
    );
    return judgeRun({ obligations: ledger.all(), effects, ...kept });
  } finally {
    await simulator.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + DONE_WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('the control did not come to an end');
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
