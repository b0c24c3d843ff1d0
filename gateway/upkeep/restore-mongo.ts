// 恢复到 MongoDB: puts a backup of that engine into an empty database, proven before and after.
import { exportRing, type KeyRing, macKey, verifyKeyCheck } from '../../store/key-ring.ts';
import { openMongoStore } from '../../store/mongo/engine.ts';
import { restoreMongoCopy } from '../../store/mongo/restore-into.ts';
import { readBackup } from './manifest.ts';
import { prove } from './proof.ts';
import { checkProof, type RestoreOrder, type RestoreResult } from './restore.ts';

export interface MongoRestoreOrder extends Omit<RestoreOrder, 'data' | 'ring'> {
  readonly ring: KeyRing;
  readonly url: string;
  readonly identityUrl: string | null;
}

/** @throws DeskError `backup.*`, KeyError, StoreUnavailable; then the database is not in use, and the same order goes on */
export async function restoreToMongo(order: MongoRestoreOrder): Promise<RestoreResult> {
  const { backup, ring, every, signal, url, identityUrl, by, now } = order;
  const { manifest, files } = readBackup(backup);
  verifyKeyCheck(manifest.keys, ring);
  const keys = exportRing(ring, ['content', 'identity', 'audit']);
  const proving = (done: number, total: number) => order.progress('proving', done, total);
  const proof = await prove({ folder: backup, engine: manifest.engine, files, ring: keys, every }, proving, signal);
  checkProof(manifest, proof, true);
  const options = { url, identityUrl, auditKey: Buffer.from(macKey(ring, 'audit')), profile: ring.profile };
  const copying = (done: number, total: number) => order.progress('copying', done, total);
  await restoreMongoCopy(options, backup, { by, now, progress: copying, signal });
  // That it opens is proven as well.
  await (await openMongoStore(options)).close();
  return { manifest, proof };
}
