// A sentence-embedding service as a gateway meets it: OpenAI's /v1/embeddings over HTTP, and everything that can go wrong there.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EmbeddingRequest {
  readonly path: string;
  readonly authorization: string | null;
  readonly model: string;
  readonly input: readonly string[];
}

/** `hangs`: takes the request and never answers; `trickles`: a head, then nothing; any text: answered as it is. */
export type Mood = 'answers' | 'hangs' | 'trickles' | 'fails' | { readonly says: string };

export interface EmbeddingSimulator {
  readonly url: string;
  readonly requests: EmbeddingRequest[];
  mood: Mood;
  /** Requests begun, those that were given up before they had come whole among them. */
  connections(): number;
  /** Resolves when the gateway has given up on a request of its own accord. */
  givenUp(): Promise<void>;
  close(): Promise<void>;
}

/** @param vectorOf what the model makes of a text */
export async function startEmbeddings(vectorOf: (text: string) => readonly number[]): Promise<EmbeddingSimulator> {
  const requests: EmbeddingRequest[] = [];
  const left = Promise.withResolvers<void>();
  let begun = 0;
  const server = createServer(async (request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) left.resolve();
    });
    begun++;
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch (error) {
      // Given up before all of it had come.
      if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return left.resolve();
      throw error;
    }
    const { model, input } = JSON.parse(Buffer.concat(pieces).toString('utf8')) as EmbeddingRequest;
    const authorization = request.headers.authorization ?? null;
    requests.push({ path: request.url ?? '', authorization, model, input });
    answer(simulator.mood, input, response);
  });

  function answer(mood: Mood, input: readonly string[], response: ServerResponse): void {
    if (mood === 'hangs') return;
    if (mood === 'fails') return void response.writeHead(503).end('{"error": "loading"}');
    response.writeHead(200, { 'content-type': 'application/json' });
    if (mood === 'trickles') return void response.write('{"data": [');
    if (typeof mood === 'object') return void response.end(mood.says);
    // In another order than asked, as the interface allows.
    const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) })).reverse();
    response.end(JSON.stringify({ object: 'list', data }));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const simulator: EmbeddingSimulator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    mood: 'answers',
    connections: () => begun,
    givenUp: () => left.promise,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return simulator;
}
