// huisu demo: a gateway, a case system and a sender on this machine, sample appeals sent through, and what became of each.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Outgoing, outgoing } from '../../adapters/kit/http.ts';
import { newSecret, secretKey, webhookHeaders } from '../../adapters/kit/signature.ts';
import { type ControlClient, callControl } from '../control.ts';
import { DeskError, EXIT } from '../desk-error.ts';
import { say, word } from '../locale.ts';
import { workerUrl } from '../worker-url.ts';
import type { LocalCommand, Row, Terminal } from './command.ts';
import { type Judgement, judgeSamples, type Seen } from './demo-expect.ts';
import { type DemoMessage, messagesOf, samples } from './demo-samples.ts';
import { progressBar } from './progress-bar.ts';
import { table } from './table.ts';

const CHANNEL = 'demo';
/** Conversations of the samples end with their last part or soon after. */
const QUIET_SECONDS = 2;
/** Messages of a file are sent over so many connections; the samples one after the other, in the order they tell of. */
const CONNECTIONS = 16;
const LOOK_MS = 100;
const LONGEST_LIST = 1_000_000;

export const demoCommand: LocalCommand = {
  kind: 'local',
  name: 'demo',
  summary: {
    zh: '在本机演示：发送样例诉求，看各自的处理结果',
    en: 'send sample appeals through a gateway on this machine',
  },
  options: [
    {
      flags: '--messages <file>',
      summary: { zh: '改发此文件中的来件（JSON Lines）', en: 'send the messages of this JSON Lines file instead' },
    },
  ],
  async run(terminal, args) {
    const file = args['messages'];
    const messages = file === undefined ? samples() : messagesOf(String(file));
    const stage = await raise(terminal);
    try {
      const report = await play(stage, messages, terminal);
      if (!terminal.json) showTable(report, terminal);
      terminal.out(
        JSON.stringify(terminal.json ? report.figures : { ...report.figures, unexpected: report.unexpected }),
      );
      return balanced(report.figures) ? EXIT.ok : EXIT.bug;
    } finally {
      await stage.lower();
    }
  },
};

// ---------------------------------------------------------------- the stage

interface Stage {
  readonly hook: string;
  readonly secret: string;
  readonly client: Outgoing;
  readonly journal: string;
  /** Aborts when the user has had enough. */
  readonly signal: AbortSignal;
  ask(command: string, args?: Readonly<Record<string, string | number>>): Promise<readonly Row[]>;
  lower(): Promise<void>;
}

/** Temporary folder, case system, gateway; each a process of its own, all gone in the end. */
async function raise({ env }: Terminal): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-demo-'));
  const children: ChildProcess[] = [];
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  const lower = async () => {
    process.removeListener('SIGINT', interrupt);
    await Promise.all(children.toReversed().map(end));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [secret, caseSecret] = [newSecret(), newSecret()];
    const journal = join(folder, 'case-system.jsonl');
    const simulator = fileURLToPath(workerUrl('../../test/platforms/case-system', import.meta.url));
    const caseSystem = await launch(
      children,
      [simulator, '--port', '0', '--journal', journal, '--secret', caseSecret],
      env,
    );
    const config = join(folder, 'huisu.yaml');
    writeFileSync(config, JSON.stringify(settings(folder, secret, String(caseSystem['url']), caseSecret)), {
      mode: 0o600,
    });
    const main = fileURLToPath(workerUrl('../main', import.meta.url));
    const gateway = await launch(children, [main, 'start', '--config', config, '--json'], env);
    const url = String(gateway['url']);
    const client = outgoing({ allow: [new URL(url).host], connections: CONNECTIONS, totalTimeoutMs: 60_000 });
    const ask: Stage['ask'] = (command, args = {}) => rowsOf(join(folder, 'data'), command, args);
    const closeAll = async () => {
      await client.close();
      await lower();
    };
    return { hook: `${url}/hooks/${CHANNEL}`, secret, client, journal, signal: stop.signal, ask, lower: closeAll };
  } catch (error) {
    await lower();
    throw error;
  }
}

/** YAML reads JSON, so the settings file is written as JSON. */
function settings(folder: string, secret: string, url: string, caseSecret: string): unknown {
  return {
    data: join(folder, 'data'),
    keys: { file: join(folder, 'keys.json') },
    listen: { host: '127.0.0.1', port: 0 },
    intake: { minFreeMb: 0, minFreePercent: 0 },
    caseSystem: { url, auth: { kind: 'signature', secret: caseSecret } },
    channels: [
      {
        id: CHANNEL,
        kind: 'app',
        settings: { secrets: [secret], quietSeconds: QUIET_SECONDS, ratePerSecond: 100_000, burst: 1_000_000 },
      },
    ],
    log: { level: 'error' },
  };
}

