// 拆分: has containers split in processes of their own, one at a time each, under limits of memory, time, number and size.
import { serialize } from 'node:v8';
import {
  CredentialsRefused,
  Misconfigured,
  type Original,
  type PlatformError,
  Refused,
  Unauthentic,
  Unavailable,
  Unreadable,
} from '../../adapters/contract.ts';
import { asError } from './plain-error.ts';
import { decodeFramed, FRAME, frame, originalFrame, type SplitFailure, type SplitTask } from './split-frames.ts';
import { type SplitEnd, type SplitProcess, startSplitProcess } from './split-process.ts';
import { createTurns } from './turns.ts';

export interface SplitLimits {
  /** Containers split at one time, each in a process of its own. */
  readonly atOnce: number;
  /** Memory a container may take in its process. */
  readonly memoryMb: number;
  /** Longest time without a part, and for the whole container; only time in which a part is waited for counts. */
  readonly silenceMs: number;
  readonly totalMs: number;
  readonly parts: number;
  /** Bytes of one part, its files among them, and of all parts together. */
  readonly partBytes: number;
  readonly totalBytes: number;
}

export interface SplitterOptions {
  /** Third parties' adapters, and the folder relative paths start from. */
  readonly adapters: readonly string[];
  readonly baseFolder: string;
  readonly limits: SplitLimits;
  /** Something a person should know of; codes only. */
  report(code: string, values: Readonly<Record<string, string | number>>, cause?: Error): void;
}

/** Whose container it is; settings without secrets. */
export interface SplitChannel extends SplitTask {
  readonly channel: string;
}

export interface Splitter {
  /**
   * The parts of a container as its adapter's `split` gives them, in order; the process waits while no part is asked for.
   * Ending early, or an abort of `signal` (whose reason is thrown), kills it.
   *
   * @throws Unreadable for a container that broke a limit or its process, what `split` throws of the contract's errors, and
   *   Unavailable where no process could be had
   */
  split(of: SplitChannel, container: Original, signal: AbortSignal): AsyncIterable<Original>;
  /** Kills what still runs. */
  close(): Promise<void>;
}

/** Loading the adapters takes a sixth of a second, so a process that did well waits so long for the next container. */
const WARM_MS = 5000;
const START_MS = 30_000;
const CODE = /^[a-z][a-z0-9_.-]{0,99}$/;
/** Room for what goes with a part's bytes: ids, names, facts. */
const HEAD_BYTES = 256 * 1024;

