// The queue on Redis, by Bull: any number of processes add to it and work on it. A hint all the same; the store is the truth.
import { isIP } from 'node:net';
import Bull from 'bull';
import { within } from '../within.ts';
import { type Queue, type QueueFault, QueueUnavailable } from './queue.ts';
import { faultOf, redisFaults } from './redis-report.ts';

export interface BullQueueOptions {
  /** `redis://user:password@host:port/database`; `rediss` with TLS. */
  readonly url: string;
  /** Keeps several installations on one Redis apart. Default `huisu`. */
  readonly prefix?: string;
  /** Names whose queue this is, the same in each of its processes: two installations under one prefix would take each other's
   *  jobs, which find no entry there and wait until they are queued again. Default: nobody's. */
  readonly installation?: string;
  /** Told of a handler that rejected, which is a bug of the handler; the job is not handed out again here. */
  readonly onBug: (error: unknown) => void;
  /** A worker silent for so long is taken for dead, and its jobs go to others. Default 30 s. */
  readonly silentMs?: number;
}

interface Job {
  /** Id of the outbox entry. */
  readonly id: string;
}

const NAME = 'dispatch';
/** The port's promise: whoever adds knows within 2 s. */
const ANSWER_MS = 2000;
const SILENT_MS = 30_000;
/**
 * After so many deaths of its workers a job is dropped, and the store hands the entry out again when its lease has run out.
 * Bull's own default of one would end jobs as failed on the second kill.
 */
const STALLED_AT_MOST = 100;
/** Between two tries of a worker that could not reach Redis. */
const WORKER_RETRY_MS = 1000;
const RECONNECT_MOST_MS = 2000;
/** For telling Redis that we go. */
const CLOSING_MS = 500;
/** For Bull's own closing, which tells it each connection by itself. */
const ENDING_MS = 2000;
const URGENT = 1;
/** Puts down whose queue it is where nobody has, and answers whose. */
const OWNER = "return redis.call('SET', KEYS[1], ARGV[1], 'NX') and ARGV[1] or redis.call('GET', KEYS[1])";

/** Redis 队列. Never throws for a Redis that is down: it reconnects for ever, and `faults` says so meanwhile. */
export function createBullQueue(options: BullQueueOptions): Queue {
  const { onBug, silentMs = SILENT_MS, installation = '-' } = options;
  const queue = new Bull<Job>(NAME, {
    prefix: options.prefix ?? 'huisu',
    redis: connectionOf(options.url),
    settings: {
      lockDuration: silentMs,
      stalledInterval: silentMs,
      maxStalledCount: STALLED_AT_MOST,
      retryProcessDelay: WORKER_RETRY_MS,
    },
    // An id of its own each time: Bull drops, without a word, a job whose id is still known to it. A job that is done or
    // failed says nothing that the store does not know better.
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
  });
  spareTraces(queue);
  const running = new Set<Promise<void>>();
  let working = false;
  let closed = false;
  /** Bull fetches no more. */
  let paused = false;
  /** What the server or the network said last while they answered nothing; it is heard as an event only. */
  let heard: QueueFault | null = null;
  let connecting: Promise<void> | null = null;

  queue.on('error', (error: Error) => {
    // Whoever asks next notices a broken connection; why it does not come back is said in this event alone.
    heard = faultOf(error) ?? heard;
  });

  /** Rejects where Redis does not answer in time. Bull itself would wait for ever, and do it all when Redis is back. */
  async function asked<T>(ask: () => Promise<T>): Promise<T> {
    const end = performance.now() + ANSWER_MS;
    if (queue.client.status !== 'ready' && !(await within(ANSWER_MS, connected())).done) throw unavailable(null);
    try {
      const answer = await within(Math.max(1, end - performance.now()), ask());
      if (!answer.done) throw unavailable(null);
      heard = null;
      return answer.value;
    } catch (error) {
      throw error instanceof QueueUnavailable ? error : unavailable(error);
    }
  }

  function connected(): Promise<void> {
    connecting ??= new Promise<void>(resolve => queue.client.once('ready', resolve)).finally(() => {
      connecting = null;
    });
    return connecting;
  }

  /** @param cause what Redis or its client said; null: nothing in time */
  function unavailable(cause: unknown): QueueUnavailable {
    const options = cause === null ? {} : { cause };
    const fault = faultOf(cause) ?? heard ?? { code: 'queue.unreachable', found: firstWord(cause) };
    return new QueueUnavailable(fault.code, fault.found, options);
  }

  /** What stands in the way of writing: a user may be let in without the right to, and a replica answers and takes nothing. */
  async function written(): Promise<readonly QueueFault[]> {
    const { client } = queue;
    const { db = 0 } = client.options;
    // A database that is not there is refused when connecting, and the first one used instead.
    if (db > 0) await client.select(db);
    const owner = await client.eval(OWNER, 1, queue.toKey('installation'), installation);
    return owner === installation ? [] : [{ code: 'queue.foreign', found: options.prefix ?? 'huisu' }];
  }

  async function run(handle: (id: string) => Promise<void>, id: string): Promise<void> {
    try {
      await handle(id);
    } catch (error) {
      onBug(error);
    }
  }

  return {
    shared: true,
    async add(id, { urgent }) {
      if (closed) throw new Error('the queue is closed');
      await asked(() => queue.add({ id }, urgent ? { priority: URGENT } : {}));
    },
    work(handle, concurrency) {
      if (working) throw new Error('the queue is being worked already');
      working = true;
      const work = async ({ data }: Bull.Job<Job>): Promise<void> => {
        // What was fetched before is done; what comes even now is not begun with, and the store gives it to another.
        if (paused) return;
        const one: Promise<void> = run(handle, data.id).finally(() => running.delete(one));
        running.add(one);
        await one;
      };
      let told = false;
      // Ends when the queue is closed; what it rejects with then says that it was closed. Before it has begun to fetch it ends
      // with the first thing that Redis refuses, and begins anew until Redis does not.
      const begun = (working: Promise<void>): void => {
        working.catch((error: unknown) => {
          if (closed) return;
          if (!told && faultOf(error) === null) onBug(error);
          told = true;
          setTimeout(() => closed || begun(workAgain(queue, concurrency)), WORKER_RETRY_MS).unref();
        });
      };
      begun(queue.process(concurrency, work));
    },
    async counts() {
      const [waiting, active] = await asked(() => Promise.all([queue.getWaitingCount(), queue.getActiveCount()]));
      return { waiting, active };
    },
    async faults() {
      const faultsOf = async (look: () => Promise<readonly QueueFault[]>): Promise<readonly QueueFault[]> => {
        try {
          return await asked(look);
        } catch (error) {
          const { code, message } = error as QueueUnavailable;
          return [{ code, found: message }];
        }
      };
      const [said, tried] = await Promise.all([
        faultsOf(async () => redisFaults(await queue.client.info())),
        faultsOf(written),
      ]);
      return [...said, ...tried.filter(({ code }) => said.every(fault => fault.code !== code))];
    },
    async close(deadlineMs) {
      if (closed) return;
      closed = true;
      const end = performance.now() + deadlineMs;
      const left = () => Math.max(CLOSING_MS, end - performance.now());
      // With Redis gone both wait for a connection or say that there is none; either way we go, and what Redis still
      // believes to be in our hands it hands to others as stalled.
      const gone = () => undefined;
      await within(CLOSING_MS, queue.pause(true, true).catch(gone));
      paused = true;
      await within(left(), Promise.all(running));
      const ended = await within(Math.min(left(), ENDING_MS), queue.close(true).catch(gone));
      if (!ended.done) letGo(queue);
    },
  };
}

