// The queue inside one process: urgent ids first, then first come first served. Nothing here is durable; the store is the truth.

import { within } from '../within.ts';
import type { Queue } from './queue.ts';

export interface LocalQueueOptions {
  /** Told of a handler that rejected, which is a bug of the handler; the job is not handed out again here. */
  readonly onBug: (error: unknown) => void;
}

type Handler = (entryId: string) => Promise<void>;

/** First in, first out, without moving everything at each take. */
function fifo() {
  let items: string[] = [];
  let head = 0;
  return {
    push: (id: string) => {
      items.push(id);
    },
    take(): string | undefined {
      const id = items[head];
      if (id === undefined) return undefined;
      head += 1;
      if (head > 1024 && head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return id;
    },
    size: () => items.length - head,
  };
}

/** 进程内队列. Ids that wait when it closes are dropped; their leases in the store run out. */
export function createLocalQueue(options: LocalQueueOptions): Queue {
  const urgent = fifo();
  const ordinary = fifo();
  const running = new Set<Promise<void>>();
  let handler: Handler | null = null;
  let concurrency = 0;
  let closed = false;

  async function run(handle: Handler, id: string): Promise<void> {
    try {
      await handle(id);
    } catch (error) {
      options.onBug(error);
    }
  }

  function next(): void {
    while (handler !== null && !closed && running.size < concurrency) {
      const id = urgent.take() ?? ordinary.take();
      if (id === undefined) return;
      const job: Promise<void> = run(handler, id).then(() => {
        running.delete(job);
        next();
      });
      running.add(job);
    }
  }

  return {
    shared: false,
    async add(entryId, { urgent: first }) {
      if (closed) throw new Error('the queue is closed');
      (first ? urgent : ordinary).push(entryId);
      next();
    },
    work(handle, most) {
      if (handler !== null) throw new Error('the queue is being worked already');
      handler = handle;
      concurrency = most;
      next();
    },
    async counts() {
      return { waiting: urgent.size() + ordinary.size(), active: running.size };
    },
    faults: async () => [],
    async close(deadlineMs) {
      closed = true;
      await within(deadlineMs, Promise.all(running));
    },
  };
}
