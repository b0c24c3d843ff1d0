// A process of its own for the tests of the embedded engine: opens a folder and does one of a few things until it is ended.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailable } from '../../../store/errors.ts';
import { openSqliteStore, type SqliteStore } from '../../../store/sqlite/engine.ts';
import { AUDIT_KEY, row } from './rows.ts';

const [task, folder] = process.argv.slice(2) as [string, string];

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function tryOpen(): Promise<void> {
  try {
    const store = await open();
    await store.close();
    say({ opened: true });
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    say({ code: error.code, message: error.message });
  }
}

function open(): Promise<SqliteStore> {
  return openSqliteStore({
    folder,
    auditKey: AUDIT_KEY,
    profile: 'intl',
    onFatal: error => {
      say({ fatal: error.code });
      process.exit(70);
    },
  });
}

/** Accepts for ever and says each number once it is acknowledged. */
async function acceptForever(): Promise<void> {
  const store = await open();
  say({ ready: true });
  for (let place = 0; ; place += 5) {
    await Promise.all(
      [0, 1, 2, 3, 4].map(async more => {
        const [answer] = await store.messages.accept([row(place + more)]);
        if (answer?.kind === 'fresh') say({ acknowledged: answer.number });
      }),
    );
  }
}

/** Fills the disk, makes room, goes on; says what was acknowledged and what is found in the end. */
async function fillDisk(): Promise<void> {
  const ballast = join(folder, '..', 'ballast');
  writeFileSync(ballast, Buffer.alloc(6 * 1024 * 1024, 1));
  const store = await open();
  const acknowledged: string[] = [];
  const refused = new Set<string>();
  let place = 0;
  const accept = async (): Promise<void> => {
    const one = row(place++);
    try {
      await store.messages.accept([one]);
      acknowledged.push(one.number);
    } catch (error) {
      refused.add((error as StoreUnavailable).code);
    }
  };
  while (refused.size === 0) await Promise.all(Array.from({ length: 20 }, accept));
  const full = acknowledged.length;
  rmSync(ballast);
  while (acknowledged.length < full + 50) await accept();
  await store.close();
  const later = await open();
  const found = (await later.messages.unread('all', 0, 1_000_000)).map(({ number }) => number);
  const { broken } = await later.admin.auditVerify();
  await later.close();
  say({
    refused: [...refused],
    full,
    acknowledged: acknowledged.length,
    same: JSON.stringify(found) === JSON.stringify(acknowledged),
    broken,
  });
}

if (task === 'open') await tryOpen();
else if (task === 'accept') await acceptForever();
else if (task === 'fill') await fillDisk();
else throw new Error(`no task ${task}`);
