// `npm run bench:poison`: how long others wait while messages stall or kill their parsers again and again, and what becomes of those.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { callControl } from '../gateway/control.ts';
import { type Partner, partner } from '../test/platforms/app.ts';
import { type BenchGateway, CHANNEL, startBenchGateway } from './bench-gateway.ts';
import { systemFacts } from './system.ts';
import { recipeTexts } from './texts.ts';

const HELP = `npm run bench:poison -- [options]
  --seconds N    with poison among the messages (40), and a quarter of it without any before
  --rate N       ordinary messages a second, of many senders (30)
  --at-once N    poisonous messages being read at one time (1)
  --pause MS     from the end of one to the next (2000)
  --moods LIST   what they do: loop,hang,heap,exit,later (all by turns)
  --replay N     quarantined messages to be read again by one command (10000)
  --json         one JSON object as the last line on stdout`;

/** What a message does to the thread that reads it, and why it is quarantined for that. */
const MOODS = {
  loop: 'reading.parser_timeout',
  hang: 'reading.parser_timeout',
  heap: 'reading.parser_memory',
  exit: 'reading.parser_crash',
  later: 'reading.parser_crash',
} as const;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '40' },
    rate: { type: 'string', default: '30' },
    'at-once': { type: 'string', default: '1' },
    pause: { type: 'string', default: '2000' },
    moods: { type: 'string', default: Object.keys(MOODS).join(',') },
    replay: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

/** A delay of others that is no delay. */
const AIM_MS = 100;
const BOX = fileURLToPath(new URL('../test/gateway/fixtures/moody-box.ts', import.meta.url));
const WARM_MESSAGES = 600;
const BATCH = 500;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Stage {
  readonly folder: string;
  readonly gateway: BenchGateway;
  readonly sender: Partner;
  readonly url: string;
}

interface Waits {
  readonly messages: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

function waitsOf(ms: readonly number[]): Waits {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) * 10) / 10;
  return { messages: ms.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs: at(1) };
}

const { text } = recipeTexts(1);
let used = 0;

/** Sends one ordinary appeal of a sender of its own; answers the milliseconds until it was decided. */
async function ordinary({ sender }: Stage): Promise<number> {
  const { title, content, name, phone } = text(used++);
  const body = {
    type: 'appeal.created',
    timestamp: new Date().toISOString(),
    data: { title, content, contact: { name, phone } },
  };
  const began = performance.now();
  const answer = await sender.send(body, { prefer: 'wait=10' });
  // 202 after ten seconds: not decided by then, which is its wait at least.
  if (![200, 202].includes(answer.status)) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return performance.now() - began;
}

/** Ordinary messages at a steady rate, whatever becomes of those before. */
async function stream(stage: Stage, seconds: number): Promise<Waits> {
  const pause = 1000 / Number(values.rate);
  const began = performance.now();
  const sent: Promise<number>[] = [];
  for (let n = 0; n * pause < seconds * 1000; n++) {
    await after(Math.max(0, began + n * pause - performance.now()));
    sent.push(ordinary(stage));
  }
  return waitsOf(await Promise.all(sent));
}

interface Told {
  readonly number: string;
}

