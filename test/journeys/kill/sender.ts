// The partners of a crash run: several connections, each lane in order, every message repeated until it is acknowledged.
import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as after } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import type { PlannedLane, PlannedMessage } from './plan.ts';

export interface SenderChannel {
  readonly id: string;
  readonly key: Buffer;
}

export interface SenderOptions {
  /** Where the next request goes; of several gateways another one each time. */
  readonly port: () => number;
  readonly channels: readonly SenderChannel[];
  readonly connections: number;
  readonly lanes: readonly PlannedLane[];
  readonly ledger: Ledger;
  /** Resolves when one more message may be sent. */
  readonly allowance: () => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_WITHIN_MS = 10_000;
const PAUSE_MS = 40;

function bodyOf({ id, text: { title, content, name, phone } }: PlannedMessage): Buffer {
  const data = { externalId: id, title, content, contact: { name, phone } };
  return Buffer.from(JSON.stringify({ type: 'appeal.created', timestamp: '2026-01-05T08:30:00+08:00', data }));
}

function post(agent: Agent, port: number, channel: SenderChannel, message: PlannedMessage): Promise<Answer> {
  const body = bodyOf(message);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const mac = createHmac('sha256', channel.key).update(`${message.id}.${timestamp}.`).update(body).digest('base64');
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: `/hooks/${channel.id}`,
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          'webhook-id': message.id,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${mac}`,
        },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      },
      answer => {
        let said = '';
        answer.setEncoding('utf8');
        answer.on('data', (text: string) => {
          said += text;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: said }));
        answer.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The number in a 202; anything else in one is a fault of the gateway. */
function numberIn(answer: Answer): string {
  const { number } = JSON.parse(answer.body) as { number?: unknown };
  if (typeof number !== 'string') throw new Error(`a 202 without a number: ${answer.body}`);
  return number;
}

/** Sends everything; resolves when every message is acknowledged or refused for good. */
export async function sendAll(options: SenderOptions): Promise<void> {
  const { port, channels, ledger } = options;
  let nextLane = 0;

  const deliver = async (agent: Agent, message: PlannedMessage): Promise<void> => {
    for (;;) {
      ledger.sending(message.id);
      try {
        const answer = await post(agent, port(), channels[message.channel]!, message);
        if (answer.status === 202) {
          ledger.acknowledged(message.id, numberIn(answer));
          return;
        }
        if (answer.status !== 429 && answer.status < 500) {
          ledger.refused(message.id, `${answer.status} ${answer.body.slice(0, 200)}`);
          return;
        }
        ledger.unanswered(message.id);
      } catch (error) {
        // Broken off, refused or timed out: a partner cannot know whether it arrived, and sends it again.
        if (!isConnectionLoss(error)) throw error;
        ledger.unanswered(message.id);
      }
      await after(PAUSE_MS);
    }
  };

  const connection = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      for (;;) {
        const lane = options.lanes[nextLane++];
        if (lane === undefined) return;
        for (const [place, message] of lane.messages.entries()) {
          await options.allowance();
          ledger.issue(message.id, lane.name, place);
          await deliver(agent, message);
          if (message.again) await deliver(agent, message);
        }
      }
    } finally {
      agent.destroy();
    }
  };

  await Promise.all(Array.from({ length: options.connections }, connection));
}

function isConnectionLoss(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  const lost = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'];
  return (typeof code === 'string' && lost.includes(code)) || (error instanceof Error && error.name === 'TimeoutError');
}
