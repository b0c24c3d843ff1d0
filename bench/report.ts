// Medians and ratios of a run, as one object and as a table for people.
import { type Alternation, CONNECTIONS, type GatewayRound, median, ratio, type SustainedTrial } from './phases.ts';
import type { SystemFacts } from './system.ts';

export interface RunFigures {
  readonly system: SystemFacts;
  readonly texts: Readonly<Record<string, number | string>>;
  readonly store: { readonly tickets: number; readonly messages: number; readonly fillSeconds: number | null };
  readonly bodyBytes: number;
  /** From start to ready on the filled store. */
  readonly startMs: number;
  readonly alternations: readonly Alternation[];
  readonly latency: readonly GatewayRound[];
  readonly sustained: {
    readonly confirmed: SustainedTrial | null;
    readonly trials: readonly SustainedTrial[];
  } | null;
}

export type Summary = ReturnType<typeof summarise>;

const one = (value: number): number => Math.round(value * 10) / 10;

function yardstick(rounds: readonly { perSecond: number; p50: number; p99: number; clientCpu: number }[]) {
  return {
    perSecond: median(rounds.map(round => round.perSecond)),
    p50: one(median(rounds.map(round => round.p50))),
    p99: one(median(rounds.map(round => round.p99))),
    clientCpu: median(rounds.map(round => round.clientCpu)),
    all: rounds.map(round => round.perSecond),
  };
}

/** Ratios are medians of the alternations' own, since a noisy machine changes from one to the next. */
export function summarise(run: RunFigures) {
  const { alternations, latency, sustained } = run;
  const each = (pick: (alternation: Alternation) => number): number => median(alternations.map(pick));
  const b = yardstick(alternations.map(alternation => alternation.b));
  const peaks = [...alternations.map(({ c }) => c.peakMb), ...latency.map(({ peakMb }) => peakMb)];
  const c = {
    ...yardstick(alternations.map(alternation => alternation.c.client)),
    readPerSecond: each(({ c: gateway }) => gateway.readPerSecond),
    allRead: alternations.map(({ c: gateway }) => gateway.readPerSecond),
    cpu: each(({ c: gateway }) => gateway.cpu),
    threads: alternations.at(-1)?.c.threads ?? [],
    drainSeconds: each(({ c: gateway }) => gateway.drainSeconds),
    ticketsAtStart: run.store.tickets,
    ticketsAtEnd: alternations.at(-1)?.c.tickets ?? run.store.tickets,
  };
  return {
    connections: CONNECTIONS,
    bodyBytes: run.bodyBytes,
    system: run.system,
    texts: run.texts,
    store: run.store,
    startMs: run.startMs,
    a: yardstick(alternations.map(alternation => alternation.a)),
    b,
    c,
    ratios: {
      acknowledgedToB: median(
        alternations.map(({ b: echo, c: gateway }) => ratio(gateway.client.perSecond, echo.perSecond)),
      ),
      readToB: median(alternations.map(({ b: echo, c: gateway }) => ratio(gateway.readPerSecond, echo.perSecond))),
      bToA: median(alternations.map(({ a: bare, b: echo }) => ratio(echo.perSecond, bare.perSecond))),
      sustainedToB: sustained?.confirmed == null ? null : ratio(sustained.confirmed.rate, b.perSecond),
    },
    latency: {
      offered: median(latency.map(({ client }) => client.perSecond)),
      p50: one(median(latency.map(({ client }) => client.p50))),
      p99: one(median(latency.map(({ client }) => client.p99))),
      allP99: latency.map(({ client }) => one(client.p99)),
      readPerSecond: median(latency.map(({ readPerSecond }) => readPerSecond)),
    },
    sustained,
    memory: {
      residentMb: median(alternations.map(({ c: gateway }) => gateway.residentMb)),
      peakMb: Math.max(...peaks),
      peakSustainedMb: sustained?.confirmed?.peakMb ?? null,
    },
  };
}

/** What to reach, and below what it is not done. */
const AIMS = {
  acknowledged: [0.95, 0.75],
  read: [0.5, 0.4],
  sustained: [0.6, 0.45],
  p50: 6,
  p99: 40,
  megabytes: 512,
} as const;

function verdict(found: number | null, [aim, least]: readonly [number, number]): string {
  if (found === null || found < least) return `below ${least}`;
  return found >= aim ? `aim ${aim} reached` : `between ${least} and the aim ${aim}`;
}

/** Writes the tables. */
export function report(summary: Summary, say: (line: string) => void): void {
  const { a, b, c, ratios, latency, memory, system } = summary;
  const row = (name: string, cells: readonly (string | number)[]): void =>
    say(`  ${name.padEnd(44)}${cells.map(cell => String(cell).padStart(10)).join('')}`);
  say('');
  row('medians', ['per s', 'p50 ms', 'p99 ms', 'client']);
  row('a  bare node:http echo', [a.perSecond, a.p50, a.p99, a.clientCpu]);
  row('b  Express 5, express.json() echo', [b.perSecond, b.p50, b.p99, b.clientCpu]);
  row('c  gateway, acknowledging', [c.perSecond, c.p50, c.p99, c.clientCpu]);
  row('c  … and reading in the same seconds', [c.readPerSecond, '', '', '']);
  say('');
  say(`  acknowledged to b   ${ratios.acknowledgedToB}  (${verdict(ratios.acknowledgedToB, AIMS.acknowledged)})`);
  say(`  read to b           ${ratios.readToB}  (${verdict(ratios.readToB, AIMS.read)})`);
  if (summary.sustained !== null) {
    const { confirmed } = summary.sustained;
    const what = confirmed === null ? 'nothing was held' : `${confirmed.rate}/s over ${confirmed.seconds} s`;
    say(
      `  sustained to b      ${ratios.sustainedToB ?? '–'}  (${what}; ${verdict(ratios.sustainedToB, AIMS.sustained)})`,
    );
  }
  say(
    `  latency at ${latency.offered}/s p50 ${latency.p50} ms (aim ${AIMS.p50}), p99 ${latency.p99} ms (aim ${AIMS.p99})`,
  );
  say(
    `  memory              ${memory.peakMb} MB at most, ${memory.peakSustainedMb ?? '–'} sustained (aim ${AIMS.megabytes})`,
  );
  say(
    `  tickets             ${c.ticketsAtStart} before, ${c.ticketsAtEnd} after the alternations; ready in ${summary.startMs} ms`,
  );
  say(`  bodies              ${summary.bodyBytes} bytes on average`);
  say(`  disk                sync p50 ${system.syncMs.p50} ms, p99 ${system.syncMs.p99} ms`);
  say(
    `  machine             ${system.cores} × ${system.processor}, ${system.platform}, Node ${system.node}, SQLite ${system.sqlite}`,
  );
}
