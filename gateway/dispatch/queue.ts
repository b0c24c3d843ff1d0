// The Queue port: how work is spread. The truth (order, retry times, dead letters) lives in the store.

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
}

export interface Queue {
  /** Hands an outbox entry's id to some worker, at least once. A job carries the id and nothing else. */
  add(entryId: string, options: { readonly urgent: boolean }): Promise<void>;
  /** Starts working: at most `concurrency` handlers at a time. A handler that rejects is a bug; the job is not retried here. */
  work(handler: (entryId: string) => Promise<void>, concurrency: number): void;
  counts(): Promise<QueueCounts>;
  /** Takes no more jobs, waits at most `deadlineMs` for those running. */
  close(deadlineMs: number): Promise<void>;
}