/** Starts a program of ours and resolves with the JSON object that it prints once it is ready. */
async function launch(children: ChildProcess[], args: readonly string[], env: NodeJS.ProcessEnv): Promise<Row> {
  // In a group of its own: Ctrl-C is ours to handle, so that everything ends in order.
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  children.push(child);
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) if (line.startsWith('{')) return JSON.parse(line) as Row;
  throw new DeskError('demo.child_ended', { program: args[0] ?? '' }, EXIT.unavailable);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function rowsOf(
  data: string,
  command: string,
  args: Readonly<Record<string, string | number>>,
): Promise<readonly Row[]> {
  const client: ControlClient | null = await callControl(data);
  if (client === null) throw new DeskError('cli.gateway_gone', {}, EXIT.unavailable);
  const rows: Row[] = [];
  for await (const reply of client.run(command, args, 'demo')) {
    if ('row' in reply) rows.push(reply.row);
    if ('result' in reply) rows.push(reply.result);
    if ('failure' in reply) throw new DeskError('demo.command_failed', { command, code: reply.failure.code }, EXIT.bug);
  }
  client.close();
  return rows;
}

// ---------------------------------------------------------------- the play

interface Sent {
  readonly message: DemoMessage;
  readonly number: string | null;
  readonly redelivery: boolean;
  readonly ms: number;
}

interface Figures {
  readonly sent: number;
  readonly acknowledged: number;
  readonly redeliveries: number;
  readonly tickets: number;
  readonly repeats: number;
  readonly parts: number;
  readonly notAppeals: number;
  readonly quarantined: number;
  readonly incidents: number;
  readonly held: number;
  readonly forwarded: number;
  readonly notices: number;
  readonly deadLetters: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the shipped samples that became what they should; null for messages of a file. */
  readonly asExpected: number | null;
}

interface Report {
  readonly figures: Figures;
  readonly unexpected: readonly Judgement[];
  readonly rows: readonly Row[];
}

async function play(stage: Stage, messages: readonly DemoMessage[], terminal: Terminal): Promise<Report> {
  const sent = await sendAll(stage, messages, terminal);
  await settled(stage, terminal);
  const listed = await stage.ask('messages list', { limit: LONGEST_LIST });
  const tickets = await stage.ask('tickets list', { limit: LONGEST_LIST });
  const [status = {}] = await stage.ask('status');
  const unexpected = await judge(stage, sent, listed);
  return {
    figures: figuresOf(sent, listed, tickets, status, unexpected),
    unexpected: (unexpected ?? []).filter(one => one.faults.length > 0),
    rows: listed,
  };
}

async function sendAll(stage: Stage, messages: readonly DemoMessage[], terminal: Terminal): Promise<readonly Sent[]> {
  const bar = progressBar(say(terminal.language, 'demo.sending'), messages.length);
  const sent: Sent[] = [];
  const first = new Map<string, string>();
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < messages.length && !stage.signal.aborted; at = next++) {
      const one = await sendOne(stage, messages[at] as DemoMessage, first);
      sent.push(one);
      bar.to(sent.length);
    }
  };
  const ordered = messages.some(message => message.expect !== null);
  await Promise.all(Array.from({ length: ordered ? 1 : CONNECTIONS }, worker));
  bar.stop();
  if (stage.signal.aborted) throw new DeskError('demo.interrupted', {}, EXIT.unavailable);
  return sent;
}