async function box({ url }: Stage, messages: readonly object[], rest = ''): Promise<readonly Told[]> {
  const answer = await fetch(`${url}/hooks/box${rest}`, { method: 'POST', body: JSON.stringify(messages) });
  if (answer.status !== 200) throw new Error(`the box answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Told[];
}

/** Poison by turns, the next one when the last is quarantined, until it is told to stop; answers how many of each there were. */
async function poison(stage: Stage, signal: AbortSignal): Promise<Record<string, number>> {
  const moods = values.moods.split(',');
  const counts: Record<string, number> = {};
  let n = 0;
  async function poisoner(): Promise<void> {
    while (!signal.aborted) {
      const id = n++;
      const mood = moods[id % moods.length] as string;
      counts[mood] = (counts[mood] ?? 0) + 1;
      await box(stage, [{ id: `poison-${id}`, from: `poisoner ${id}`, text: mood }], '/wait');
      await after(Number(values.pause), undefined, { signal }).catch(() => undefined);
    }
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, poisoner));
  return counts;
}

/** One of the command line's own commands, asked as it asks a running gateway. */
async function command(
  folder: string,
  name: string,
  args: Record<string, string | number | boolean>,
): Promise<Record<string, unknown>[]> {
  const control = await callControl(join(folder, 'data'));
  if (control === null) throw new Error('the gateway does not answer');
  const rows: Record<string, unknown>[] = [];
  for await (const reply of control.run(name, args, 'bench')) {
    if ('failure' in reply) throw new Error(`${name} failed: ${reply.failure.code}`);
    if ('row' in reply) rows.push(reply.row as Record<string, unknown>);
    if ('result' in reply) rows.push(reply.result as Record<string, unknown>);
  }
  control.close();
  return rows;
}

interface Quarantined {
  readonly poison: number;
  /** Those that stand in quarantine for another cause than what they did, or do not stand there. */
  readonly wrong: number;
}

async function quarantined(stage: Stage, sent: Readonly<Record<string, number>>): Promise<Quarantined> {
  const rows = await command(stage.folder, 'quarantine list', { limit: 100_000 });
  const expected = new Map<string, number>();
  for (const [mood, count] of Object.entries(sent)) {
    const cause = MOODS[mood as keyof typeof MOODS];
    expected.set(cause, (expected.get(cause) ?? 0) + count);
  }
  const poison = [...expected.values()].reduce((sum, one) => sum + one, 0);
  let right = 0;
  for (const [cause, count] of expected) {
    right += Math.min(count, rows.filter(({ reason }) => reason === cause).length);
  }
  return { poison, wrong: poison - right };
}

interface Replayed {
  readonly quarantined: number;
  readonly replayed: number;
  readonly tickets: number;
  readonly repeats: number;
  /** Messages counted twice, or entries for the case system beyond one a ticket. */
  readonly doubled: number;
}

/** Many that a fault of an adapter had quarantined, read again by two commands at once after it was mended. */
async function replay(stage: Stage, count: number): Promise<Replayed> {
  const { gateway, folder } = stage;
  for (let from = 0; from < count; from += BATCH) {
    const many = Array.from({ length: Math.min(BATCH, count - from) }, (_, n) => {
      const { content } = text(5_000_000 + from + n);
      return { id: `broken-${from + n}`, from: null, text: `broken ${content}` };
    });
    await box(stage, many);
  }
  await gateway.drained();
  const before = await gateway.standing();
  const kept = await waiting(gateway);
  writeFileSync(join(folder, 'mended'), '');
  const filter = { channel: 'box', reason: 'moody-box.not_mended' };
  const both = await Promise.all([1, 2].map(() => command(folder, 'quarantine replay', filter)));
  await gateway.drained();
  const now = await gateway.standing();
  const tickets = now.tickets - before.tickets;
  const repeats = (now.outcomes['repeat'] ?? 0) - (before.outcomes['repeat'] ?? 0);
  const entries = (await waiting(gateway)) - kept;
  const undone = (before.outcomes['quarantined'] ?? 0) - (now.outcomes['quarantined'] ?? 0);
  return {
    quarantined: count,
    replayed: both.flat().reduce((sum, { replayed }) => sum + Number(replayed), 0),
    ...{ tickets, repeats },
    doubled:
      Math.abs(now.read - before.read) +
      Math.abs(undone - count) +
      Math.abs(tickets + repeats - count) +
      Math.max(0, entries - count),
  };
}

/** Entries that wait for a case system. */
async function waiting(gateway: BenchGateway): Promise<number> {
  const metrics = await gateway.process.metrics();
  return [...metrics].filter(([name]) => name.startsWith('huisu_outbox{')).reduce((sum, [, count]) => sum + count, 0);
}

async function run(stage: Stage): Promise<boolean> {
  const seconds = Number(values.seconds);
  if (values.moods.split(',').some(mood => !(mood in MOODS)))
    throw new Error(`--moods: ${Object.keys(MOODS).join(',')}`);
  for (let n = 0; n < WARM_MESSAGES; n += 20) await Promise.all(Array.from({ length: 20 }, () => ordinary(stage)));
  await stage.gateway.idle();
  const alone = await stream(stage, seconds / 4);
  say(
    `  without poison    p50 ${alone.p50Ms} ms, p99 ${alone.p99Ms} ms, most ${alone.mostMs} ms (${alone.messages} messages)`,
  );
  const ending = new AbortController();
  const poisoning = poison(stage, ending.signal);
  const beside = await stream(stage, seconds);
  ending.abort();
  const sent = await poisoning;
  const drainSeconds = await stage.gateway.drained();
  say(
    `  beside poison     p50 ${beside.p50Ms} ms, p99 ${beside.p99Ms} ms, most ${beside.mostMs} ms (${beside.messages} messages)`,
  );
  const found = await quarantined(stage, sent);
  say(`  poison            ${JSON.stringify(sent)}; quarantined under another cause or not at all: ${found.wrong}`);
  const delayMs = Math.round((beside.p99Ms - alone.p99Ms) * 10) / 10;
  const ok = beside.p99Ms - alone.p99Ms <= AIM_MS;
  say(`  delay of others   ${delayMs} ms at p99 (${ok ? 'within' : 'beyond'} ${AIM_MS} ms)`);
  const again = await replay(stage, Number(values.replay));
  say(`  read again        ${JSON.stringify(again)}`);
  const summary = {
    ...{ alone, beside, delayMs, aimMs: AIM_MS, sent, ...found },
    ...{ drainSeconds: Math.round(drainSeconds), replay: again, system: systemFacts(stage.folder) },
  };
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  return ok && found.wrong === 0 && again.doubled === 0 && again.replayed === again.quarantined;
}

const folder = mkdtempSync(join(tmpdir(), 'huisu-bench-poison-'));
try {
  const gateway = await startBenchGateway(folder, {
    adapters: [BOX],
    channels: [{ id: 'box', kind: 'moody-box', settings: { folder } }],
  });
  const url = `http://127.0.0.1:${gateway.process.port}`;
  const sender = partner({ url: `${url}/hooks/${CHANNEL}`, secret: gateway.secret });
  try {
    if (!(await run({ folder, gateway, sender, url }))) process.exitCode = 1;
  } finally {
    sender.close();
    await gateway.stop();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
