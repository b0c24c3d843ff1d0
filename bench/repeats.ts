// `npm run bench:repeats`: what finding and deciding a repeat costs at 10,000, 100,000 and 1,000,000 tickets, and what it finds.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './phases.ts';
import { idOf, messagesOf } from './repeats/made-messages.ts';
import { pageOf, type RepeatsSummary } from './repeats/page.ts';
import type { ProbeFigures, ProbeTask } from './repeats/probe-process.ts';
import { bruteForce, minHash, RIVAL_PROBES, type Rival, type RivalFigures, triples } from './repeats/rivals.ts';
import { fillPile } from './repeats/ticket-pile.ts';
import { systemFacts } from './system.ts';

const HELP = `npm run bench:repeats -- [options]
  --sizes N,N,…       tickets (10000,100000,1000000)
  --probes N          messages looked up and decided at each size (1500), after 4,500 that do not count
  --messages FILE     real messages to make tickets of, with --incidents FILE (as huisu repeats replay takes them);
                      without: the grammar of bench/recipe.yaml
  --store DIR         keep the filled stores there, and use those that are there
  --fill              only fill the stores
  --rounds N          how often all sizes are measured in turn; figures are medians (3)
  --rivals N          the largest store searched by Jaccard and MinHash too (100000)
  --page FILE         write the figures there as a page; with --summary FILE those of an earlier run (its --json)
  --json              one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '10000,100000,1000000' },
    probes: { type: 'string', default: '1500' },
    messages: { type: 'string' },
    incidents: { type: 'string' },
    store: { type: 'string' },
    fill: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    rivals: { type: 'string', default: '100000' },
    page: { type: 'string' },
    summary: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const LEAST = 10_000;
const P99_MS = 5;
const GROWTH = 1.5;
/** Enough that most blocks of a million tickets are in memory, and few enough that the newest tickets do not become a segment. */
const WARM = 4_500;
const TOP = 20;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
if (values.page !== undefined && values.summary !== undefined) {
  const earlier = JSON.parse(readFileSync(values.summary, 'utf8').trim().split('\n').at(-1) ?? '') as RepeatsSummary;
  writeFileSync(values.page, pageOf(earlier));
  process.exit(0);
}
const sizes = values.sizes
  .split(',')
  .map(Number)
  .sort((a, b) => a - b);
if (sizes.some(size => !Number.isInteger(size) || size < LEAST)) {
  throw new RangeError(`--sizes takes numbers of ${LEAST} and above`);
}
const files =
  values.messages === undefined || values.incidents === undefined
    ? null
    : { messages: values.messages, incidents: values.incidents };

/** Makes those stores that are not there. */
async function filled(root: string): Promise<void> {
  for (const size of sizes) {
    const folder = join(root, String(size));
    if (existsSync(folder)) continue;
    const filling = `${folder}.filling`;
    rmSync(filling, { recursive: true, force: true });
    mkdirSync(filling);
    const began = performance.now();
    let said = began;
    await fillPile(filling, messagesOf(files, size), size, tickets => {
      if (performance.now() - said < 10_000) return;
      said = performance.now();
      say(`  ${tickets} of ${size} tickets after ${Math.round((said - began) / 1000)} s`);
    });
    renameSync(filling, folder);
  }
}

async function measured(task: ProbeTask): Promise<ProbeFigures> {
  const child = fork(new URL('./repeats/probe-process.ts', import.meta.url));
  child.send(task);
  const [figures] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the measuring process ended with ${code}`))),
  ])) as [ProbeFigures];
  await once(child, 'exit');
  return figures;
}

