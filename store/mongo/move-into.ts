// Opens a database for a move from another engine: an empty one, or the one in which the same move was cut off.
import { StoreUnavailable } from '../errors.ts';
import type { MoveTarget } from '../moving.ts';
import type { Store } from '../store.ts';
import type { AuditTrail } from './audit.ts';
import { candidateStore } from './candidates.ts';
import { unavailable } from './connection.ts';
import type { Context } from './context.ts';
import { connectAll, type MongoStoreOptions, partsOf, prepare } from './engine.ts';
import { createMoveTarget, MOVING } from './moving.ts';

/** Where a city moves to: rows go in, and the ports that the rest goes through. */
export interface MoveInto {
  readonly rows: MoveTarget;
  readonly blobs: Store['blobs'];
  readonly candidates: Store['candidates'];
  readonly audit: AuditTrail;
}

/**
 * Opens a database to move into: an empty one, or one into which the same store was being moved.
 * @param source names the store that is moved
 * @throws StoreUnavailable `store.move_not_empty` and what `openMongoStore` throws
 */
export async function openMoveInto(options: MongoStoreOptions, source: string): Promise<MoveInto> {
  const { main, apart } = await connectAll(options);
  try {
    const { context, vault, blobs } = partsOf(options, main, apart);
    await prepare(context);
    await claimForMove(context, source);
    const close = async () => {
      await Promise.all([main.connection.close(), apart?.connection.close()]);
    };
    const rows = createMoveTarget({ context, vault, blobs, close });
    return { rows, blobs, candidates: candidateStore(context), audit: context.audit };
  } catch (error) {
    await Promise.all([main.connection.close(), apart?.connection.close()]);
    throw unavailable(error);
  }
}

async function claimForMove({ models }: Context, source: string): Promise<void> {
  const moving = await models.named.findById(MOVING).lean();
  if (moving?.value === source) return;
  if (
    moving !== null ||
    (await models.named.findOne({}).lean()) !== null ||
    (await models.messages.findOne({}).lean()) !== null
  ) {
    throw new StoreUnavailable(
      'store.move_not_empty',
      '目标数据库里已有别的数据，不会写入：请换一个空库。 / The database to move into holds other data and is left alone: name an empty one.',
    );
  }
  await models.named.insertMany([{ _id: MOVING, value: source }], { lean: true });
}
