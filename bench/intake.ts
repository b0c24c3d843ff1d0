// `npm run bench:intake`: how fast the gateway takes messages in while it reads them, against two echoes in the same run.
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startBenchGateway } from './bench-gateway.ts';
import { startClient } from './client/client.ts';
import { filledStore } from './filled-store.ts';
import {
  type Alternation,
  alternate,
  type Bench,
  CONNECTIONS,
  type GatewayRound,
  latencyAt,
  median,
  type SustainedTrial,
  searchSustained,
  sustain,
  warm,
} from './phases.ts';
import { report, summarise } from './report.ts';
import { startYardstick } from './servers/yardstick.ts';
import { systemFacts } from './system.ts';

const HELP = `npm run bench:intake -- [options]
  --rounds N           alternations of bare echo, Express echo and gateway (5)
  --seconds N          seconds of the gateway's part of each (8); the echoes get 5
  --tickets N          tickets in the store (200000)
  --store DIR          where the filled store is kept for further runs (a folder under the temporary one)
  --messages FILE      texts from JSON Lines with title and content instead of the recipe
  --seed N             seed of the recipe (1)
  --most N             messages prepared per second of a gateway round (12000)
  --skip-sustained     leave the search for the sustained rate out
  --probe-seconds N    length of one probe of the search (10)
  --sustained-seconds N  length of the confirmation (60)
  --json               one JSON object as the last line on stdout`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '8' },
    tickets: { type: 'string', default: '200000' },
    store: { type: 'string' },
    messages: { type: 'string' },
    seed: { type: 'string', default: '1' },
    most: { type: 'string', default: '12000' },
    'skip-sustained': { type: 'boolean', default: false },
    'probe-seconds': { type: 'string', default: '10' },
    'sustained-seconds': { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const progress = (line: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${line}`);
};

const YARDSTICK_SECONDS = 5;
const LATENCY = { share: 0.4, seconds: 10, runs: 3 };
const PROBE = { seconds: Number(values['probe-seconds']), halvings: 5, from: 0.2, to: 1 };
/** When the long run does not hold what the short probes did, it is tried again so much lower, so many times. */
const CONFIRM = { step: 0.95, tries: 5 };

const root = resolve(values.store ?? join(tmpdir(), 'huisu-bench'));
mkdirSync(root, { recursive: true });
const system = systemFacts(root);
const client = startClient();
const messagesFile = values.messages === undefined ? null : resolve(values.messages);
const texts = await client.texts(messagesFile, Number(values.seed));
const bench: Bench = { client, say, used: 0, round: 0, bodyBytes: 0 };

try {
  say(`texts: ${JSON.stringify(texts)}`);
  const store = await filledStore({
    root,
    tickets: Number(values.tickets),
    seed: Number(values.seed),
    messagesFile,
    client,
    progress: tickets => progress(`filling the store: ${tickets} of ${values.tickets} tickets`),
  });
  progress('');
  say(
    `store: ${store.tickets} tickets of ${store.messages} messages${store.fillSeconds === null ? ', kept from before' : `, made in ${store.fillSeconds} s`}`,
  );

  const alternations: Alternation[] = [];
  const latency: GatewayRound[] = [];
  const a = await startYardstick('http-echo');
  const b = await startYardstick('express-echo');
  let gateway = await startBenchGateway(store.copy('work'));
  const startMs = gateway.startMs;
  try {
    await warm(bench, gateway);
    say(`\nalternations (${CONNECTIONS} connections)`);
    const seconds = { yardstick: YARDSTICK_SECONDS, gateway: Number(values.seconds) };
    for (let turn = 0; turn < Number(values.rounds); turn++)
      alternations.push(await alternate(bench, { a, b, c: gateway }, seconds, Number(values.most)));
    const express = median(alternations.map(one => one.b.perSecond));

    say(`\nlatency at ${LATENCY.share} of b`);
    for (let turn = 0; turn < LATENCY.runs; turn++)
      latency.push(await latencyAt(bench, gateway, Math.round(express * LATENCY.share), LATENCY.seconds));

    let sustained: { confirmed: SustainedTrial | null; trials: readonly SustainedTrial[] } | null = null;
    if (!values['skip-sustained']) {
      say('\nsustained: probes');
      await gateway.stop();
      gateway = await startBenchGateway(store.copy('work'));
      await warm(bench, gateway);
      const span = { held: express * PROBE.from, notHeld: express * PROBE.to };
      const found = await searchSustained(bench, gateway, span, PROBE);
      say('sustained: confirmation');
      const trials = [...found.trials];
      let confirmed: SustainedTrial | null = null;
      for (let rate = found.rate, turn = 0; confirmed === null && turn < CONFIRM.tries; turn++) {
        await gateway.drained();
        await gateway.stop();
        gateway = await startBenchGateway(store.copy('work'));
        await warm(bench, gateway);
        const trial = await sustain(bench, gateway, rate, Number(values['sustained-seconds']));
        trials.push(trial);
        if (trial.held) confirmed = trial;
        rate = Math.round(rate * CONFIRM.step);
      }
      sustained = { confirmed, trials };
    }
    const summary = summarise({
      system,
      texts,
      store,
      bodyBytes: bench.bodyBytes,
      startMs,
      alternations,
      latency,
      sustained,
    });
    report(summary, say);
    if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  } finally {
    a.close();
    b.close();
    await gateway.process.stop();
    rmSync(join(root, 'work'), { recursive: true, force: true });
  }
} finally {
  client.close();
}
