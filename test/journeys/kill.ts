// `npm run test:kill`: acknowledged means durable. Kills the gateway again and again under webhooks, mails and files, cuts the
// power in replay, and proves by two gateways that must fail that the oracle would see a loss.
import { parseArgs } from 'node:util';
import { type CrashRunResult, crashRun, wrongIn } from './kill/run.ts';
import { cannotRecord, powerCut } from './power-cut/power-cut.ts';
import type { ReplayResult } from './power-cut/replay.ts';

const HELP = `npm run test:kill -- [options]
  --messages N      messages of the crash run (5000)
  --kills N         SIGKILLs at random moments (20)
  --cuts N          times the mail server ends the gateway's connections (10)
  --seed N          seed of messages, kill moments and faults (1)
  --points N        power cuts replayed for synchronous=FULL (300; 2000 at night)
  --only-controls   leave the crash run out
  --only-crash      leave the controls and the power cut out
  --json            one JSON object as the last line on stdout`;

interface Check {
  readonly name: string;
  readonly expected: string;
  readonly found: string;
  readonly ok: boolean;
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const watch = (line: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${line}`);
};

const clear = (): void => watch('');

function width(text: string): number {
  return [...text].reduce((sum, sign) => sum + (/[\u2e80-\uffef]/.test(sign) ? 2 : 1), 0);
}

function table(checks: readonly Check[]): string {
  const rows = [
    ['check', 'must be', 'found', ''],
    ...checks.map(check => [check.name, check.expected, check.found, check.ok ? 'ok' : 'WRONG']),
  ];
  const widths = [0, 1, 2].map(column => Math.max(...rows.map(row => width(row[column] ?? ''))));
  return rows
    .map(row =>
      row.map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)))).join('  '),
    )
    .join('\n');
}

function crashChecks({ verdict, figures }: CrashRunResult, cuts: number): readonly Check[] {
  const same = (name: string, expected: number, found = -1): Check => ({
    ...{ name, expected: String(expected), found: String(found) },
    ok: expected === found,
  });
  const zero = (name: string, found: number): Check => ({ name, expected: '0', found: String(found), ok: found === 0 });
  return [
    zero('lost', verdict.lost),
    zero('doubled messages', verdict.doubledMessages),
    zero('doubled tickets', verdict.doubledTickets),
    zero('doubled effects', verdict.doubledEffects),
    zero('effects missing', verdict.missingEffects),
    zero('order inversions in lanes', verdict.orderInversions),
    zero('good messages refused', verdict.refused),
    zero('entries never delivered', verdict.undelivered),
    {
      name: 'acknowledged of issued',
      expected: String(figures['messages']),
      found: String(figures['acknowledged']),
      ok: figures['messages'] === figures['acknowledged'],
    },
    same('connections cut by the mail server', cuts, figures['connectionsCut']),
    same('changes of UIDVALIDITY', 1, figures['foldersRenumbered']),
    {
      name: 'requests repeated after their effect',
      expected: `<= ${figures['sentAgainAtMost']}`,
      found: String(figures['sentAgainAfterEffect']),
      ok: (figures['sentAgainAfterEffect'] ?? 0) <= (figures['sentAgainAtMost'] ?? 0),
    },
    zero('audit chain broken', figures['auditRecordsBroken'] ?? -1),
    zero('exit code at the end', figures['exitCode'] ?? -1),
  ];
}

function report(title: string, lines: Readonly<Record<string, unknown>>): void {
  say(`\n${title}`);
  for (const [name, value] of Object.entries(lines))
    say(`  ${name}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
}

function fullChecks(result: ReplayResult): readonly Check[] {
  return [
    {
      name: `power cut, FULL: cuts with acknowledged rows lost (of ${result.points})`,
      expected: '0',
      found: String(result.pointsWithLoss),
      ok: result.pointsWithLoss === 0 && result.acknowledged > 0,
    },
    {
      name: 'power cut, FULL: damaged databases',
      expected: '0',
      found: result.firstDamage ?? '0',
      ok: result.damaged === 0,
    },
  ];
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '5000' },
    kills: { type: 'string', default: '20' },
    cuts: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    points: { type: 'string', default: '300' },
    'only-controls': { type: 'boolean', default: false },
    'only-crash': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const seed = Number(values.seed);
const main = new URL('../../gateway/main.ts', import.meta.url);
const checks: Check[] = [];
const out: Record<string, unknown> = { seed };
const skipped: string[] = [];

if (!values['only-controls']) {
  const crash = await crashRun({
    messages: Number(values.messages),
    kills: Number(values.kills),
    cuts: Number(values.cuts),
    allAdapters: true,
    seed,
    entry: main,
    watch,
  });
  clear();
  report('crash run', {
    mailServer: crash.mailServer,
    ...crash.figures,
    outcomes: crash.outcomes,
    effectsByKind: crash.effectsByKind,
    faults: crash.faults,
  });
  for (const example of crash.verdict.examples) say(`  wrong: ${example}`);
  if (wrongIn(crash.verdict) > 0) say(`  kept for a look: ${crash.folder}`);
  checks.push(...crashChecks(crash, Number(values.cuts)));
  if (crash.mailServer !== 'Dovecot')
    skipped.push('a real Dovecot, which is not installed: a simulated mail server stood in');
  out['crash'] = {
    ...crash.verdict,
    mailServer: crash.mailServer,
    ...crash.figures,
    outcomes: crash.outcomes,
    faults: crash.faults,
  };
}

if (!values['only-crash']) {
  const early = await crashRun({
    messages: 400,
    kills: 6,
    cuts: 0,
    // The control is about what webhooks are told.
    allAdapters: false,
    seed: seed + 1,
    entry: new URL('./kill/early-ack.ts', import.meta.url),
    watch,
    expectFaults: true,
  });
  clear();
  report('control: a gateway that acknowledges before the commit', { ...early.figures });
  checks.push({
    name: 'control, acknowledging before the commit: lost',
    expected: '> 0',
    found: String(early.verdict.lost),
    ok: early.verdict.lost > 0,
  });
  out['earlyAcknowledgement'] = { lost: early.verdict.lost, doubledMessages: early.verdict.doubledMessages };

  const why = cannotRecord();
  if (why !== null) {
    skipped.push(`power cut and its control: ${why}`);
    say(`\nleft out: ${skipped.at(-1)}`);
  } else {
    const cutAt = (synchronous: 'FULL' | 'NORMAL', points: number): ReplayResult => {
      const result = powerCut({
        synchronous,
        rows: 3000,
        points,
        seed,
        progress: done => watch(`power cut, ${synchronous}: ${done}/${points}`),
      });
      clear();
      report(`power cut, synchronous=${synchronous}`, { ...result });
      return result;
    };
    const full = cutAt('FULL', Number(values.points));
    const normal = cutAt('NORMAL', 100);
    checks.push(...fullChecks(full), {
      name: `control, synchronous=NORMAL: cuts with acknowledged rows lost (of ${normal.points})`,
      expected: '> 0',
      found: String(normal.pointsWithLoss),
      ok: normal.pointsWithLoss > 0,
    });
    out['powerCut'] = { full, normal };
  }
}

process.stdout.write(`\n${table(checks)}\n`);
for (const words of skipped) process.stdout.write(`left out: ${words}\n`);
const right = checks.every(check => check.ok);
if (values.json) process.stdout.write(`${JSON.stringify({ ok: right, skipped, ...out })}\n`);
process.exitCode = right ? 0 : 1;
