// Lets the calling thread stand back when cores are short, so that acknowledging goes before reading.
import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

const NICENESS = 10;

/** Raises the niceness of this thread alone. Linux only: elsewhere threads have no priority of their own to set. */
export function yieldToIntake(): void {
  if (process.platform !== 'linux') return;
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  // Where the gateway stands further back already, rising again is not allowed.
  if (getPriority(thread) < NICENESS) setPriority(thread, NICENESS);
}
