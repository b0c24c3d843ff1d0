// What alarms keep in the store: their state and the usual traffic, as two named values.
import type { Store } from '../../store/store.ts';
import { type AlarmState, FRESH_STATE } from './alarm.ts';
import type { KeptTraffic } from './traffic.ts';

const STATE = 'alarms.state';
const TRAFFIC = 'alarms.traffic';

type Admin = Pick<Store['admin'], 'meta' | 'setMeta'>;

/** null: there is something, and it is not of this version's making. */
export async function readState(admin: Admin): Promise<AlarmState | null> {
  const kept = parsed(await admin.meta(STATE));
  if (kept === undefined) return FRESH_STATE;
  const state = kept as Partial<AlarmState> | null;
  return state?.v === 1 ? { ...FRESH_STATE, ...state } : null;
}

export async function writeState(admin: Admin, state: AlarmState): Promise<void> {
  await admin.setMeta(STATE, JSON.stringify(state));
}

export async function readTraffic(admin: Admin): Promise<KeptTraffic> {
  const kept = parsed(await admin.meta(TRAFFIC)) as { v?: number; channels?: KeptTraffic } | null | undefined;
  return kept?.v === 1 ? (kept.channels ?? {}) : {};
}

export async function writeTraffic(admin: Admin, channels: KeptTraffic): Promise<void> {
  await admin.setMeta(TRAFFIC, JSON.stringify({ v: 1, channels }));
}

/** undefined: nothing is kept; null: it is no JSON. */
function parsed(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Said by the caller, who knows what it means to begin anew.
    return null;
  }
}
