// The platforms of the demo: an app that posts webhooks, a mail server and a platform that exports files, each speaking its real protocol.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Outgoing } from '../../adapters/kit/http.ts';
import { secretKey, webhookHeaders } from '../../adapters/kit/signature.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { Row } from './command.ts';
import type { DemoMessage } from './demo-samples.ts';

/** Adapters that take part; each is the id of its channel, too. */
export const WAYS = ['app', 'mailbox', 'exchange'] as const;
export type Way = (typeof WAYS)[number];

/** An appeal as a mail or a row can tell it; programs that play a platform get it so. */
export interface PlainAppeal {
  readonly id: string;
  readonly title: string;
  readonly content: string;
  readonly name: string;
  readonly phone: string;
}

/** A line to a program that plays a platform: appeals to put out together. It answers each once with `PutAnswer`. */
export interface PutOrder {
  readonly put: readonly PlainAppeal[];
}

/** Places in the order of those the gateway has acknowledged, after `ms` milliseconds. */
export interface PutAnswer {
  readonly acknowledged: readonly number[];
  readonly ms: number;
}

/** One message with what its platform was told. */
export interface Sent {
  readonly message: DemoMessage;
  readonly way: Way;
  readonly acknowledged: boolean;
  /** Null where the platform is told none; it is found by the order of acceptance then. */
  readonly number: string | null;
  /** The very same was sent before. */
  readonly redelivery: boolean;
  /** From sending to acknowledgement. */
  readonly ms: number;
}

/** A child process that prints a JSON object when it is ready, and takes and gives lines of JSON afterwards. */
export interface Program {
  readonly child: ChildProcess;
  readonly ready: Row;
  /** Writes one line and answers the next one. */
  ask(order: unknown): Promise<Row>;
}

/** Starts a program of ours. Rejects with `demo.child_ended` where it ends before it is ready. */
export async function launch(
  children: ChildProcess[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Program> {
  // In a group of its own: Ctrl-C is ours to handle, so that everything ends in order.
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  children.push(child);
  // One that has ended is noticed by the answer that does not come.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Row> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new DeskError('demo.child_ended', { program: args[0] ?? '' }, EXIT.unavailable);
      if (value.startsWith('{')) return JSON.parse(value) as Row;
    }
  };
  const ready = await next();
  const ask = (order: unknown): Promise<Row> => {
    child.stdin.write(`${JSON.stringify(order)}\n`);
    return next();
  };
  return { child, ready, ask };
}

/** Asks a program to end and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** Puts messages out by one way; resolves when their platform knows what became of them. */
export type Send = (messages: readonly DemoMessage[], told: (sent: Sent) => void) => Promise<void>;

/** The app: one signed webhook a message. */
export function appSender(client: Outgoing, hook: string, secret: string): Send {
  const sentBefore = new Set<string>();
  return async (messages, told) => {
    for (const message of messages) {
      const body = Buffer.from(JSON.stringify(message.body));
      const headers = webhookHeaders([secretKey(secret)], { id: message.id, now: Date.now(), body });
      const redelivery = sentBefore.has(message.id);
      sentBefore.add(message.id);
      const from = performance.now();
      const answer = await client.send({
        url: hook,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      });
      const ms = performance.now() - from;
      const acknowledged = answer.status === 202;
      const number = acknowledged ? numberIn(answer.body) : null;
      told({ message, way: 'app', acknowledged, number, redelivery, ms });
    }
  };
}

function numberIn(body: Uint8Array): string {
  return (JSON.parse(Buffer.from(body).toString('utf8')) as { readonly number: string }).number;
}

/** A program that plays a platform and sees by the gateway's mark, or by the file leaving its folder, what was taken. */
export function programSender(program: Program, way: Way): Send {
  const sentBefore = new Set<string>();
  return async (messages, told) => {
    const put = messages.map(plainAppeal);
    const { acknowledged, ms } = (await program.ask({ put } satisfies PutOrder)) as unknown as PutAnswer;
    const taken = new Set(acknowledged);
    for (const [at, message] of messages.entries()) {
      const redelivery = sentBefore.has(message.id);
      sentBefore.add(message.id);
      told({ message, way, acknowledged: taken.has(at), number: null, redelivery, ms });
    }
  };
}

function plainAppeal({ id, body }: DemoMessage): PlainAppeal {
  const { data } = body as { readonly data: PlainBody };
  const { content, title = '', contact } = data;
  return { id, title, content, name: contact.name, phone: contact.phone };
}

interface PlainBody {
  readonly content: string;
  readonly title?: string;
  readonly contact: { readonly name: string; readonly phone: string };
}