/** The queue for looking at it only. */
export interface WatchedQueue {
  readonly queue: Bull.Queue;
  /** Whether Redis answers in time; Bull's own questions wait for as long as it does not. */
  reachable(): Promise<boolean>;
  close(): Promise<void>;
}

/** Looks at the queue by a connection of its own, so that any process can, whatever its part in the work. */
export function watchBullQueue({ url, prefix }: { readonly url: string; readonly prefix: string }): WatchedQueue {
  const queue = new Bull<Job>(NAME, { prefix, redis: connectionOf(url) });
  // That Redis is away is told by whoever works on the queue, and to whoever looks.
  queue.on('error', () => undefined);
  return {
    queue,
    async reachable() {
      const answer = queue.client.ping().then(
        () => true,
        () => false,
      );
      const found = await within(ANSWER_MS, answer);
      return found.done && found.value;
    },
    async close() {
      const ended = await within(
        CLOSING_MS,
        queue.close(true).catch(() => undefined),
      );
      if (!ended.done) letGo(queue);
    },
  };
}

/** Of Bull's insides. */
interface Insides {
  /** Kept from the first try, as it ended. */
  _initializingProcess: Promise<void> | null;
  _initProcess(): Promise<void>;
  start(concurrency: number, name: string): Promise<void>;
  /** Whoever asks it for a connection that is not there would open it. */
  readonly clients: readonly { disconnect(): void }[];
  _clearTimers(): Promise<void>;
  /** @param fields what Redis holds of the next job; none where there is none */
  nextJobFromJobData(fields: Record<string, string> | null | undefined, id: string): unknown;
}

/** Begins with the handler that Bull has, which it takes only once. */
function workAgain(queue: Bull.Queue<Job>, concurrency: number): Promise<void> {
  const insides = queue as unknown as Insides;
  insides._initializingProcess = null;
  return insides._initProcess().then(() => insides.start(concurrency, '__default__'));
}

/**
 * A job that never failed has no traces of errors, which Bull finds out by an error of its own making for each: that takes longer than
 * all else in reading what Redis holds of it.
 */
function spareTraces(queue: Bull.Queue<Job>): void {
  const insides = queue as unknown as Insides;
  const next = insides.nextJobFromJobData;
  insides.nextJobFromJobData = function (fields, id) {
    return next.call(this, fields && { stacktrace: '[]', ...fields }, id);
  };
}

/**
 * Does what Bull's closing ends with. It waits for ever for a connection that broke in its first words, which its client takes for
 * a good one, and its clock for stalled jobs would keep the process alive.
 */
function letGo(queue: Bull.Queue<Job>): void {
  const insides = queue as unknown as Insides;
  void insides._clearTimers();
  for (const client of insides.clients) client.disconnect();
}

/** What Redis begins an error with is its kind (`ERR`, `BUSY`); what follows may quote the command. */
function firstWord(error: unknown): string {
  return error instanceof Error ? (error.message.split(' ', 1)[0] as string) : 'no-answer';
}

function connectionOf(address: string): NonNullable<Bull.QueueOptions['redis']> {
  const url = new URL(address);
  const database = Number(url.pathname.slice(1));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: Number(url.port || 6379),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(database > 0 ? { db: database } : {}),
    // A name is asked for; an address has none, and TLS knows it all the same.
    ...(url.protocol === 'rediss:' ? { tls: isIP(host) === 0 ? { servername: host } : {} } : {}),
    connectTimeout: ANSWER_MS,
    // What is said in one turn of the loop goes to Redis in one write.
    enableAutoPipelining: true,
    // What waits for a job must not keep the answers of others waiting.
    autoPipeliningIgnoredCommands: ['brpoplpush'],
    retryStrategy: tries => Math.min(50 * 2 ** Math.min(tries, 10), RECONNECT_MOST_MS),
  };
}
