// `npm run test:cluster`: several processes are one service. Three gateways on one MongoDB (FerretDB on PostgreSQL) and one Redis
// take in appeals by webhook, mail and files while they are killed and Redis and the database are taken away, or while each of them is
// restarted in turn.
import { parseArgs } from 'node:util';
import { mongoMissing, startFerretDb } from '../servers/mongo.ts';
import { redisBinary } from '../servers/redis.ts';
import { controlRun } from './cluster/control.ts';
import { clusterRun } from './cluster/run.ts';
import { wrongIn } from './kill/run.ts';

const HELP = `npm run test:cluster -- [options]
  --messages N      messages (600; rolling: 200)
  --full            3,000 messages
  --processes N     gateways (3)
  --away N          seconds for which Redis and the database are each taken away (20)
  --seed N          seed of messages, kill moments and faults (1)
  --rolling         nobody is killed and nothing taken away: each gateway in turn is told to stop and started again
  --no-control      leave out the two readers without fences that must fail
  --json            one JSON object as the last line on stdout`;

interface Check {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
  readonly ok: boolean;
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string' },
    full: { type: 'boolean', default: false },
    processes: { type: 'string', default: '3' },
    away: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    rolling: { type: 'boolean', default: false },
    'no-control': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const missing = redisBinary() === null ? 'no redis-server is installed' : mongoMissing();
if (values.help || missing !== null) {
  process.stdout.write(values.help ? `${HELP}\n` : `skipped: the cluster: ${missing}\n`);
  process.exit(0);
}

const seed = Number(values.seed);
const say = (line: string): void => {
  process.stderr.write(process.stderr.isTTY ? `\r\u001b[2K${line}` : `${line}\n`);
};
const result = await clusterRun({
  messages: Number(values.messages ?? (values.full ? 3000 : values.rolling ? 200 : 600)),
  processes: Number(values.processes),
  awaySeconds: values.rolling ? null : Number(values.away),
  seed,
  say,
});
const { verdict, figures, outcomes, faults, mailServer } = result;
const controls = values['no-control'] || values.rolling ? null : await control();

const zero = (name: string, found: number | undefined): Check => ({
  ...{ name, expected: '0', found: String(found), ok: found === 0 },
});
const checks: Check[] = [
  zero('lost', verdict.lost),
  zero('doubled messages', verdict.doubledMessages),
  zero('doubled tickets', verdict.doubledTickets),
  zero('doubled effects', verdict.doubledEffects),
  zero('effects missing', verdict.missingEffects),
  zero('order inversions in lanes', verdict.orderInversions),
  zero('good messages refused', verdict.refused),
  zero('entries never delivered', verdict.undelivered),
  equal('acknowledged of issued', figures['messages'], figures['acknowledged']),
  equal('drained at the end', 1, figures['drained']),
  atMost('requests repeated after their effect', figures['sentAgainAtMost'], figures['sentAgainAfterEffect']),
  atMost('slowest exit on SIGTERM, ms', 25_000, figures['slowestExitMs']),
  zero('unclean exits on SIGTERM', figures['unclean']),
  ...(values.rolling ? [] : [atMost("a dead process's mailbox is another's after, ms", 15_000, figures['takeoverMs'])]),
  zero('audit chain broken', figures['auditRecordsBroken']),
  ...(controls === null
    ? []
    : [
        {
          name: 'control, no fence: doubled tickets',
          expected: '> 0',
          found: String(controls.blind),
          ok: controls.blind > 0,
        },
        zero('control, the same two readers under fences: wrong', controls.fenced),
      ]),
];

process.stderr.write('\n');
for (const [name, value] of Object.entries({ ...figures, mailServer, outcomes, faults }))
  process.stderr.write(`  ${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}\n`);
for (const example of verdict.examples) process.stderr.write(`  wrong: ${example}\n`);
const ok = checks.every(check => check.ok);
if (!ok) process.stderr.write(`  kept for a look: ${result.folder}\n`);
process.stdout.write(`\n${table(checks)}\n`);
if (values.json) process.stdout.write(`${JSON.stringify({ ok, seed, ...verdict, ...figures, outcomes, controls })}\n`);
process.exitCode = ok ? 0 : 1;

async function control(): Promise<{ readonly blind: number; readonly fenced: number }> {
  const server = await startFerretDb();
  try {
    say('control: without fences, then with them');
    const blind = await controlRun(`${server.url}huisu_blind`, false);
    const fenced = await controlRun(`${server.url}huisu_fenced`, true);
    for (const example of fenced.examples) process.stderr.write(`  wrong: ${example}\n`);
    return { blind: blind.doubledTickets, fenced: wrongIn(fenced) };
  } finally {
    await server.stop();
  }
}

function equal(name: string, expected: number | undefined, found: number | undefined): Check {
  return { name, expected: String(expected), found: String(found), ok: expected === found };
}

function atMost(name: string, most: number | undefined, found: number | undefined): Check {
  return { name, expected: `<= ${most}`, found: String(found), ok: (found ?? Number.NaN) <= (most ?? Number.NaN) };
}

function table(rows: readonly Check[]): string {
  const cells = [
    ['check', 'must be', 'found', ''],
    ...rows.map(row => [row.name, row.expected, row.found, row.ok ? 'ok' : 'WRONG']),
  ];
  const widths = [0, 1, 2].map(column => Math.max(...cells.map(row => (row[column] ?? '').length)));
  return cells
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
