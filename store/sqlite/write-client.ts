// The side of the writing thread that callers see: collects what is asked in one turn, keeps one batch under way.
import type { MessagePort } from 'node:worker_threads';
import { StoreUnavailable } from '../errors.ts';
import type { AcceptAnswer, AcceptRow, CommitAnswer, CommitRow, CursorMove } from '../store.ts';
import { Packer, packAccept, packCommit } from './packing.ts';
import type { Batch, Call, CallAnswer, FromWriter, News, WriteCalls, WriteName } from './protocol.ts';
import type { AcceptMark } from './writes/messages.ts';

export interface WriteClient {
  accept(rows: readonly AcceptRow[], cursor: CursorMove | undefined): Promise<readonly AcceptAnswer[]>;
  commit(rows: readonly CommitRow[], fence: string | null): Promise<readonly CommitAnswer[]>;
  call<K extends WriteName>(name: K, ...args: Parameters<WriteCalls[K]>): Promise<ReturnType<WriteCalls[K]>>;
  onNews(listener: (news: News) => void): void;
  /** Refuses new calls, waits for those under way, closes the port. */
  close(): Promise<void>;
}

export interface WriteClientOptions {
  /** Milliseconds to wait for more calls before the first batch of a quiet time; 0 waits for the end of the loop's turn. */
  readonly windowMs: number;
  /** The writer cannot go on. */
  readonly onFatal: (error: StoreUnavailable) => void;
}

interface Asked {
  readonly call: Call;
  readonly pack: ((packer: Packer) => void) | null;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: StoreUnavailable) => void;
}

/** So many calls gathered in one turn go at once: the writer works while this thread still reads the next ones. */
const CALLS_EARLY = 32;

/** Bounds of one batch, so that a commit never takes long. */
const CALLS_AT_ONCE = 1024;
const BYTES_AT_ONCE = 8 * 1024 * 1024;
/** Memory of a batch that is kept for the next one; more than usual ones need is given back. */
const BYTES_KEPT = 1024 * 1024;

export function createWriteClient(port: MessagePort, options: WriteClientOptions): WriteClient {
  const queue: Asked[] = [];
  const listeners: ((news: News) => void)[] = [];
  let underWay: Asked[] | null = null;
  let spare: ArrayBuffer | undefined;
  let scheduled = false;
  let ended: StoreUnavailable | null = null;
  let whenIdle: (() => void) | null = null;

  const ask = (call: Call, pack: Asked['pack']): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      queue.push({ call, pack, resolve, reject });
      if (underWay !== null) return;
      if (queue.length >= CALLS_EARLY && options.windowMs === 0) flush();
      else if (!scheduled) later();
    });

  function later(): void {
    scheduled = true;
    if (options.windowMs > 0) setTimeout(flush, options.windowMs);
    else setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    if (underWay !== null || queue.length === 0) return;
    const packer = new Packer(spare);
    spare = undefined;
    const taken: Asked[] = [];
    while (queue.length > 0 && taken.length < CALLS_AT_ONCE && packer.size() < BYTES_AT_ONCE) {
      const asked = queue.shift() as Asked;
      asked.pack?.(packer);
      taken.push(asked);
    }
    underWay = taken;
    const packed = packer.done();
    const batch: Batch = { calls: taken.map(({ call }) => call), packed };
    port.postMessage(batch, [packed.bytes]);
  }

  function settle(answers: readonly CallAnswer[]): void {
    const taken = underWay ?? [];
    underWay = null;
    for (const [place, asked] of taken.entries()) {
      const answer = answers[place] as CallAnswer;
      if ('failed' in answer) asked.reject(new StoreUnavailable(answer.failed.code, answer.failed.message));
      else asked.resolve(answer.value);
    }
    if (queue.length > 0) flush();
    else whenIdle?.();
  }

  /** Nothing more will be answered. */
  function end(error: StoreUnavailable): void {
    if (ended?.code !== 'store.broken') ended = error;
    for (const asked of [...(underWay ?? []), ...queue.splice(0)]) asked.reject(error);
    underWay = null;
    whenIdle?.();
  }

  function tell(news: News): void {
    if (news.accepted || news.outbox) for (const listener of listeners) listener(news);
  }

  port.on('message', (message: FromWriter) => {
    if (message.kind === 'fatal') {
      const error = new StoreUnavailable(message.code, message.message);
      end(error);
      return options.onFatal(error);
    }
    if (message.kind === 'done') {
      if (message.bytes.byteLength <= BYTES_KEPT) spare = message.bytes;
      settle(message.answers);
    }
    tell(message.news);
  });
  port.on('close', () => end(closed()));

  return {
    accept: async (rows, cursor) => {
      const marks = (await ask('accept', packer => packAccept(packer, rows, cursor))) as AcceptMark[];
      return marks.map((mark, place) => toAnswer(mark, rows[place] as AcceptRow));
    },
    commit: (rows, fence) => ask('commit', packer => packCommit(packer, rows, fence)) as Promise<CommitAnswer[]>,
    call: (name, ...args) => ask({ name, args }, null) as Promise<never>,
    onNews: listener => {
      listeners.push(listener);
    },
    close: async () => {
      ended ??= closed();
      if (underWay !== null || queue.length > 0) {
        await new Promise<void>(resolve => {
          whenIdle = resolve;
        });
      }
      port.close();
    },
  };
}

function closed(): StoreUnavailable {
  return new StoreUnavailable('store.closed', '存储已关闭。 / The store is closed.');
}

function toAnswer(mark: AcceptMark, row: AcceptRow): AcceptAnswer {
  if (mark === 0) return { kind: 'fresh', number: row.number };
  return mark === 1 ? { kind: 'id-reused' } : { kind: 'redelivery', number: mark };
}
