// Alarms as figures: how many are on, and how the ways do by which a person is told.
import type { AlarmKind, AlarmState, WayName } from './alarm.ts';

/** Figures for metrics. */
export interface AlarmFigures {
  readonly on: readonly { readonly kind: AlarmKind; readonly count: number }[];
  readonly ways: readonly {
    readonly way: WayName;
    readonly waiting: number;
    readonly failures: number;
    readonly delivered: number;
    readonly lost: number;
  }[];
}

export function figuresOf({ alarms, notices, ways }: AlarmState): AlarmFigures {
  const on = new Map<AlarmKind, number>();
  for (const { kind, raised } of alarms) if (raised !== null) on.set(kind, (on.get(kind) ?? 0) + 1);
  return {
    on: [...on].map(([kind, count]) => ({ kind, count })),
    ways: (Object.keys(ways) as WayName[]).map(way => {
      const { failures, delivered, lost } = ways[way];
      return { way, waiting: notices.filter(notice => notice.ways.includes(way)).length, failures, delivered, lost };
    }),
  };
}
