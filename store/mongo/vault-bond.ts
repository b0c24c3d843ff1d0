// Which identity database belongs to a store: put down in both at the first start, compared at each one after it. With another one,
// or none, a process would keep originals where the others do not look, and find none of theirs.
import { randomUUID } from 'node:crypto';
import type { Connection } from 'mongoose';
import { StoreUnavailable } from '../errors.ts';
import { isDuplicate } from './connection.ts';

interface Mark {
  readonly _id: 'store' | 'vault' | 'of';
  readonly value: string;
}

/** Not one of the collections that a copy of the store holds: a restored one has a vault of its own. */
const COLLECTION = 'bond';
const INLINE = 'inline';

/** @throws StoreUnavailable `store.mongo_identity_other` */
export async function checkBond(main: Connection, apart: Connection | null): Promise<void> {
  if (apart === null) {
    if ((await kept(main, 'vault', INLINE)) !== INLINE) throw other();
    return;
  }
  const store = await kept(main, 'store', randomUUID());
  const [owner, vault] = (await kept(apart, 'of', `${store} ${randomUUID()}`)).split(' ');
  if (owner !== store || vault === undefined || (await kept(main, 'vault', vault)) !== vault) throw other();
}

/** The mark that an identity database has: small, always there, and read as all of it is. */
export function bondOf(apart: Connection): Promise<unknown> {
  return apart.collection<Mark>(COLLECTION).findOne({ _id: 'of' });
}

/** What stands there; where nothing does, this does from now on. */
async function kept(connection: Connection, _id: Mark['_id'], value: string): Promise<string> {
  const marks = connection.collection<Mark>(COLLECTION);
  const found = await marks.findOne({ _id });
  if (found !== null) return found.value;
  try {
    await marks.insertOne({ _id, value });
    return value;
  } catch (error) {
    // Another process began in the same moment.
    if (!isDuplicate(error)) throw error;
    return (await marks.findOne({ _id }))?.value ?? value;
  }
}

function other(): StoreUnavailable {
  return new StoreUnavailable(
    'store.mongo_identity_other',
    'store.identityUrl 不是这套数据的身份库。 / store.identityUrl does not name the identity database of this store.',
  );
}
