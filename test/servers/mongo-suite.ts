// A suite on a MongoDB server: says why where it is skipped, gives each case a database, and holds the driver to the list of
// commands and operators that every server of this kind has.
import assert from 'node:assert/strict';
import mongoose from 'mongoose';
import { sharedMongo, stopShared, whySkipped } from './mongo.ts';
import { faultOf } from './mongo-commands.ts';

export interface MongoDatabase {
  /** Address with the database's name. */
  readonly url: string;
  /** For the engine: keeps in mind what is not on the list; `drop` throws it. */
  readonly onCommand: (name: string, command: unknown) => void;
  drop(): Promise<void>;
}

export interface MongoSuite {
  database(name: string): MongoDatabase;
  /** On FerretDB without the order of changes that our server puts before it; null where another server was given. */
  raw(name: string): MongoDatabase | null;
}

/** How long a first start may take: the server is built, PostgreSQL initialised. */
const START_MS = 300_000;

let registered = false;

/** Registers a suite; where no server can be had it is skipped with the reason printed. */
export function withMongo(title: string, cases: (suite: MongoSuite) => void): void {
  const reason = whySkipped();
  if (reason !== null) {
    describe(title, () => it.skip(`skipped: ${reason}`));
    console.log(`skipped: ${title}: ${reason}`);
    return;
  }
  if (!registered) after(stopShared);
  registered = true;
  describe(title, () => {
    let url = '';
    let rawUrl: string | null = null;
    before(async function () {
      this.timeout(START_MS);
      ({ url, rawUrl } = await sharedMongo());
    });
    cases({
      database: name => databaseAt(url, name),
      raw: name => (rawUrl === null ? null : databaseAt(rawUrl, name)),
    });
  });
}

function databaseAt(server: string, name: string): MongoDatabase {
  const url = new URL(server);
  url.pathname = `/huisu_${name}`;
  const faults = new Set<string>();
  return {
    url: url.href,
    onCommand: (command, body) => {
      const fault = faultOf(command, body);
      if (fault !== null) faults.add(fault);
    },
    drop: async () => {
      const connection = await mongoose.createConnection(url.href).asPromise();
      await connection.dropDatabase();
      await connection.close();
      assert.deepEqual([...faults], [], 'commands outside the list');
    },
  };
}
