// The places of live outbox entries by lane, in the writer's memory: as an index by lane they would cost a random page of the
// log for every entry that comes and one for every entry that goes.
import type { Statements } from './statements.ts';

export interface LiveLanes {
  /** Place of the earliest live entry. */
  first(lane: string): number | undefined;
  add(lane: string, seq: number): void;
  remove(lane: string, seq: number): void;
  /** Marks this point; the answer brings the lanes back to it after a rollback. */
  mark(): () => void;
  /** What is done so far can no longer be undone. */
  forget(): void;
}

/** Nearly every lane has one live entry, so a lone one stands without a list. */
type Places = number | number[];

export function loadLanes(sql: Statements): LiveLanes {
  const lanes = new Map<string, Places>();
  let done: { readonly lane: string; readonly seq: number; readonly added: boolean }[] = [];

  const put = (lane: string, seq: number): void => {
    const places = lanes.get(lane);
    if (places === undefined) lanes.set(lane, seq);
    else lanes.set(lane, insert(typeof places === 'number' ? [places] : places, seq));
  };
  const take = (lane: string, seq: number): void => {
    const places = lanes.get(lane);
    if (places === seq) lanes.delete(lane);
    if (typeof places !== 'object') return;
    const at = places.indexOf(seq);
    if (at === 0) places.shift();
    else if (at > 0) places.splice(at, 1);
    if (places.length === 0) lanes.delete(lane);
  };

  // Row by row: where no case system takes entries there may be as many as tickets.
  for (const row of sql('SELECT lane, seq FROM outbox WHERE state < 2 ORDER BY seq').iterate()) {
    const { lane, seq } = row as { lane: string; seq: number };
    put(lane, seq);
  }

  return {
    first: lane => {
      const places = lanes.get(lane);
      return typeof places === 'object' ? places[0] : places;
    },
    add: (lane, seq) => {
      put(lane, seq);
      done.push({ lane, seq, added: true });
    },
    remove: (lane, seq) => {
      take(lane, seq);
      done.push({ lane, seq, added: false });
    },
    mark: () => {
      const length = done.length;
      return () => {
        for (const { lane, seq, added } of done.splice(length).reverse()) {
          if (added) take(lane, seq);
          else put(lane, seq);
        }
      };
    },
    forget: () => {
      done = [];
    },
  };
}

/** Adds to a rising list; new places are nearly always the highest. */
function insert(places: number[], seq: number): number[] {
  let at = places.length;
  while (at > 0 && (places[at - 1] as number) > seq) at--;
  places.splice(at, 0, seq);
  return places;
}
