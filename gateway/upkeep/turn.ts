// Backup, purge and erasing do not run into each other, nor two of a kind: one at a time on a store.
import type { Store } from '../../store/store.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';

export type Act = 'backup' | 'purge' | 'erase' | 'rewrap';

/** What removes blobs must not while they are copied; other wrappings of keys are no matter to anybody else. */
const EXCLUDES: Readonly<Record<Act, readonly Act[]>> = {
  backup: ['backup', 'purge', 'erase'],
  purge: ['backup', 'purge', 'erase'],
  erase: ['backup', 'purge', 'erase'],
  rewrap: ['rewrap'],
};

const underWay = new WeakMap<Store, Set<Act>>();

/** @throws DeskError `upkeep.busy` while another act is under way that this one must not meet */
export async function inTurn<T>(store: Store, act: Act, run: () => Promise<T>): Promise<T> {
  const acts = underWay.get(store) ?? new Set();
  underWay.set(store, acts);
  const other = EXCLUDES[act].find(one => acts.has(one));
  if (other !== undefined) throw new DeskError('upkeep.busy', { act: other }, EXIT.unavailable);
  acts.add(act);
  try {
    return await run();
  } finally {
    acts.delete(act);
  }
}
