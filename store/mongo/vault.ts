// Where originals and identities lie: in the message's own document, or in a database of their own with its own address and
// credentials, written first and idempotent by number.
import type { Connection } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import type { AcceptRow } from '../store.ts';
import { bondOf } from './vault-bond.ts';

const ANSWER_MS = 3000;

export interface Vault {
  /** Keeps the originals of rows about to be accepted; the same number again is left as it is. */
  keepOriginals(rows: readonly AcceptRow[]): Promise<void>;
  /** What of an original goes into the message's own document. */
  inline(row: Pick<AcceptRow, 'sealed'>): Uint8Array | null;
  /** By number; what is not there is left out. */
  originals(numbers: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  forgetOriginals(numbers: readonly string[]): Promise<void>;
  /** Keeps sealed identities under names of their own. */
  keepIdentities(identities: readonly { readonly at: string; readonly identity: Uint8Array }[]): Promise<void>;
  identities(places: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
  /** Drops all that is kept of a message's identity, of earlier decisions too, but what lies at `except`. */
  forgetIdentities(number: string, except: string | null): Promise<void>;
  /** Whether it answers, within a few seconds: whoever only counts messages would not learn that none can be taken in.
   *  Rejects where it does not. */
  answers(): Promise<void>;
  readonly apart: boolean;
}

const NONE: ReadonlyMap<string, Uint8Array> = new Map();

/** Everything in one document. */
export const INLINE_VAULT: Vault = {
  apart: false,
  answers: async () => undefined,
  keepOriginals: async () => undefined,
  inline: row => row.sealed,
  originals: async () => NONE,
  forgetOriginals: async () => undefined,
  keepIdentities: async () => undefined,
  identities: async () => NONE,
  forgetIdentities: async () => undefined,
};

interface SealedDoc {
  readonly _id: string;
  readonly bytes: Uint8Array;
}

/** In a database of its own. */
export function createVault(connection: Connection): Vault {
  const originals = connection.collection<SealedDoc>('originals');
  const identities = connection.collection<SealedDoc>('identities');
  return {
    apart: true,
    answers: () => inTime(bondOf(connection)),
    keepOriginals: rows =>
      keep(
        originals,
        rows.flatMap(({ number, sealed }) => (sealed === null ? [] : [{ _id: number, bytes: sealed }])),
      ),
    inline: () => null,
    originals: numbers => read(originals, numbers),
    forgetOriginals: async numbers => {
      if (numbers.length > 0) await originals.deleteMany({ _id: { $in: [...numbers] } });
    },
    keepIdentities: list =>
      keep(
        identities,
        list.map(({ at, identity }) => ({ _id: at, bytes: identity })),
      ),
    identities: places => read(identities, places),
    // Places begin with the number and a colon; a semicolon comes next.
    forgetIdentities: async (number, except) => {
      await identities.deleteMany({ _id: { $gt: `${number}:`, $lt: `${number};`, $ne: except ?? '' } });
    },
  };
}

/** One that hangs is as good as gone. */
async function inTime(answer: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(silent()), ANSWER_MS);
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    // What it says after all is nobody's.
    answer.catch(() => undefined);
  }
}

function silent(): StoreUnavailable {
  return new StoreUnavailable('store.mongo_unreachable', '身份库没有应答。 / The identity database does not answer.', {
    place: 'store.identityUrl',
  });
}

type Sealed = ReturnType<typeof sealedOf>;
const sealedOf = (connection: Connection) => connection.collection<SealedDoc>('originals');

async function keep(collection: Sealed, docs: readonly SealedDoc[]): Promise<void> {
  if (docs.length === 0) return;
  const operations = docs.map(({ _id, bytes }) => ({
    updateOne: { filter: { _id }, update: { $setOnInsert: { bytes } }, upsert: true },
  }));
  await collection.bulkWrite(operations, { ordered: false });
}

async function read(collection: Sealed, ids: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  if (ids.length === 0) return NONE;
  const found = await collection.find({ _id: { $in: [...new Set(ids)] } }).toArray();
  return new Map(found.map(({ _id, bytes }) => [_id, bytes]));
}
