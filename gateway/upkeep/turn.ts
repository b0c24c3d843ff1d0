// Backup, purge, erasing and re-wrapping do not run into each other: one at a time on a store.
import type { Store } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk-error.ts';

export type Act = 'backup' | 'purge' | 'erase' | 'rewrap';

const underWay = new WeakMap<Store, Act>();

/** @throws DeskError `upkeep.busy` while another act is under way */
export async function inTurn<T>(store: Store, act: Act, run: () => Promise<T>): Promise<T> {
  const other = underWay.get(store);
  if (other !== undefined) throw new DeskError('upkeep.busy', { act: other }, EXIT.unavailable);
  underWay.set(store, act);
  try {
    return await run();
  } finally {
    underWay.delete(store);
  }
}
