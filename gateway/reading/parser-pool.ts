// The pool of parser threads: hands out batches, watches the clock, sets aside what others would wait for, names what a parser died on.
import { Worker } from 'node:worker_threads';
import { workerUrl } from '../worker-url.ts';
import { type Death, type ItemResult, pack, type ReadItem, unpack } from './parser-job.ts';
import type { ParserAnswer, ParserChannel, ParserStart } from './protocol.ts';

export interface PoolOptions extends Omit<ParserStart, 'progress' | 'rehearsal'> {
  /** Threads that read at once; one more stands ready for when one of them is held up. */
  readonly parsers: number;
  /** Longest time for one message. */
  readonly messageMs: number;
  /** Heap of one parser, and as much again outside the heap. */
  readonly memoryMb: number;
  /** Told once when parsers do not start any more (an adapter's file is gone); it is tried again all the same. */
  cannotStart?(error: unknown): void;
}

/** An item that takes long: its result follows, and the others of its batch do not wait for it. */
export interface Late {
  readonly late: Promise<ItemResult>;
}

export interface ParserPool {
  /** Reads a batch; answers per item, in order. Items a parser did not come to because of another one are read by the next. */
  read(items: readonly ReadItem[]): Promise<readonly (ItemResult | Late)[]>;
  /** Reads one that has held up a parser before, out of the way of the others. */
  readAside(item: ReadItem): Promise<ItemResult>;
  /** Tells parsers of new or changed channels with the next job. */
  setChannels(channels: Readonly<Record<string, ParserChannel>>): void;
  close(): Promise<void>;
}

interface Task {
  readonly items: readonly ReadItem[];
  readonly done: (results: (ItemResult | Late)[]) => void;
  /** Of the one item that counts where the others are read elsewhere; null while all are read here. */
  readonly aside: number | null;
}

/** Milliseconds. */
interface Spent {
  readonly working: number;
  readonly idle: number;
}

interface Parser {
  readonly worker: Worker;
  readonly progress: Int32Array;
  task: Task | null;
  ready: boolean;
  /** Its code has run before there was anything to read. */
  readonly rehearsed: boolean;
  /** Messages read: code that has run is faster. */
  read: number;
  channelsSent: number;
  /** Item seen last by the watch and when it was first seen. */
  seen: number;
  seenAt: number;
  /** What the thread had spent when that item was first found to take long; null before. */
  spentAt: Spent | null;
  /** Why it ends. `start`: it did not come to reading; `surplus`: it is needed no more; `busy`: others need its place. */
  cause: Death | 'start' | 'surplus' | 'busy' | null;
}

const WATCH_MS = 15;
const WEIGH_EVERY_MS = 200;
/** Others wait so long for one message before it is set aside; ordinary ones take a millisecond. */
const LATE_MS = 50;
/** From here on it is watched what the thread does: it is not the message's fault when it only waits for the processor. */
const SLOW_MS = 20;
/** Milliseconds of work, or of waiting for something that does not come. */
const SPENT_MS = 12;
/** Parsers held up at once beside those that read; what comes on top waits its turn. */
const MOST_ASIDE = 2;
/** Starting one takes longer than others may wait, so that one stands ready. */
const READY = 1;
/** So long after a parser was held up one more stands ready: where one such message comes, others may. */
const ALERT_MS = 10 * 60_000;
/** Drafts live for one batch, which a smaller nursery would carry into the old space. */
const YOUNG_MB = 24;
/** Places in `progress`. */
const ITEM = 0;
const STOP = 1;

