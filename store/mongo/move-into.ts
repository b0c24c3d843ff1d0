// Opens a database for a move from another engine: an empty one, or the one in which the same move was cut off.
import { StoreUnavailable } from '../errors.ts';
import type { MoveTarget } from '../moving.ts';
import type { Store } from '../store.ts';
import type { AuditTrail } from './audit.ts';
import type { GridBlobs } from './blobs.ts';
import { candidateStore } from './candidates.ts';
import type { Context } from './context.ts';
import { connectAll, guardedAll, type MongoStoreOptions, partsOf, placesOf, prepare } from './engine.ts';
import { unavailable } from './failures.ts';
import { createMoveTarget, MOVING } from './moving.ts';
import type { Vault } from './vault.ts';
import { checkBond } from './vault-bond.ts';

/** Where a city moves to: rows go in, and the ports that the rest goes through. */
export interface MoveInto {
  readonly rows: MoveTarget;
  readonly blobs: Store['blobs'];
  readonly candidates: Store['candidates'];
  readonly audit: AuditTrail;
}

/** An empty database, claimed for one move or one restore. */
export interface MovePlace {
  readonly context: Context;
  readonly vault: Vault;
  readonly blobs: GridBlobs;
  close(): Promise<void>;
}

/** What a claim says once all is there and compared: only its end is still to be written down. */
export const wholeOf = (source: string): string => `${source} whole`;

/**
 * Claims an empty database, or one that was claimed for the same.
 * @param source names what goes in
 * @throws StoreUnavailable `store.move_not_empty` and what `openMongoStore` throws
 */
export async function openMovePlace(options: MongoStoreOptions, source: string): Promise<MovePlace> {
  const { main, apart } = await connectAll(options);
  const close = async () => {
    await Promise.all([main.connection.close(), apart?.connection.close()]);
  };
  try {
    await checkBond(main.connection, apart?.connection ?? null);
    const { context, vault, blobs } = partsOf(options, main, apart);
    await prepare(context);
    await claimForMove(context, source);
    return { context, vault, blobs, close };
  } catch (error) {
    await close();
    throw unavailable(error, placesOf(main, apart));
  }
}

/** Opens a database for a move from another engine. Throws like `openMovePlace`. */
export async function openMoveInto(options: MongoStoreOptions, source: string): Promise<MoveInto> {
  const place = await openMovePlace(options, source);
  const { blobs, ...rows } = createMoveTarget(place);
  return {
    rows: { ...guardedAll(rows, told), blobs },
    blobs: guardedAll(place.blobs, told),
    candidates: guardedAll(candidateStore(place.context), told),
    audit: guardedAll(place.context.audit, told),
  };
}

/** Rejects with what the port promises, whatever the driver threw. */
export async function told<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw unavailable(error, []);
  }
}

async function claimForMove({ models }: Context, source: string): Promise<void> {
  const moving = await models.named.findById(MOVING).lean();
  if (moving?.value === source || moving?.value === wholeOf(source)) return;
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