/** All sizes in turn, several times, since a machine shared with others changes from one minute to the next. */
async function rounds(
  root: string,
  task: Omit<ProbeTask, 'folder' | 'tickets'>,
  many: number,
): Promise<readonly ProbeFigures[]> {
  const all: ProbeFigures[] = [];
  for (let round = 0; round < many; round++) {
    for (const size of sizes) all.push(await measured({ ...task, folder: join(root, String(size)), tickets: size }));
    say(
      `  round ${round + 1}: p99 ${all
        .slice(-sizes.length)
        .map(({ p99Ms }) => p99Ms)
        .join(', ')} ms`,
    );
  }
  return sizes.map(size => {
    const own = all.filter(({ tickets }) => tickets === size);
    const names = Object.keys(own[0] as ProbeFigures) as (keyof ProbeFigures)[];
    return Object.fromEntries(
      names.map(name => [name, three(median(own.map(one => one[name])))]),
    ) as unknown as ProbeFigures;
  });
}

const three = (value: number): number => Math.round(value * 1000) / 1000;

/** The same messages, searched by each rival: milliseconds a probe, and how often a mate is among the first twenty. */
function compared(size: number, probes: number): RivalFigures[] {
  const messages = messagesOf(files, size);
  const mated = messages.probes(probes).filter(({ mates }) => mates.length > 0);
  const rivals: readonly Rival[] = [bruteForce(), minHash(size)];
  for (let index = 0; index < size; index++) {
    const own = triples(messages.ticket(index));
    for (const rival of rivals) rival.add(own);
  }
  return rivals.map(rival => {
    const times: number[] = [];
    let found = 0;
    for (const { message, mates } of mated.slice(0, RIVAL_PROBES)) {
      const from = performance.now();
      const best = rival.best(message, TOP);
      times.push(performance.now() - from);
      if (best.some(place => mates.includes(idOf(place)))) found++;
    }
    times.sort((a, b) => a - b);
    const at = (share: number): number =>
      three(times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0);
    return { name: rival.name, tickets: size, p50Ms: at(0.5), p99Ms: at(0.99), found20: three(found / times.length) };
  });
}

function report(all: readonly ProbeFigures[], rivals: readonly RivalFigures[]): void {
  const row = (cells: readonly (string | number)[]): void =>
    say(
      `  ${String(cells[0]).padEnd(26)}${cells
        .slice(1)
        .map(cell => String(cell).padStart(11))
        .join('')}`,
    );
  say('');
  row(['', 'tickets', 'p50 ms', 'p99 ms', 'found@20', 'found', 'MB', 'start ms', 'start reads']);
  for (const one of all) {
    const figures = [one.found20, one.found, one.residentMb, one.startMs, one.startReads];
    row(['look-up and decision', one.tickets, one.p50Ms, one.p99Ms, ...figures]);
  }
  for (const one of rivals) row([one.name, one.tickets, one.p50Ms, one.p99Ms, one.found20]);
  const [least, most] = [all[0], all.at(-1)];
  if (least === undefined || most === undefined) return;
  const growth = three(most.p99Ms / least.p99Ms);
  say('');
  say(`  p99 at ${least.tickets}: ${least.p99Ms} ms (${least.p99Ms < P99_MS ? 'under' : 'not under'} ${P99_MS})`);
  say(
    `  p99 at ${most.tickets} to p99 at ${least.tickets}: ${growth} (${growth <= GROWTH ? 'within' : 'above'} ${GROWTH})`,
  );
  say(
    `  found@20: of ${least.withMate} probes that tell an earlier matter, the share with a mate among 20 candidates;`,
  );
  say('  found: among as many candidates as the product compares. MB: all of the process, with the models of reading.');
}

const root = values.store ?? mkdtempSync(join(tmpdir(), 'huisu-bench-repeats-'));
mkdirSync(root, { recursive: true });
try {
  const { recipe } = messagesOf(files, sizes[0] ?? LEAST);
  for (const line of recipe) say(line);
  await filled(root);
  if (!values.fill) {
    const task = { files, warm: WARM, probes: Number(values.probes) };
    const figures = await rounds(root, task, Number(values.rounds));
    const rivals = sizes.filter(size => size <= Number(values.rivals)).flatMap(size => compared(size, task.probes));
    report(figures, rivals);
    const summary = { recipe, figures, rivals, system: systemFacts(root) };
    if (values.page !== undefined) writeFileSync(values.page, pageOf(summary));
    if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  }
} finally {
  if (values.store === undefined) rmSync(root, { recursive: true, force: true });
}
