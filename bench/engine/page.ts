// A run of the engine bench as a page for docs: figures as they were measured, beside their yardsticks and their aims.
import type { SystemFacts } from '../system.ts';
import type { RedisDown } from './redis-down.ts';
import type { Accepting, Through } from './through-mongo.ts';

export interface Sending {
  readonly concurrency: number;
  readonly perSecond: number;
  /** The yardstick's. */
  readonly bare: number;
  readonly ratio: number;
  readonly cpuMicros: number;
  readonly bareCpuMicros: number;
}

/** Of parts that were left out there is nothing. */
export interface EngineSummary {
  readonly entries: number;
  readonly messages: number;
  readonly system: SystemFacts;
  /** Processes that wanted a processor before anything was measured, on average of a minute. */
  readonly load: number;
  readonly sqlite?: readonly Sending[];
  readonly redisDown?: RedisDown;
  readonly accept?: Accepting;
  readonly mongo?: Sending;
  readonly gateways?: (Through & { readonly processes: number })[];
}

type Line = readonly [string, string | number, string | number, string | number, string];

function lines(summary: EngineSummary): Line[] {
  const { sqlite = [], redisDown, accept, mongo, gateways = [] } = summary;
  return [
    ...sqlite.map(
      (one): Line => [
        `派单 dispatch, SQLite + Bull, ${one.concurrency} at a time`,
        `${one.perSecond}/s`,
        `Bull add + process, same target: ${one.bare}/s`,
        one.ratio,
        '≥ 0.5',
      ],
    ),
    ...(mongo === undefined
      ? []
      : [
          [
            `派单 dispatch, MongoDB + Bull, ${mongo.concurrency} at a time`,
            `${mongo.perSecond}/s`,
            `Bull with raw claims, begins and finishes: ${mongo.bare}/s`,
            mongo.ratio,
            '≥ 0.4',
          ] as Line,
        ]),
    ...(accept === undefined
      ? []
      : [
          [
            '收件 accept, MongoDB',
            `${accept.perSecond}/s`,
            `insertMany: ${accept.rawInsertMany}/s`,
            accept.ratio,
            '≥ 0.4',
          ] as Line,
        ]),
    ...(redisDown === undefined
      ? []
      : [
          [
            '收件 p99 without Redis',
            `${redisDown.p99DownMs} ms`,
            `with Redis: ${redisDown.p99UpMs} ms`,
            redisDown.ratio,
            '≤ 1.5',
          ] as Line,
        ]),
    ...gateways.map(
      (one): Line => [
        `收件、研读、派单 the whole way, MongoDB + Bull, ${one.processes} gateway(s)`,
        `accepted ${one.acceptedPerSecond}/s, read ${one.readPerSecond}/s, sent ${one.sentPerSecond}/s`,
        `${one.cpuMs} ms of a processor a message`,
        '',
        '',
      ],
    ),
  ];
}

/** A table whose cells are as wide as their column, as the formatter would have it. */
function table(rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map(row => row.map(String));
  const widthOf = (text: string) => [...text].reduce((sum, sign) => sum + (sign > '\u2e80' ? 2 : 1), 0);
  const widths = (cells[0] ?? []).map((_, column) => Math.max(3, ...cells.map(row => widthOf(row[column] ?? ''))));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [line(head), line(widths.map(width => '-'.repeat(width))), ...body.map(line)].join('\n');
}

export function pageOf(summary: EngineSummary): string {
  const { system, load, entries, messages, sqlite = [], gateways = [] } = summary;
  const sending = sqlite.at(-1);
  const whole = gateways[0];
  const sizing = [
    ...(sending === undefined
      ? []
      : [`one core of a worker sends ${Math.round(1_000_000 / sending.cpuMicros)} entries a second (SQLite + Bull)`]),
    ...(whole === undefined
      ? []
      : [
          `one core of gateways takes in, reads and sends ${Math.round(1000 / whole.cpuMs)} messages a second (MongoDB + Bull)`,
        ]),
  ];
  return [
    '# 容量 Sizing: what the engines of several processes cost',
    '',
    'Written by `npm run bench:engine -- --page docs/sizing.md`; `bench/README.md` says how it is measured.',
    '本页由该命令写出，衡量方法见 `bench/README.md`。',
    '',
    table([['what 项目', 'here 本机', 'beside 对照', 'ratio', 'aim'], ...lines(summary)]),
    '',
    ...(sizing.length === 0
      ? []
      : [
          `By processor time, without the servers they talk to: ${sizing.join('; ')}.`,
          '以上按处理器时间折算，不含所连服务器。',
          '',
        ]),
    'The MongoDB here is FerretDB over PostgreSQL, which reads many documents for one question: of it the ratios count, not the rates.',
    '此处的 MongoDB 为 PostgreSQL 之上的 FerretDB，只看比值，不看速率。',
    '',
    `${entries} entries a round on SQLite, ${messages} messages on MongoDB. Machine: ${system.cores} × ${system.processor}, Node ${system.node}, an append with fdatasync ${system.syncMs.p50} ms (p99 ${system.syncMs.p99} ms); load before the run ${load}${load > 1 ? ', so others were at work on it' : ''}.`,
    '',
  ].join('\n');
}
