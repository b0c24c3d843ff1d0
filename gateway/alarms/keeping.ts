// What alarms keep in the store: their state and the usual traffic, as two named values.
import type { Store } from '../../store/store.ts';
import { type AlarmState, FRESH_STATE } from './alarm.ts';
import type { KeptTraffic } from './traffic.ts';

const STATE = 'alarms.state';
const TRAFFIC = 'alarms.traffic';

type Admin = Pick<Store['admin'], 'meta' | 'setMeta'>;

/** null: there is something, and it is not of this version's making. */
export async function readState(admin: Pick<Admin, 'meta'>): Promise<AlarmState | null> {
  return stateOf(await admin.meta(STATE));
}

function stateOf(text: string | null): AlarmState | null {
  const kept = parsed(text);
  if (kept === undefined) return FRESH_STATE;
  const state = kept as Partial<AlarmState> | null;
  return state?.v === 1 ? { ...FRESH_STATE, ...state } : null;
}

/** As it stands there, by which it is known whether somebody else has written since. */
export interface KeptState {
  readonly state: AlarmState | null;
  readonly text: string | null;
}

export async function readKept(admin: Admin): Promise<KeptState> {
  const text = await admin.meta(STATE);
  return { state: stateOf(text), text };
}

/**
 * Answers what stands there now; null where somebody else has written since it was `seen`.
 * @param seen undefined: nobody else writes here
 */
export async function writeState(
  admin: Admin,
  state: AlarmState,
  seen: string | null | undefined,
): Promise<string | null> {
  const text = JSON.stringify(state);
  return (await admin.setMeta(STATE, text, seen)) ? text : null;
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