async function sendOne(stage: Stage, message: DemoMessage, first: Map<string, string>): Promise<Sent> {
  const body = Buffer.from(JSON.stringify(message.body));
  const headers = webhookHeaders([secretKey(stage.secret)], { id: message.id, now: Date.now(), body });
  const from = performance.now();
  const answer = await stage.client.send({
    url: stage.hook,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const ms = performance.now() - from;
  if (answer.status !== 202) return { message, number: null, redelivery: false, ms };
  const { number } = JSON.parse(Buffer.from(answer.body).toString('utf8')) as { readonly number: string };
  const redelivery = first.has(message.id);
  first.set(message.id, number);
  return { message, number, redelivery, ms };
}

/** Waits until nothing is unread and nothing is due. Notices about held tickets stay parked until a clerk decides. */
async function settled(stage: Stage, terminal: Terminal): Promise<void> {
  let bar: ReturnType<typeof progressBar> | null = null;
  for (let most = 0; ; ) {
    if (stage.signal.aborted) throw new DeskError('demo.interrupted', {}, EXIT.unavailable);
    const [status = {}] = await stage.ask('status');
    const { unread } = status['messages'] as { unread: number };
    const { due, inFlight } = status['outbox'] as { due: number; inFlight: number };
    const left = unread + due + inFlight;
    if (left > most) most = left;
    bar ??= progressBar(say(terminal.language, 'demo.reading'), most);
    bar.to(most - left);
    if (left === 0) break;
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
  bar.stop();
}

async function judge(
  stage: Stage,
  sent: readonly Sent[],
  listed: readonly Row[],
): Promise<readonly Judgement[] | null> {
  const expected = sent.flatMap(({ message, number, redelivery }) =>
    message.expect === null || number === null ? [] : [{ id: message.id, number, redelivery, expect: message.expect }],
  );
  if (expected.length === 0) return null;
  const seen = new Map<string, Seen>();
  for (const row of listed) seen.set(String(row['number']), await seenOf(stage, row));
  return judgeSamples(expected, seen);
}

async function seenOf(stage: Stage, row: Row): Promise<Seen> {
  const plain = {
    outcome: String(row['outcome']),
    of: row['of'] as string | null,
    reason: row['reason'] as string | null,
  };
  if (plain.outcome !== 'ticket') return plain;
  const [ticket = {}] = await stage.ask('tickets show', { number: String(row['number']) });
  const triage = ticket['triage'] as { readonly clause: string | null };
  const place = ticket['place'] as { readonly division: string | null };
  return {
    ...plain,
    type: String(ticket['type']),
    urgency: String(ticket['urgency']),
    division: place.division,
    held: ticket['state'] === 'held',
    clause: triage.clause,
    incident: ticket['incident'] as string | null,
    closedRepeatOf: ticket['closedRepeatOf'] as string | null,
  };
}

// ---------------------------------------------------------------- the figures

const ANSWERED = new Set(['dispatched', 'accepted', 'closed', 'joined']);

function figuresOf(
  sent: readonly Sent[],
  listed: readonly Row[],
  tickets: readonly Row[],
  status: Row,
  judged: readonly Judgement[] | null,
): Figures {
  const count = (outcome: string) => listed.filter(row => row['outcome'] === outcome).length;
  const outbox = status['outbox'] as { readonly done: number; readonly dead: number };
  const { incidents } = status['tickets'] as { readonly incidents: number };
  const forwarded = tickets.filter(row => ANSWERED.has(String(row['state']))).length;
  const times = sent.map(one => one.ms).sort((a, b) => a - b);
  const percentile = (share: number) => Math.round((times[Math.floor(share * (times.length - 1))] ?? 0) * 10) / 10;
  const right = judged?.filter(one => one.faults.length === 0).length ?? 0;
  return {
    sent: sent.length,
    acknowledged: sent.filter(one => one.number !== null).length,
    redeliveries: sent.filter(one => one.redelivery).length,
    tickets: count('ticket'),
    repeats: count('repeat'),
    parts: count('part'),
    notAppeals: count('not-an-appeal'),
    quarantined: count('quarantined'),
    incidents,
    held: tickets.filter(row => row['state'] === 'held').length,
    forwarded,
    notices: outbox.done - forwarded,
    deadLetters: outbox.dead,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    asExpected: judged === null ? null : Math.round((right / judged.length) * 1000) / 1000,
  };
}

/** Everything acknowledged became exactly one thing. */
function balanced(figures: Figures): boolean {
  const { tickets, repeats, parts, notAppeals, quarantined, redeliveries, acknowledged, sent } = figures;
  return acknowledged === sent && tickets + repeats + parts + notAppeals + quarantined + redeliveries === acknowledged;
}

function showTable({ figures, unexpected, rows }: Report, { language, err }: Terminal): void {
  const columns = [
    { key: 'number', title: { zh: '编号', en: 'number' } },
    { key: 'outcome', title: { zh: '结果', en: 'outcome' }, show: { words: 'outcome' } },
    { key: 'of', title: { zh: '并入', en: 'of' } },
    { key: 'reason', title: { zh: '原因', en: 'reason' } },
  ] as const;
  for (const line of table(columns, rows.toReversed().slice(0, 200), language)) err(line);
  for (const [name, value] of Object.entries(figures)) err(`${word(language, 'demo.figure', name)}: ${value ?? '-'}`);
  for (const { id, faults } of unexpected) err(`! ${id}: ${faults.join('; ')}`);
}
