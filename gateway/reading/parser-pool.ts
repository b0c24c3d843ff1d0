// The pool of parser threads: hands out batches, watches the clock, names the message a parser died on.
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../worker-url.ts';
import type { ParserAnswer, ParserChannel, ParserItem, ParserJob, ParserStart, Reading } from './protocol.ts';

export interface PoolOptions extends Omit<ParserStart, 'progress'> {
  readonly parsers: number;
  /** Longest time for one message. */
  readonly messageMs: number;
  /** Heap of one parser, and as much again outside the heap. */
  readonly memoryMb: number;
  /** Told once when parsers do not start any more (an adapter's file is gone); it is tried again all the same. */
  cannotStart?(error: unknown): void;
}

/** One message to read: its encoded originals, unsealed. */
export interface ReadItem {
  readonly channel: string;
  readonly receivedAt: number;
  readonly gathered: boolean;
  readonly originals: readonly Uint8Array[];
}

export type ItemResult =
  | {
      readonly reading: Reading;
      readonly draft: Uint8Array | null;
      readonly hashes: Uint32Array;
      readonly counts: Uint8Array;
    }
  /** The parser died on it. */
  | { readonly died: Death };

export type Death = 'timeout' | 'memory' | 'crash';

export interface ParserPool {
  /** Reads a batch; answers per item, in order. Items a parser did not come to because it died are read by the next one. */
  read(items: readonly ReadItem[]): Promise<readonly ItemResult[]>;
  /** Tells parsers of new or changed channels with the next job. */
  setChannels(channels: Readonly<Record<string, ParserChannel>>): void;
  close(): Promise<void>;
}

interface Task {
  readonly items: readonly ReadItem[];
  readonly done: (results: ItemResult[]) => void;
}

interface Parser {
  readonly worker: Worker;
  readonly progress: Int32Array;
  task: Task | null;
  ready: boolean;
  channelsSent: number;
  /** Item seen last by the watch and when it was first seen. */
  seen: number;
  seenAt: number;
  /** `start`: it did not come to reading. */
  cause: Death | 'start' | null;
}

const WATCH_MS = 200;
/** Drafts live for one batch, which a smaller nursery would carry into the old space. */
const YOUNG_MB = 24;

