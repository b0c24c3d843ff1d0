// huisu demo: a gateway, a case system and three platforms on this machine, sample appeals sent through, and what became of each.
import { DeskError, EXIT } from '../desk/desk-error.ts';
import { say, word } from '../locale.ts';
import type { LocalCommand, Row, Terminal } from './command.ts';
import { type Judgement, judgeSamples, type Seen } from './demo-expect.ts';
import { type AllFigures, type Evidence, effectsIn, figuresOf, imbalances } from './demo-figures.ts';
import { type Sent, WAYS, type Way } from './demo-platforms.ts';
import { type Block, routeInOrder, routeSideBySide } from './demo-routes.ts';
import { type DemoMessage, messagesOf, samples } from './demo-samples.ts';
import { CONNECTIONS, raise, type Stage } from './demo-stage.ts';
import { progressBar } from './progress-bar.ts';
import { table } from './table.ts';

const LOOK_MS = 100;
const LONGEST_LIST = 1_000_000;

export const demoCommand: LocalCommand = {
  kind: 'local',
  name: 'demo',
  summary: {
    zh: '在本机演示：经三种渠道发送样例诉求，看各自的处理结果',
    en: 'send sample appeals by three channels through a gateway on this machine',
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
      for (const words of report.wrong) terminal.err(`! ${words}`);
      terminal.out(
        JSON.stringify(terminal.json ? report.figures : { ...report.figures, unexpected: report.unexpected }),
      );
      return report.wrong.length === 0 ? EXIT.ok : EXIT.bug;
    } finally {
      await stage.lower();
    }
  },
};

interface Report {
  readonly figures: AllFigures;
  readonly unexpected: readonly Judgement[];
  /** What does not balance. */
  readonly wrong: readonly string[];
  readonly rows: readonly Row[];
}

async function play(stage: Stage, messages: readonly DemoMessage[], terminal: Terminal): Promise<Report> {
  const told = await sendAll(stage, messages, terminal);
  await settled(stage, terminal);
  const rows = await stage.ask('messages list', { limit: LONGEST_LIST });
  const sent = withNumbers(told, rows);
  const judged = await judge(stage, sent, rows);
  const evidence: Evidence = {
    sent,
    messages: rows,
    tickets: await stage.ask('tickets list', { limit: LONGEST_LIST }),
    deadLetters: await stage.ask('dead-letters list', { limit: LONGEST_LIST }),
    effects: effectsIn(stage.journal),
    judged,
  };
  const figures = figuresOf(evidence, stage.mailServer);
  const unexpected = [...(judged?.values() ?? [])].filter(one => one.faults.length > 0);
  return { figures, unexpected, wrong: imbalances(figures, evidence), rows };
}

/** The shipped set one block after the other, as it tells of what follows from what; a file's messages by all ways at once. */
async function sendAll(stage: Stage, messages: readonly DemoMessage[], terminal: Terminal): Promise<readonly Sent[]> {
  const bar = progressBar(say(terminal.language, 'demo.sending'), messages.length);
  const sent: Sent[] = [];
  const told = (one: Sent) => {
    sent.push(one);
    bar.to(sent.length);
  };
  const put = async (blocks: Iterator<Block>): Promise<void> => {
    for (let next = blocks.next(); next.done !== true; next = blocks.next()) {
      if (stage.signal.aborted) return;
      await stage.send[next.value.way](next.value.messages, told);
    }
  };
  try {
    if (messages.some(message => message.expect !== null)) await put(routeInOrder(messages).values());
    else {
      const blocks = routeSideBySide(messages);
      const app = blocks.app.values();
      const byApp = Array.from({ length: CONNECTIONS }, () => put(app));
      await Promise.all([...byApp, put(blocks.mailbox.values()), put(blocks.exchange.values())]);
    }
  } finally {
    bar.stop();
  }
  if (stage.signal.aborted) throw new DeskError('demo.interrupted', {}, EXIT.unavailable);
  return sent;
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

/** Mailboxes and folders are told no number; what a channel took stands in the gateway in the order in which it was sent. */
function withNumbers(sent: readonly Sent[], rows: readonly Row[]): readonly Sent[] {
  const numbers = new Map<Way, string[]>(
    WAYS.map(way => [
      way,
      rows
        .toReversed()
        .filter(row => row['channel'] === way)
        .map(row => String(row['number'])),
    ]),
  );
  const known = new Map<string, string>();
  return sent.map(one => {
    if (one.number !== null || !one.acknowledged) return one;
    const number = one.redelivery ? known.get(one.message.id) : numbers.get(one.way)?.shift();
    if (number === undefined) return one;
    known.set(one.message.id, number);
    return { ...one, number };
  });
}

async function judge(
  stage: Stage,
  sent: readonly Sent[],
  listed: readonly Row[],
): Promise<ReadonlyMap<Sent, Judgement> | null> {
  const expected = sent.flatMap(one => {
    const { message, number, redelivery } = one;
    if (message.expect === null || number === null) return [];
    return [{ one, id: message.id, number, redelivery, expect: message.expect }];
  });
  if (expected.length === 0) return null;
  const seen = new Map<string, Seen>();
  for (const row of listed) seen.set(String(row['number']), await seenOf(stage, row));
  const judgements = judgeSamples(expected, seen);
  return new Map(expected.map(({ one }, at) => [one, judgements[at] as Judgement]));
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

function showTable({ figures, unexpected, rows }: Report, { language, err }: Terminal): void {
  const columns = [
    { key: 'number', title: { zh: '编号', en: 'number' } },
    { key: 'channel', title: { zh: '渠道', en: 'channel' } },
    { key: 'outcome', title: { zh: '结果', en: 'outcome' }, show: { words: 'outcome' } },
    { key: 'of', title: { zh: '并入', en: 'of' } },
    { key: 'reason', title: { zh: '原因', en: 'reason' } },
  ] as const;
  for (const line of table(columns, rows.toReversed().slice(0, 200), language)) err(line);
  const { channels, mailServer, ...all } = figures;
  const counts = [
    { key: 'name', title: { zh: '', en: '' } },
    { key: 'all', title: { zh: '合计', en: 'all' } },
    ...WAYS.map(way => ({ key: way, title: { zh: way, en: way } })),
  ];
  const lines = Object.entries(all).map(([name, value]) => ({
    name: word(language, 'demo.figure', name),
    all: value ?? '-',
    ...Object.fromEntries(WAYS.map(way => [way, channels[way][name as keyof typeof all] ?? '-'])),
  }));
  for (const line of table(counts, lines, language)) err(line);
  err(say(language, 'demo.mail-server', { server: mailServer }));
  for (const { id, faults } of unexpected) err(`! ${id}: ${faults.join('; ')}`);
}