export function createParserPool(options: PoolOptions): ParserPool {
  const waiting: Task[] = [];
  const waitingAside: Task[] = [];
  const parsers = new Set<Parser>();
  let channels: Readonly<Record<string, ParserChannel>> = {};
  let channelsVersion = 0;
  let nextId = 0;
  let starting = true;
  /** One has come to reading. */
  let begun = false;
  let closing = false;
  let weighedAt = 0;
  let alertUntil = 0;

  function spawn(): void {
    const shared = new SharedArrayBuffer(8);
    const { parsers: _count, messageMs: _limit, memoryMb, cannotStart: _told, ...start } = options;
    const kinds = rehearsal();
    const worker = new Worker(workerUrl('./parser', import.meta.url), {
      workerData: { ...start, progress: shared, rehearsal: kinds } satisfies ParserStart,
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
      name: 'parser',
    });
    const parser: Parser = {
      worker,
      progress: new Int32Array(shared).fill(-1),
      task: null,
      ready: false,
      rehearsed: kinds !== null,
      read: 0,
      channelsSent: -1,
      seen: -1,
      seenAt: 0,
      spentAt: null,
      cause: null,
    };
    parsers.add(parser);
    worker.on('message', (answer: ParserAnswer | 'ready') => {
      if (answer === 'ready') starting = begun = parser.ready = true;
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

  /** The first ones are waited for already; those that come later stand ready until they have to be quick. */
  function rehearsal(): readonly string[] | null {
    return begun ? [...new Set(Object.values(channels).map(({ kind }) => kind))] : null;
  }

  const busyAside = () =>
    [...parsers].filter(({ task, cause }) => task !== null && task.aside !== null && cause === null);
  const reading = () => [...parsers].filter(({ task }) => task !== null && task.aside === null).length;

  const idle = () =>
    [...parsers]
      .filter(({ ready, task, cause }) => ready && task === null && cause === null)
      .sort((one, other) => other.read - one.read);

  /** As many as read at once, one more for each that is held up, and those that stand ready; the latter only once reading has begun. */
  function keepUp(): void {
    const alert = performance.now() < alertUntil || waitingAside.length > 0;
    const standing = options.parsers === 0 || begun ? READY + (alert ? 1 : 0) : 0;
    const wanted = options.parsers + busyAside().length + standing;
    while (!closing && parsers.size < wanted) spawn();
    // Starting one costs more than keeping one, while more may be needed in a moment.
    const surplus = parsers.size > wanted + (alert ? MOST_ASIDE : 0) ? idle().at(-1) : undefined;
    if (surplus === undefined) return;
    surplus.cause = 'surplus';
    void surplus.worker.terminate();
  }

  /** The one that has read most reads on; what is to be aside goes to the one that has read least. */
  function dispatch(): void {
    for (;;) {
      const free = idle();
      const [first, last] = [free[0], free.at(-1)];
      if (first === undefined || last === undefined) break;
      const places = options.parsers - reading();
      const [task] = waiting;
      if (task !== undefined && places > 0) {
        waiting.shift();
        begin(first, task);
        continue;
      }
      const [aside] = waitingAside;
      if (aside === undefined || busyAside().length >= MOST_ASIDE) break;
      // Should the next one hold up its parser, too, one must be ready all the same.
      if (options.parsers > 0 && free.length - places <= READY) break;
      waitingAside.shift();
      begin(last, aside);
    }
    keepUp();
  }

  function begin(parser: Parser, task: Task): void {
    parser.task = task;
    parser.seen = -1;
    parser.seenAt = performance.now();
    parser.spentAt = null;
    Atomics.store(parser.progress, STOP, 0);
    const changed = parser.channelsSent === channelsVersion ? {} : channels;
    parser.channelsSent = channelsVersion;
    const job = pack(nextId++, changed, task.items);
    parser.worker.postMessage(job, [job.bytes]);
  }

  function finish(parser: Parser, answer: ParserAnswer): void {
    const { task } = parser;
    parser.task = null;
    if (task === null) return;
    parser.read += task.items.length;
    const results = unpack(answer);
    task.done(task.aside === null ? results : [results[task.aside] as ItemResult]);
  }

  /** The others of its batch go to another parser; this one goes on with the one that takes long. */
  function setAside(parser: Parser, task: Task, at: number): void {
    // Code that runs for the first time takes long, whatever it reads.
    if (parser.rehearsed || parser.read > 0) alertUntil = performance.now() + ALERT_MS;
    const late = Promise.withResolvers<ItemResult>();
    // Read aside it is answered as a result, never as late once more.
    const done = ([result]: (ItemResult | Late)[]) => late.resolve(result as ItemResult);
    Atomics.store(parser.progress, STOP, 1);
    const alone: Task = { items: task.items, aside: at, done };
    if (busyAside().length < MOST_ASIDE) parser.task = alone;
    else {
      waitingAside.push({ items: [task.items[at] as ReadItem], aside: 0, done });
      parser.task = null;
      parser.cause = 'busy';
      void parser.worker.terminate();
    }
    requeue(task, at, { late: late.promise });
    dispatch();
  }

  /** Takes up what a dead parser left: its culprit is named, the others of its batch go back to the front. */
  function bury(parser: Parser): void {
    parsers.delete(parser);
    if (closing) return;
    const { task } = parser;
    if (task !== null) {
      const culprit = Math.max(0, Atomics.load(parser.progress, ITEM));
      const { cause } = parser;
      const died: ItemResult = { died: cause === 'timeout' || cause === 'memory' ? cause : 'crash' };
      if (task.aside === null) requeue(task, culprit, died);
      else if (task.aside === culprit) task.done([died]);
      // It had come past the one that counts, and died on one that is read elsewhere.
      else waitingAside.push({ items: [task.items[task.aside] as ReadItem], aside: 0, done: task.done });
    }
    if (parser.cause === 'start') setTimeout(dispatch, 1000).unref();
    else dispatch();
  }

  function requeue(task: Task, culprit: number, instead: ItemResult | Late): void {
    const others = task.items.filter((_, i) => i !== culprit);
    const done = (results: (ItemResult | Late)[]) =>
      task.done([...results.slice(0, culprit), instead, ...results.slice(culprit)]);
    if (others.length === 0) done([]);
    else waiting.unshift({ items: others, done, aside: null });
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

  function look(parser: Parser, now: number, weighing: boolean): void {
    const { task } = parser;
    if (task === null || parser.cause !== null) return;
    const at = Atomics.load(parser.progress, ITEM);
    if (at !== parser.seen) {
      parser.seen = at;
      parser.seenAt = now;
      parser.spentAt = null;
      return;
    }
    // One that does not even tell what it spends is stopped all the same.
    if (now - parser.seenAt > 2 * options.messageMs) stop(parser, 'timeout');
    else if (now - parser.seenAt > SLOW_MS) void clock(parser, task, at);
    if (weighing) void weigh(parser);
  }

  /** Sets a message aside, and in the end stops its thread, by the clock and by what the thread has spent on it. */
  async function clock(parser: Parser, task: Task, at: number): Promise<void> {
    const spent = await spentBy(parser.worker);
    // Meanwhile it may have come to the next one, or to its end.
    if (spent === null || parser.task !== task || parser.seen !== at || parser.cause !== null) return;
    parser.spentAt ??= spent;
    const ms = Math.max(spent.working - parser.spentAt.working, spent.idle - parser.spentAt.idle);
    const wall = performance.now() - parser.seenAt;
    if (Atomics.load(parser.progress, ITEM) !== at) return;
    if (wall > options.messageMs && ms > options.messageMs / 2) stop(parser, 'timeout');
    else if (task.aside === null && at >= 0 && wall > LATE_MS && ms >= SPENT_MS) setAside(parser, task, at);
  }

  const watch = setInterval(() => {
    const now = performance.now();
    const weighing = now - weighedAt >= WEIGH_EVERY_MS;
    if (weighing) weighedAt = now;
    for (const parser of parsers) look(parser, now, weighing);
  }, WATCH_MS);
  watch.unref();

  keepUp();

  return {
    async read(items) {
      const share = Math.ceil(items.length / options.parsers);
      const parts: Promise<(ItemResult | Late)[]>[] = [];
      for (let from = 0; from < items.length; from += share) {
        parts.push(
          new Promise(done => {
            waiting.push({ items: items.slice(from, from + share), done, aside: null });
          }),
        );
      }
      dispatch();
      return (await Promise.all(parts)).flat();
    },
    async readAside(item) {
      alertUntil = performance.now() + ALERT_MS;
      const [result] = await new Promise<(ItemResult | Late)[]>(done => {
        waitingAside.push({ items: [item], done, aside: 0 });
        dispatch();
      });
      return result as ItemResult;
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

/** What a thread has spent so far; null for one that has ended. */
async function spentBy(worker: Worker): Promise<Spent | null> {
  try {
    const { user, system } = await worker.cpuUsage();
    return { working: (user + system) / 1000, idle: worker.performance.eventLoopUtilization().idle };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_WORKER_NOT_RUNNING') throw error;
    return null;
  }
}
