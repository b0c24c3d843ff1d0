// The Queue port: how work is spread. The truth (order, retry times, dead letters) lives in the store.

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
}

/** Why work is not spread as it should be; the code is explained in docs/errors.md. */
export interface QueueFault {
  readonly code:
    | 'queue.unreachable'
    | 'queue.certificate'
    | 'queue.refused'
    | 'queue.unwritable'
    | 'queue.database'
    | 'queue.foreign'
    | 'queue.evicts'
    | 'queue.forgets'
    | 'queue.full';
  /** What the server has instead (its policy, its memory in percent), or the kind of error by which it, or the network, refused. */
  readonly found: string;
}

/** 队列不可用: the queue took nothing; what was to be handed over is still in the store. */
export class QueueUnavailable extends Error {
  override readonly name = 'QueueUnavailable';
  readonly code: QueueFault['code'];
  constructor(code: QueueFault['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface Queue {
  /** True where several processes may work on it: an id may reach another process than the one that added it, or two. */
  readonly shared: boolean;
  /** Hands an outbox entry's id to some worker, at least once. A job carries the id and nothing else. Rejects with
   *  `QueueUnavailable` within 2 s where the queue does not answer; it may have taken the id all the same. */
  add(entryId: string, options: { readonly urgent: boolean }): Promise<void>;
  /** Starts working: at most `concurrency` handlers at a time. A handler that rejects is a bug; the job is not retried here. */
  work(handler: (entryId: string) => Promise<void>, concurrency: number): void;
  /** Of all processes. Rejects as `add` does. */
  counts(): Promise<QueueCounts>;
  /** What is wrong with it now; answers within 2 s and never rejects. */
  faults(): Promise<readonly QueueFault[]>;
  /** Takes no more jobs, waits at most `deadlineMs` for those running. */
  close(deadlineMs: number): Promise<void>;
}
