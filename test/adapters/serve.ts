// Serves one open channel on node:http with nothing between: requests in, answers out, platform errors as bare statuses.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  BodyTooLarge,
  type OpenChannel,
  Unauthentic,
  Unavailable,
  type WebhookAnswer,
  type WebhookRequest,
} from '../../adapters/contract.ts';

export interface Served {
  /** `http://127.0.0.1:PORT/hooks/app-1` */
  readonly url: string;
  close(): Promise<void>;
}

export async function serve(channel: OpenChannel): Promise<Served> {
  const server = createServer((incoming, outgoing) => {
    answer(channel, incoming).then(({ status, headers, body }) => {
      outgoing.writeHead(status, headers).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/app-1`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(channel: OpenChannel, incoming: IncomingMessage): Promise<WebhookAnswer> {
  try {
    return (await channel.webhook?.(asRequest(incoming))) ?? { status: 404 };
  } catch (error) {
    if (error instanceof Unauthentic) return { status: 401, body: error.code };
    if (error instanceof Unavailable) return { status: 503 };
    return { status: 500, body: String(error) };
  }
}

function asRequest(incoming: IncomingMessage): WebhookRequest {
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: incoming.method ?? 'GET',
    rest: url.pathname.replace(/^\/hooks\/[^/]+/, ''),
    query: url.searchParams,
    headers,
    body: limit => read(incoming, limit),
    stream: incoming,
    remoteAddress: incoming.socket.remoteAddress ?? '',
  };
}

async function read(incoming: IncomingMessage, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limit) throw new BodyTooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