export function createParserPool(options: PoolOptions): ParserPool {
  const waiting: Task[] = [];
  const parsers = new Set<Parser>();
  let channels: Readonly<Record<string, ParserChannel>> = {};
  let channelsVersion = 0;
  let nextId = 0;
  let starting = true;
  let closing = false;

  function spawn(): void {
    const shared = new SharedArrayBuffer(4);
    const { parsers: _count, messageMs: _limit, memoryMb, cannotStart: _told, ...start } = options;
    const worker = new Worker(workerUrl('./parser', import.meta.url), {
      workerData: { ...start, progress: shared } satisfies ParserStart,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
      name: 'parser',
    });
    const parser: Parser = {
      worker,
      progress: new Int32Array(shared).fill(-1),
      task: null,
      ready: false,
      channelsSent: -1,
      seen: -1,
      seenAt: 0,
      cause: null,
    };
    parsers.add(parser);
    worker.on('message', (answer: ParserAnswer | 'ready') => {
      if (answer === 'ready') starting = parser.ready = true;
      else finish(parser, answer);
      dispatch();
    });
    worker.on('error', error => {
      parser.cause ??= (error as { code?: string }).code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'memory' : 'crash';
      if (parser.ready) return;
      parser.cause = 'start';
      if (starting) options.cannotStart?.(error);
      starting = false;
    });
    worker.on('exit', () => bury(parser));
  }

  function dispatch(): void {
    for (const parser of parsers) {
      if (!parser.ready || parser.task !== null || parser.cause !== null) continue;
      const task = waiting.shift();
      if (task === undefined) return;
      parser.task = task;
      parser.seen = -1;
      parser.seenAt = performance.now();
      const changed = parser.channelsSent === channelsVersion ? {} : channels;
      parser.channelsSent = channelsVersion;
      const job = pack(nextId++, changed, task.items);
      parser.worker.postMessage(job, [job.bytes]);
    }
  }

  function finish(parser: Parser, answer: ParserAnswer): void {
    const task = parser.task;
    parser.task = null;
    task?.done(unpack(answer));
  }

  /** Takes up what a dead parser left: its culprit is named, the others of its batch go back to the front. */
  function bury(parser: Parser): void {
    parsers.delete(parser);
    if (closing) return;
    const { task } = parser;
    if (task !== null) {
      const culprit = Math.max(0, Atomics.load(parser.progress, 0));
      const died: ItemResult = { died: parser.cause === null || parser.cause === 'start' ? 'crash' : parser.cause };
      requeue(task, culprit, died);
    }
    if (parser.cause === 'start') setTimeout(spawnAgain, 1000).unref();
    else spawnAgain();
  }

  function spawnAgain(): void {
    if (!closing) spawn();
  }

  function requeue(task: Task, culprit: number, died: ItemResult): void {
    const others = task.items.filter((_, i) => i !== culprit);
    const done = (results: ItemResult[]) => task.done([...results.slice(0, culprit), died, ...results.slice(culprit)]);
    if (others.length === 0) done([]);
    else waiting.unshift({ items: others, done });
  }

  /** Buffers lie outside the heap, which is all that the thread's own limits bound. */
  async function weigh(parser: Parser): Promise<void> {
    try {
      const { external_memory: bytes } = await parser.worker.getHeapStatistics();
      if (bytes > options.memoryMb * 1024 * 1024) stop(parser, 'memory');
    } catch (error) {
      // A thread that ended meanwhile weighs nothing.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_NOT_RUNNING') throw error;
    }
  }

  function stop(parser: Parser, cause: Death): void {
    if (parser.cause !== null || parser.task === null) return;
    parser.cause = cause;
    void parser.worker.terminate();
  }

  const watch = setInterval(() => {
    const now = performance.now();
    for (const parser of parsers) {
      if (parser.task === null || parser.cause !== null) continue;
      const at = Atomics.load(parser.progress, 0);
      if (at !== parser.seen) {
        parser.seen = at;
        parser.seenAt = now;
      } else if (now - parser.seenAt > options.messageMs) stop(parser, 'timeout');
      else void weigh(parser);
    }
  }, WATCH_MS);
  watch.unref();

  for (let i = 0; i < options.parsers; i++) spawn();

  return {
    async read(items) {
      const share = Math.ceil(items.length / options.parsers);
      const parts: Promise<ItemResult[]>[] = [];
      for (let from = 0; from < items.length; from += share) {
        parts.push(
          new Promise(done => {
            waiting.push({ items: items.slice(from, from + share), done });
          }),
        );
      }
      dispatch();
      return (await Promise.all(parts)).flat();
    },
    setChannels(next) {
      channels = next;
      channelsVersion++;
    },
    async close() {
      closing = true;
      clearInterval(watch);
      await Promise.all([...parsers].map(parser => parser.worker.terminate()));
    },
  };
}

function pack(id: number, channels: Readonly<Record<string, ParserChannel>>, items: readonly ReadItem[]): ParserJob {
  const size = items.reduce((sum, item) => sum + item.originals.reduce((of, one) => of + one.length, 0), 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  const packed = items.map(({ channel, receivedAt, gathered, originals }): ParserItem => {
    const spans = originals.map((original): readonly [number, number] => {
      bytes.set(original, at);
      at += original.length;
      return [at - original.length, at];
    });
    return { channel, receivedAt, gathered, spans };
  });
  return { id, channels, items: packed, bytes: bytes.buffer };
}

const NO_GRAMS = { hashes: new Uint32Array(0), counts: new Uint8Array(0) };

function unpack(answer: ParserAnswer): ItemResult[] {
  let drafts = 0;
  let draftAt = 0;
  let gramAt = 0;
  return (JSON.parse(answer.readings) as Reading[]).map(reading => {
    if (reading.kind !== 'draft') return { reading, draft: null, ...NO_GRAMS };
    const gramEnd = gramAt + reading.head.grams;
    const draftEnd = answer.draftEnds[drafts++] as number;
    const result = {
      reading,
      draft: answer.drafts.subarray(draftAt, draftEnd),
      hashes: answer.hashes.subarray(gramAt, gramEnd),
      counts: answer.counts.subarray(gramAt, gramEnd),
    };
    gramAt = gramEnd;
    draftAt = draftEnd;
    return result;
  });
}
