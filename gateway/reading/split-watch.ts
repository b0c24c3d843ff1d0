// Watches its process from a thread of its own, since a loop that never ends lets no other clock tick: memory, and orphanage.
import { parentPort, workerData } from 'node:worker_threads';

/** What the watch is started with. */
export interface SplitWatch {
  /** Bytes by which the process may grow after the first message to this thread. */
  readonly memory: number;
  /** The process ends with this one. */
  readonly parent: number;
}

const WATCH_MS = 20;

const { memory, parent } = workerData as SplitWatch;
let most = Number.POSITIVE_INFINITY;

// What the process weighs when its adapters are loaded is not the container's.
parentPort?.on('message', () => {
  most = process.memoryUsage.rss() + memory;
});

setInterval(() => {
  if (process.ppid !== parent || process.memoryUsage.rss() > most) process.kill(process.pid, 'SIGKILL');
}, WATCH_MS);
parentPort?.postMessage('watching');
