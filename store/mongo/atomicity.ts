// What the whole engine rests on, tried at each start: of several changes of one document that all name the same version, one is
// made. MongoDB promises it; some servers that speak its protocol read, change and write back in separate steps.
import { randomUUID } from 'node:crypto';
import { StoreUnavailable } from '../errors.ts';
import type { Models } from './connection.ts';

const ROUNDS = 3;
const AT_ONCE = 8;

const PROBE = 'probe ';

/** A process that is killed at its start leaves its probe behind, which is nothing of the store's. */
export const isProbe = (id: unknown): boolean => typeof id === 'string' && id.startsWith(PROBE);

/** @throws StoreUnavailable `store.mongo_not_atomic` */
export async function provesAtomic({ counters }: Pick<Models, 'counters'>): Promise<void> {
  const _id = `${PROBE}${randomUUID()}`;
  await counters.insertMany([{ _id, value: 0 }], { lean: true });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const tries = Array.from({ length: AT_ONCE }, () =>
        counters.updateOne({ _id, value: round }, { $set: { value: round + 1 } }),
      );
      const made = (await Promise.all(tries)).filter(({ matchedCount }) => matchedCount === 1).length;
      if (made !== 1) throw notAtomic();
    }
  } finally {
    await counters.deleteOne({ _id });
  }
}

function notAtomic(): StoreUnavailable {
  return new StoreUnavailable(
    'store.mongo_not_atomic',
    '该数据库会让同一文档的两次修改互相覆盖，请换用 MongoDB 6 至 8。 / This database lets two changes of one document overwrite each other, use MongoDB 6 to 8.',
  );
}
