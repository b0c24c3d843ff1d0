// After a key was rotated: every data key is wrapped by the newest key, a little at a time, until the older ones wrap nothing.
import { setTimeout as rest } from 'node:timers/promises';
import { type FieldCipher, packFields, unpackFields } from '../../store/field-cipher.ts';
import { type KeyRing, SEALING_NAMES } from '../../store/key-ring.ts';
import type { RewrapRow, WrappedKeysRow } from '../../store/retention.ts';
import type { ChannelRow, Store } from '../../store/store.ts';

export interface RewrapParts {
  readonly store: Store;
  readonly cipher: FieldCipher;
  ring(): KeyRing;
  now(): number;
}

export interface RewrapOrder {
  readonly by: string;
  /** Rest between a pass that changed something and the one that proves that nothing is left: whoever had read a row before
   *  may write its old wrapping back in the meantime. 0 where nobody else writes. */
  readonly settleMs: number;
  readonly signal: AbortSignal;
  progress(done: number): void;
}

export interface RewrapReport {
  readonly rewrapped: number;
  /** Ids of the keys that wrap nothing any more. */
  readonly retired: readonly string[];
}

const AT_ONCE = 200;
const REST_MS = 5;
/** Pages between two notes of how far it is; what was done since the last one is done again after a crash, to no harm. */
const PAGES_A_NOTE = 10;
const STATE = 'keys.rewrap';
const RETIRED = 'keys.retired';

interface State {
  /** Ids of the keys that wrap now. */
  readonly target: string;
  readonly after: number;
  /** Changed in this pass. */
  readonly changed: number;
}

/** Keys that wrap nothing in the store any more, and since when (ISO 8601). */
export async function retiredKeys({ admin }: Pick<Store, 'admin'>): Promise<Readonly<Record<string, string>>> {
  return JSON.parse((await admin.meta(RETIRED)) ?? '{}') as Record<string, string>;
}

/** Keys that only open and may still wrap something. */
export async function keysToRetire(store: Store, ring: KeyRing): Promise<readonly string[]> {
  const retired = await retiredKeys(store);
  return SEALING_NAMES.flatMap(name => (ring.sealing[name] ?? []).slice(0, -1).map(({ id }) => id)).filter(
    id => retired[id] === undefined,
  );
}

/** Goes on where it was ended; resolves when every older key is retired, or with what was done when it was aborted. */
export async function rewrapAll(parts: RewrapParts, order: RewrapOrder): Promise<RewrapReport> {
  let rewrapped = 0;
  const told = (done: number) => order.progress(rewrapped + done);
  for (;;) {
    const old = await keysToRetire(parts.store, parts.ring());
    if (old.length === 0 || order.signal.aborted) return { rewrapped, retired: [] };
    const target = targetOf(parts.ring());
    const changed = await onePass(parts, order, target, told);
    if (order.signal.aborted) return { rewrapped, retired: [] };
    rewrapped += changed;
    // Rotated again in the meantime: from the beginning, for the newer key.
    if (target !== targetOf(parts.ring())) continue;
    if (changed > 0) {
      await settle(order);
      continue;
    }
    await retire(parts, old, order.by);
    return { rewrapped, retired: old };
  }
}

function targetOf(ring: KeyRing): string {
  return SEALING_NAMES.map(name => ring.sealing[name]?.at(-1)?.id ?? '-').join(' ');
}

/** Answers how many wrappings it changed, a part done before a restart included. */
async function onePass(
  parts: RewrapParts,
  { signal, by }: RewrapOrder,
  target: string,
  told: (done: number) => void,
): Promise<number> {
  const { admin } = parts.store;
  let state = await stateOf(parts.store, target);
  for (let page = 1; !signal.aborted; page++) {
    const rows = await admin.wrappedKeys(state.after, AT_ONCE);
    const anew = rows.flatMap(row => rewrapped(parts.cipher, row));
    if (anew.length > 0) await admin.rewrap(anew);
    const last = rows.at(-1);
    if (last === undefined) {
      const channels = await rewrapChannels(parts, by);
      await keep(parts.store, { target, after: 0, changed: 0 });
      return state.changed + channels;
    }
    state = { target, after: last.ordinal, changed: state.changed + anew.length };
    told(state.changed);
    if (page % PAGES_A_NOTE === 0) await keep(parts.store, state);
    await rest(REST_MS);
  }
  await keep(parts.store, state);
  return state.changed;
}

function rewrapped(cipher: FieldCipher, { ordinal, content, identity }: WrappedKeysRow): readonly RewrapRow[] {
  return (['content', 'identity'] as const).flatMap(which => {
    const from = which === 'content' ? content : identity;
    const to = from === null ? null : cipher.rewrap(from);
    return from === null || to === null ? [] : [{ ordinal, which, from, to }];
  });
}

/** Few, and each changed by operators only: read and written one at a time. */
async function rewrapChannels({ store, cipher }: RewrapParts, by: string): Promise<number> {
  let changed = 0;
  for (const row of await store.admin.channels()) {
    const settings = rewrappedSettings(cipher, row);
    if (settings === null) continue;
    // One that an operator has changed since is left to the next pass, which this one counts for.
    await store.admin.putChannel({ ...row, settings }, { by, action: 'keys.rewrap', on: [row.id] }, row);
    changed++;
  }
  return changed;
}

function rewrappedSettings(cipher: FieldCipher, { settings }: ChannelRow): Uint8Array | null {
  const { key, ...rest } = unpackFields(settings);
  const to = key === undefined ? null : cipher.rewrap(key);
  return to === null ? null : packFields({ key: to, ...rest });
}

async function retire({ store, now }: RewrapParts, ids: readonly string[], by: string): Promise<void> {
  await store.admin.audit({ by, action: 'keys.retire', on: ids }, now());
  const at = new Date(now()).toISOString();
  const retired = { ...(await retiredKeys(store)), ...Object.fromEntries(ids.map(id => [id, at])) };
  await store.admin.setMeta(RETIRED, JSON.stringify(retired));
}

async function stateOf({ admin }: Store, target: string): Promise<State> {
  const kept = JSON.parse((await admin.meta(STATE)) ?? 'null') as State | null;
  return kept?.target === target ? kept : { target, after: 0, changed: 0 };
}

async function keep({ admin }: Store, state: State): Promise<void> {
  await admin.setMeta(STATE, JSON.stringify(state));
}

async function settle({ settleMs, signal }: RewrapOrder): Promise<void> {
  if (settleMs === 0) return;
  try {
    await rest(settleMs, undefined, { signal });
  } catch (error) {
    // Told to stop; the loop sees it.
    if (!signal.aborted) throw error;
  }
}
