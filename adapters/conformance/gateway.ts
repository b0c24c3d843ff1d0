// The gateway's side of the contract in memory, with faults on command: what adapter authors test their channel against.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  type Acceptance,
  type AdapterContext,
  type AdapterDefinition,
  BodyTooLarge,
  type Original,
  type Outcome,
  type Progress,
  Unavailable,
  type WebhookRequest,
} from '../contract.ts';

export interface FakeGateway<S> {
  /** A context for one opening of the channel; what is stored, and the cursor, stay from one opening to the next. */
  context(): AdapterContext<S>;
  /** Aborts the signal of the context given last. */
  stop(): void;
  /** Originals in the order of acceptance, each once. */
  stored(): readonly Original[];
  /** The next `calls` of accept() reject, after `after` more have gone well. */
  refuse(calls: number, after?: number): void;
  /** From now on accept() waits; call what comes back to let it go on. */
  hold(): () => void;
  /** Calls of accept() that wait. */
  held(): number;
  /** What becomes of every message; null (the default) for "not known in time". */
  settle(outcome: Outcome | null): void;
  readonly log: readonly LogLine[];
}

export interface LogLine {
  readonly level: 'info' | 'warn';
  readonly code: string;
  readonly values: Readonly<Record<string, string | number | boolean>>;
}

interface Row {
  readonly original: Original;
  readonly fingerprint: string;
  readonly number: string;
  readonly receivedAt: number;
}

/** A gateway that keeps what it accepts in memory and tells redeliveries apart by the rules of the real one. */
export function fakeGateway<S>(
  definition: AdapterDefinition<S>,
  settings: S,
  now: () => number = Date.now,
): FakeGateway<S> {
  const rows = new Map<string, Row>();
  const log: LogLine[] = [];
  const faults = { refuse: 0, after: 0 };
  const waiting = new Set<() => void>();
  let holding = false;
  let cursor: string | null = null;
  let outcome: Outcome | null = null;
  let controller = new AbortController();

  function keep(original: Original): Acceptance {
    const fingerprint = createHash('sha256').update(original.body).digest('hex');
    const key = definition.capabilities.weakIds ? `${original.platformId} ${fingerprint}` : original.platformId;
    const known = rows.get(key);
    if (known !== undefined && known.fingerprint !== fingerprint) return { kind: 'id-reused' };
    const row = known ?? {
      original,
      fingerprint,
      number: `TEST${String(rows.size + 1).padStart(6, '0')}`,
      receivedAt: now(),
    };
    rows.set(key, row);
    return {
      kind: known === undefined ? 'fresh' : 'redelivery',
      number: row.number,
      queryCode: `Q${row.number}`,
      outcome: signal => outcomeOrAbort(outcome, signal),
    };
  }

  async function accept(
    originals: readonly Original[],
    after?: { readonly cursor?: string },
  ): Promise<readonly Acceptance[]> {
    if (holding) await new Promise<void>(resolve => waiting.add(resolve));
    if (faults.after > 0) faults.after--;
    else if (faults.refuse > 0) {
      faults.refuse--;
      throw new Unavailable('conformance.store_down', 'the store is down, on command');
    }
    const answers = originals.map(keep);
    if (after?.cursor !== undefined) cursor = after.cursor;
    return answers;
  }

  return {
    context: () => {
      controller = new AbortController();
      const { signal } = controller;
      return {
        channel: `${definition.kind}-1`,
        settings,
        accept,
        split: container => asAsync(definition.split?.(container, settings) ?? []),
        // Not the bytes themselves, so that whoever takes sealed for plain is noticed.
        seal: async bytes => Buffer.from(bytes).reverse(),
        cursor: async () => cursor,
        progress: async number => progressOf([...rows.values()], number, outcome),
        now,
        log: {
          info: (code, values = {}) => void log.push({ level: 'info', code, values }),
          warn: (code, values = {}) => void log.push({ level: 'warn', code, values }),
        },
        signal,
      };
    },
    stop: () => controller.abort(),
    stored: () => [...rows.values()].map(row => row.original),
    refuse: (calls, after = 0) => Object.assign(faults, { refuse: calls, after }),
    hold: () => {
      holding = true;
      return () => {
        holding = false;
        for (const release of waiting) release();
        waiting.clear();
      };
    },
    held: () => waiting.size,
    settle: become => {
      outcome = become;
    },
    log,
  };
}

async function* asAsync(parts: Iterable<Original> | AsyncIterable<Original>): AsyncIterable<Original> {
  yield* parts;
}

function outcomeOrAbort(outcome: Outcome | null, signal: AbortSignal): Promise<Outcome | null> {
  if (outcome !== null || signal.aborted) return Promise.resolve(outcome);
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(null), { once: true }));
}

function progressOf(rows: readonly Row[], number: string, outcome: Outcome | null): Progress | null {
  const row = rows.find(candidate => candidate.number === number);
  if (row === undefined) return null;
  const ticket = outcome?.kind === 'ticket' ? { number, state: 'queued', step: null, closedAt: null } : null;
  return { number, receivedAt: row.receivedAt, outcome, ticket };
}

/** A request as a platform sends it; what is left out has its usual value. */
export interface PlainRequest {
  readonly method?: string;
  readonly rest?: string;
  readonly query?: string;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly remoteAddress?: string;
}

/** What the gateway would hand to the channel for it. */
export function webhookRequest(plain: PlainRequest): WebhookRequest {
  const bytes = plain.body ?? new Uint8Array();
  return {
    method: plain.method ?? 'POST',
    rest: plain.rest ?? '',
    query: new URLSearchParams(plain.query ?? ''),
    headers: plain.headers ?? {},
    body: async limit => {
      if (bytes.byteLength > limit) throw new BodyTooLarge(limit);
      return bytes;
    },
    stream: Readable.from(chunks(bytes), { objectMode: false }),
    remoteAddress: plain.remoteAddress ?? '203.0.113.7',
  };
}

function* chunks(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += 16_384) yield Buffer.from(bytes.subarray(at, at + 16_384));
}