export function createSplitter(options: SplitterOptions): Splitter {
  const { limits } = options;
  const running = new Set<SplitProcess>();
  const turns = createTurns(limits.atOnce, limits.totalMs, busy);
  /** Waits for the next container of the same channel: what one channel's bytes did to it never meets another's. */
  let warm: { readonly process: SplitProcess; readonly channel: string; readonly timer: NodeJS.Timeout } | null = null;
  let closed = false;

  function take(channel: string): SplitProcess {
    const kept = warm;
    warm = null;
    clearTimeout(kept?.timer);
    if (kept?.channel === channel && running.has(kept.process)) return kept.process;
    kept?.process.kill('stopped');
    const { adapters, baseFolder } = options;
    const longest = limits.partBytes + HEAD_BYTES;
    try {
      const process = startSplitProcess({ adapters, baseFolder, memoryMb: limits.memoryMb, longest });
      running.add(process);
      void process.ended.then(() => running.delete(process));
      return process;
    } catch (error) {
      throw cannotStart(channel, 'crash', error);
    }
  }

  function cannotStart(channel: string, reason: SplitEnd, cause?: unknown): Unavailable {
    options.report('reading.splitter_cannot_start', { channel, reason });
    return new Unavailable('reading.splitter_cannot_start', 'a process for splitting could not be started', { cause });
  }

  function keep(process: SplitProcess, channel: string): void {
    warm?.process.kill('stopped');
    clearTimeout(warm?.timer);
    const letGo = () => {
      // Dying takes a while, in which nobody may be given it.
      warm = null;
      process.kill('stopped');
    };
    warm = { process, channel, timer: setTimeout(letGo, WARM_MS) };
  }

  async function* split(of: SplitChannel, container: Original, signal: AbortSignal): AsyncGenerator<Original> {
    const done = await turns.take(signal);
    let process: SplitProcess | null = null;
    let well = false;
    const stop = () => process?.kill('stopped');
    try {
      if (closed) throw stopping();
      process = take(of.channel);
      signal.addEventListener('abort', stop, { once: true });
      yield* partsOf(process, of, container, signal);
      well = !closed;
    } finally {
      signal.removeEventListener('abort', stop);
      if (process !== null && well) keep(process, of.channel);
      else if (process !== null) {
        process.kill('stopped');
        await process.ended;
      }
      done();
    }
  }

  async function* partsOf(
    process: SplitProcess,
    of: SplitChannel,
    container: Original,
    signal: AbortSignal,
  ): AsyncGenerator<Original> {
    const { kind, settings } = of;
    const clock = createClock(process, limits);
    process.send([frame(FRAME.task, serialize({ kind, settings })), ...originalFrame(FRAME.container, container)]);
    let [count, bytes] = [0, 0];
    for (;;) {
      const frames = await clock.frames();
      if (signal.aborted) throw signal.reason;
      if (frames === null) throw await death(process, of);
      for (const one of frames) {
        if (one[0] === FRAME.end) return;
        if (one[0] === FRAME.failed) throw failure(of, one.subarray(1));
        count++;
        bytes += one.length;
        if (count > limits.parts) throw new Unreadable('reading.split_too_many', 'the container has too many parts');
        if (bytes > limits.totalBytes) throw tooLarge();
        const part = partIn(one);
        if (part === null) throw died(of, 'crash');
        yield part;
        if (signal.aborted) throw signal.reason;
      }
    }
  }

  /** Why a process is gone; what it was given is at fault only when it was ready for it, and not where we ended it ourselves. */
  async function death(process: SplitProcess, of: SplitChannel): Promise<Error> {
    const end = await process.ended;
    if (end === 'stopped') return stopping();
    return process.ready ? died(of, end) : cannotStart(of.channel, end);
  }

  function died({ channel }: SplitChannel, end: SplitEnd): Error {
    options.report('reading.splitter_died', { channel, reason: end });
    if (end === 'memory') return new Unreadable('reading.split_memory', 'the container took too much memory');
    if (end === 'timeout') return new Unreadable('reading.split_timeout', 'the container took too long');
    if (end === 'too_large') return tooLarge();
    return new Unreadable('reading.split_crash', 'the container broke the process that split it');
  }

  function failure(of: SplitChannel, payload: Uint8Array): Error {
    const told = failureIn(payload);
    if (told === null) return died(of, 'crash');
    if (told.kind === 'platform') return platformError(told);
    if (told.kind === 'memory') return died(of, 'memory');
    options.report('reading.split_failed', { channel: of.channel }, asError(told.defect));
    return new Unreadable('reading.split_failed', "a defect of the adapter's split");
  }

  return {
    split,
    async close() {
      closed = true;
      clearTimeout(warm?.timer);
      const all = [...running];
      for (const process of all) process.kill('stopped');
      await Promise.all(all.map(process => process.ended));
    },
  };
}

function tooLarge(): Unreadable {
  return new Unreadable('reading.split_too_large', 'the parts of the container are too large');
}

function busy(): Unavailable {
  return new Unavailable('reading.splitters_busy', 'too many containers are being split');
}

function stopping(): Unavailable {
  return new Unavailable('reading.splitter_stopping', 'the gateway is stopping');
}

/** What a process sends was made beside a stranger's bytes, so it is looked at; null for what is no part. */
function partIn(bytes: Buffer): Original | null {
  if (bytes[0] !== FRAME.part) return null;
  try {
    return decodeFramed(bytes.subarray(1));
  } catch {
    return null;
  }
}

/** The same for its words on why it failed. */
function failureIn(payload: Uint8Array): SplitFailure | null {
  try {
    const told = JSON.parse(Buffer.from(payload).toString()) as SplitFailure;
    if (told.kind !== 'platform') return told;
    return CODE.test(told.code) && typeof told.message === 'string' ? told : null;
  } catch {
    return null;
  }
}

/** Waits for frames on a process's time: its start, then silence and the total. The caller's time is not counted. */
function createClock(process: SplitProcess, limits: SplitLimits) {
  let left = limits.totalMs;
  return {
    async frames(): Promise<readonly Buffer[] | null> {
      const { ready } = process;
      const began = performance.now();
      const limit = ready ? Math.max(0, Math.min(limits.silenceMs, left)) : START_MS;
      const timer = setTimeout(() => process.kill('timeout'), limit);
      const frames = await process.frames();
      clearTimeout(timer);
      if (ready) left -= performance.now() - began;
      return frames;
    },
  };
}

function platformError(told: Extract<SplitFailure, { kind: 'platform' }>): PlatformError {
  const { name, code, message, field = '', retryAfterSeconds } = told;
  if (name === 'Unavailable') return new Unavailable(code, message, { retryAfterSeconds });
  if (name === 'Misconfigured') return new Misconfigured(code, field, message);
  if (name === 'CredentialsRefused') return new CredentialsRefused(code, message);
  if (name === 'Refused') return new Refused(code, message);
  if (name === 'Unauthentic') return new Unauthentic(code, message);
  return new Unreadable(code, message);
}
