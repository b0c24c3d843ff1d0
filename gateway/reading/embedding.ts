// Asks a sentence-embedding service what appeals mean: masked texts, within a deadline, behind a breaker; never needed.
import type { EmbeddingSettings } from '../../config/embedding.ts';
import { type Meaning, meaningOf } from '../../normalizer/meaning.ts';
import { cut } from '../../normalizer/text.ts';
import type { Requester, TicketDraft } from '../../normalizer/ticket.ts';
import { createBreaker } from '../dispatch/breaker.ts';
import { createMasks } from '../dispatch/mask.ts';

/** 语义服务 as the reader knows it. */
export interface Embedder {
  /** One answer a text, in order; null where there is none. Resolves within the deadline and never rejects. */
  meanings(texts: readonly string[]): Promise<readonly (Meaning | null)[]>;
}

export interface EmbedderParts {
  readonly settings: EmbeddingSettings;
  /** Told when the service begins to be left alone, and when it answers again. */
  report(code: 'embedding.down' | 'embedding.up', values: Readonly<Record<string, string | number>>): void;
}

const FAILURES = 3;
const OPEN_MS = 10_000;
const MAX_OPEN_MS = 300_000;
/** Services cut off long texts; what an appeal is about stands in its beginning. */
const LONGEST_TEXT = 1_000;
/** Of an answer: 64 vectors of 4,096 figures as text. */
const LONGEST_ANSWER = 8 * 1024 * 1024;

export function createEmbedder({ settings, report }: EmbedderParts): Embedder {
  let cause = '';
  let down = false;
  const breaker = createBreaker({
    ...{ failures: FAILURES, openMs: OPEN_MS, maxOpenMs: MAX_OPEN_MS },
    onChange: state => {
      if (state === 'half-open' || down === (state === 'open')) return;
      down = state === 'open';
      if (down) report('embedding.down', { reason: cause });
      else report('embedding.up', {});
    },
  });

  async function ask(texts: readonly string[]): Promise<readonly (Meaning | null)[] | null> {
    try {
      return await post(settings, texts);
    } catch (error) {
      cause = reasonOf(error);
      return null;
    }
  }

  return {
    async meanings(texts) {
      if (texts.length === 0) return [];
      const answer = await breaker.run(
        () => ask(texts),
        result => result === null,
      );
      return answer ?? texts.map(() => null);
    },
  };
}

class BadAnswer extends Error {}

async function post(
  { url, model, key, deadlineMs }: EmbeddingSettings,
  texts: readonly string[],
): Promise<readonly (Meaning | null)[]> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model, input: texts, encoding_format: 'float' }),
    redirect: 'error',
    // Of everything, the last byte of the answer included.
    signal: AbortSignal.timeout(deadlineMs),
  });
  const body = await textOf(response);
  if (!response.ok) throw new BadAnswer(`http ${response.status}`);
  return vectorsOf(body, model, texts.length);
}

async function textOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    size += piece.length;
    if (size > LONGEST_ANSWER) throw new BadAnswer('answer too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** `{"data": [{"index": 0, "embedding": […]}, …]}`, in any order. */
function vectorsOf(body: string, model: string, many: number): readonly (Meaning | null)[] {
  let data: unknown;
  try {
    data = (JSON.parse(body) as { readonly data?: unknown } | null)?.data;
  } catch {
    throw new BadAnswer('no JSON');
  }
  if (!Array.isArray(data) || data.length !== many) throw new BadAnswer('another number of vectors');
  const found = new Array<Meaning | null>(many).fill(null);
  for (const [at, one] of (
    data as readonly ({ readonly index?: unknown; readonly embedding?: unknown } | null)[]
  ).entries()) {
    const index = typeof one?.index === 'number' ? one.index : at;
    if (!Array.isArray(one?.embedding) || !(index in found)) throw new BadAnswer('no vector');
    found[index] = meaningOf(model, one.embedding);
  }
  return found;
}

/** Codes only: what a service says may repeat what it was asked. */
function reasonOf(error: unknown): string {
  if (error instanceof BadAnswer) return error.message;
  const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly code?: string } };
  return name === 'TimeoutError' ? 'timeout' : (cause?.code ?? name ?? 'failed');
}

/** What leaves for the service: title and content without anything that says who somebody is. */
function maskedText({ appeal }: Pick<TicketDraft, 'appeal'>, requester: Partial<Requester>): string {
  const whole = { ...NOBODY, ...requester };
  const masks = createMasks(appeal, true, whole);
  const text = `${masks.title(appeal.title)}\n${masks.content(appeal.content)}`;
  // A number mistyped is no valid phone or ID, and still tells who somebody is.
  return cut(text.replace(/\d{7,}[Xx]?/g, '【号码】'), LONGEST_TEXT);
}

/** The same of a draft as its parser wrote it: JSON, UTF-8. */
export function draftText(draft: Uint8Array, requester: Partial<Requester>): string {
  return maskedText(JSON.parse(Buffer.from(draft).toString('utf8')) as Pick<TicketDraft, 'appeal'>, requester);
}

const NOBODY: Requester = {
  ...{ name: null, sex: null, callerPhone: null, phone: null, email: null, idKind: null, idNumber: null },
  ...{ openid: null, address: null, organisation: null, replyBy: null },
};
