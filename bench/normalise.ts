// `npm run bench:normalise`: messages read per second on one core, in one run with the bare decoding of the same bytes.
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { loadRegistry } from '../adapters/registry.ts';
import { loadConfig } from '../config/load.ts';
import { loadRepeats } from '../config/load-repeats.ts';
import { loadRules } from '../config/load-rules.ts';
import { draftJson, type ReadingRules, readMessage } from '../gateway/reading/read-message.ts';
import { gramRules } from '../normalizer/grams.ts';
import type { Original } from '../normalizer/original.ts';
import { compileRulebook } from '../normalizer/rulebook.ts';
import { median, ratio } from './phases.ts';
import { fileTexts, recipeTexts } from './texts.ts';

const HELP = `npm run bench:normalise -- [options]
  --messages FILE   texts from JSON Lines with title and content instead of the recipe
  --count N         different messages (4000)
  --rounds N        alternations of bare decoding and reading (7)
  --seed N          seed of the recipe (1)
  --json            one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string' },
    count: { type: 'string', default: '4000' },
    rounds: { type: 'string', default: '7' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const RECEIVED_AT = Date.parse('2025-06-10T10:00:00+08:00');
const CHANNEL = 'app-1';

/** Bodies as the app sends them. */
function originals(): { readonly bodies: readonly Original[]; readonly facts: object } {
  const seed = Number(values.seed);
  const { text, facts } = values.messages === undefined ? recipeTexts(seed) : fileTexts(values.messages, seed);
  const bodies = Array.from({ length: Number(values.count) }, (_, at): Original => {
    const { title, content, name, phone } = text(at);
    const data = { externalId: `bench-${at}`, title, content, contact: { name, phone } };
    const body = { type: 'appeal.created', timestamp: '2025-06-10T10:00:00+08:00', data };
    const bytes = Buffer.from(JSON.stringify(body));
    return { platformId: `${at}`, sender: phone, body: bytes, mediaType: 'application/json', meta: {} };
  });
  return { bodies, facts };
}

interface Round {
  /** By the clock, and by the processor time this process used: on a machine shared with others the clock also counts them. */
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

async function timed(count: number, work: () => Promise<void> | void): Promise<Round> {
  const cpu = process.cpuUsage();
  const from = performance.now();
  await work();
  const wall = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: Math.round((count / wall) * 1000),
    perCpuSecond: Math.round((count / (user + system)) * 1_000_000),
  };
}

const { config, file } = loadConfig({ env: {} });
const { idleCharacters, phrases } = loadRepeats(config.rules);
const rules: ReadingRules = {
  rulebook: compileRulebook(loadRules({ rulesFolder: config.rules, regionFile: config.region })),
  grams: gramRules(idleCharacters, phrases),
};
const definition = await (await loadRegistry([], dirname(file))).get('app');
const { bodies, facts } = originals();
const bytes = bodies.reduce((sum, { body }) => sum + body.length, 0);
const arrival = { channel: CHANNEL, kind: 'app', receivedAt: RECEIVED_AT, gathered: false };

/** What any reader has to do first: bytes into text, text into an object. */
function decode(): void {
  const decoder = new TextDecoder();
  let length = 0;
  for (const { body } of bodies) {
    length += (JSON.parse(decoder.decode(body)) as { data: { content: string } }).data.content.length;
  }
  if (length === 0) throw new Error('nothing was decoded');
}

/** What a parser thread does with each: parse, normalise, make the grams, write the draft. */
async function read(): Promise<void> {
  for (const original of bodies) {
    const { draft, source, reading } = await readMessage(definition, {}, [original], arrival, rules);
    if (draft === undefined || source === undefined) throw new Error(`a message was not read: ${reading.kind}`);
    draftJson(draft, source);
  }
}

const bare: Round[] = [];
const reading: Round[] = [];
await timed(bodies.length, read);
await timed(bodies.length, decode);
for (let round = 0; round < Number(values.rounds); round++) {
  bare.push(await timed(bodies.length, decode));
  reading.push(await timed(bodies.length, read));
}

const middle = (rounds: readonly Round[]) => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  perCpuSecond: median(rounds.map(({ perCpuSecond }) => perCpuSecond)),
});
const summary = {
  messages: bodies.length,
  bytesEach: Math.round(bytes / bodies.length),
  texts: facts,
  rounds: Number(values.rounds),
  bare: middle(bare),
  reading: middle(reading),
  readingToBare: ratio(middle(reading).perSecond, middle(bare).perSecond),
  all: { bare, reading },
};
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const row = (cells: readonly (string | number)[]) => say(cells.map(cell => String(cell).padStart(16)).join(''));
say(`${bodies.length} messages of ${summary.bytesEach} bytes, ${values.rounds} rounds, medians`);
row(['', 'a second', 'a CPU second']);
row(['bare decoding', summary.bare.perSecond, summary.bare.perCpuSecond]);
row(['reading', summary.reading.perSecond, summary.reading.perCpuSecond]);
say(`reading / bare: ${summary.readingToBare}`);
process.stdout.write(values.json ? `${JSON.stringify(summary)}\n` : '');
