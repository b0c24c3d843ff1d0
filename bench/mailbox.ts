// `npm run bench:mailbox`: how fast a mailbox is taken in and read, beside imapflow with mailparser alone, on one Dovecot.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { callControl } from '../gateway/control.ts';
import { type Dovecot, dovecotBinary, startDovecot } from '../test/servers/dovecot.ts';
import { type BenchGateway, startBenchGateway } from './bench-gateway.ts';
import { mailOf } from './mails.ts';
import { median, ratio } from './phases.ts';
import type { RawResult, RawTask } from './servers/raw-mailbox.ts';
import { processUse, systemFacts } from './system.ts';
import { recipeTexts } from './texts.ts';

const HELP = `npm run bench:mailbox -- [options]
  --mails N    mails in each mailbox (5000)
  --rounds N   alternations of the bare libraries and the gateway (3)
  --seed N     seed of the recipe (1)
  --json       one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    mails: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const AIM = 0.7;
const WARM_MAILS = 500;
const LOOK_MS = 100;
const GIVE_UP_MS = 600_000;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Round {
  readonly rawPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly readPerSecond: number;
}

interface Stage {
  readonly dovecot: Dovecot;
  readonly gateway: BenchGateway;
  readonly folder: string;
  readonly raw: ChildProcess;
}

/** Fills two accounts with the same mails, and has each way read one of them. */
async function alternate(stage: Stage, name: string, mails: readonly Buffer[]): Promise<Round> {
  const { dovecot } = stage;
  for (const way of ['raw', 'gateway']) dovecot.fill(mails, `${way}-${name}`);
  const raw = await rawRound(stage, `raw-${name}`, mails.length);
  const { accepted, read } = await gatewayRound(stage, `gateway-${name}`, mails.length);
  await stage.gateway.idle();
  const perSecond = (ms: number) => Math.round((mails.length / ms) * 1000);
  return { rawPerSecond: perSecond(raw), acceptedPerSecond: perSecond(accepted), readPerSecond: perSecond(read) };
}

async function rawRound({ dovecot, raw }: Stage, user: string, count: number): Promise<number> {
  const task: RawTask = { port: dovecot.port, user, password: dovecot.password };
  raw.send(task);
  const [result] = (await once(raw, 'message')) as [RawResult];
  if (result.mails !== count) throw new Error(`the bare libraries read ${result.mails} of ${count} mails`);
  return result.ms;
}

/** Milliseconds from adding the channel until all mails were accepted, and until all were read. */
async function gatewayRound(stage: Stage, user: string, count: number): Promise<{ accepted: number; read: number }> {
  const { gateway, dovecot, folder } = stage;
  const before = await gateway.standing();
  const began = performance.now();
  await addChannel(folder, user, {
    ...{ host: dovecot.host, port: dovecot.port, tls: 'none', since: 'all' },
    ...{ user, password: dovecot.password },
  });
  let accepted: number | null = null;
  for (;;) {
    const { read, unread, at } = await gateway.standing();
    const taken = read + unread - before.read - before.unread;
    if (taken >= count) accepted ??= at - began;
    if (accepted !== null && unread === 0) return { accepted, read: at - began };
    if (at - began > GIVE_UP_MS) throw new Error(`the gateway took in ${taken} of ${count} mails`);
    await after(LOOK_MS);
  }
}

async function addChannel(folder: string, id: string, settings: Readonly<Record<string, unknown>>): Promise<void> {
  const control = await callControl(join(folder, 'data'));
  if (control === null) throw new Error('the gateway does not answer');
  const args = { id, kind: 'mailbox', settings: JSON.stringify(settings) };
  for await (const reply of control.run('channels add', args, 'bench')) {
    if ('failure' in reply) throw new Error(`the channel was not added: ${reply.failure.code}`);
  }
  control.close();
}

async function run(stage: Stage): Promise<void> {
  const count = Number(values.mails);
  const { text } = recipeTexts(Number(values.seed));
  const mails = (from: number, many: number) =>
    Array.from({ length: many }, (_, n) => mailOf(text(from + n), from + n));
  const kept = mails(0, count);
  const bytes = Math.round(kept.reduce((sum, mail) => sum + mail.length, 0) / count);
  say(`${count} mails of ${bytes} bytes on average`);
  await alternate(stage, 'warm', mails(10_000_000, WARM_MAILS));
  const rounds: Round[] = [];
  for (let turn = 0; turn < Number(values.rounds); turn++) {
    const round = await alternate(stage, String(turn), turn === 0 ? kept : mails(turn * count, count));
    rounds.push(round);
    say(`  bare ${round.rawPerSecond}/s, accepted ${round.acceptedPerSecond}/s, read ${round.readPerSecond}/s`);
  }
  summarise(rounds, { count, bytes, peakMb: processUse(stage.gateway.process.pid ?? process.pid)?.peakMb ?? null });
}

/** Ratios are medians of the alternations' own, since a noisy machine changes from one to the next. */
function summarise(rounds: readonly Round[], facts: { count: number; bytes: number; peakMb: number | null }): void {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick));
  const summary = {
    mails: facts.count,
    bytesPerMail: facts.bytes,
    rawPerSecond: of(round => round.rawPerSecond),
    acceptedPerSecond: of(round => round.acceptedPerSecond),
    readPerSecond: of(round => round.readPerSecond),
    acceptedToRaw: ratio(
      of(round => round.acceptedPerSecond / round.rawPerSecond),
      1,
    ),
    readToRaw: ratio(
      of(round => round.readPerSecond / round.rawPerSecond),
      1,
    ),
    aim: AIM,
    peakMb: facts.peakMb,
    rounds,
    system: systemFacts(tmpdir()),
  };
  const verdict = (found: number) => (found >= AIM ? `aim ${AIM} reached` : `below the aim ${AIM}`);
  say('');
  say(`  bare imapflow with mailparser   ${summary.rawPerSecond}/s`);
  say(
    `  gateway, accepted               ${summary.acceptedPerSecond}/s  ${summary.acceptedToRaw} (${verdict(summary.acceptedToRaw)})`,
  );
  say(
    `  gateway, read and committed     ${summary.readPerSecond}/s  ${summary.readToRaw} (${verdict(summary.readToRaw)})`,
  );
  say(`  memory of the gateway           ${summary.peakMb ?? '–'} MB at most`);
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

if (dovecotBinary() === null) {
  say('dovecot is not installed (apt-get install dovecot-imapd); nothing was measured');
  process.exit(69);
}
const folder = mkdtempSync(join(tmpdir(), 'huisu-bench-mailbox-'));
const dovecot = await startDovecot();
const raw = fork(new URL('./servers/raw-mailbox.ts', import.meta.url));
try {
  const gateway = await startBenchGateway(folder);
  try {
    await run({ dovecot, gateway, folder, raw });
  } finally {
    await gateway.stop();
  }
} finally {
  raw.disconnect();
  await dovecot.stop();
  rmSync(folder, { recursive: true, force: true });
}
