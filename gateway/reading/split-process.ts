// One split process from the gateway's side: started bare, weighed, killed; says what it died of.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { workerUrl } from '../worker-url.ts';
import { createFrameReader, FRAME, type SplitStart } from './split-frames.ts';

/** What a split process ended of: the memory it took, the time, a frame too long, or itself; `stopped`: it was no longer wanted. */
export type SplitEnd = 'memory' | 'timeout' | 'too_large' | 'crash' | 'stopped';

export interface SplitProcess {
  /** False until its adapters are loaded, which no container can hinder. */
  readonly ready: boolean;
  send(pieces: readonly Uint8Array[]): void;
  /** The next frames, none when it has only become ready; null when it has ended. While nobody takes them, it waits. */
  frames(): Promise<readonly Buffer[] | null>;
  /** The first reason given counts. */
  kill(end: SplitEnd): void;
  /** Resolves when the process is gone. */
  readonly ended: Promise<SplitEnd>;
}

type Stdio = readonly [unknown?, unknown?, Readable?, Socket?];

export interface SplitProcessOptions {
  readonly adapters: readonly string[];
  readonly baseFolder: string;
  readonly memoryMb: number;
  /** Bytes of the longest frame it may send. */
  readonly longest: number;
}

const WEIGH_MS = 100;
/** Garbage is collected before it counts as a container's weight: the heap ends well below the limit of the whole. */
const HEAP_SHARE = 0.75;
/** Parts live for a moment only; a small nursery lets go of them and of their bytes, which lie outside the heap, that much sooner. */
const YOUNG_MB = 4;
/** A process that has closed its connection and does not end by itself. */
const GRACE_MS = 1000;
const LAST_WORDS = 8192;
/** Of the environment only what Node itself or a date needs; keys and secrets may stand in the rest. */
const KEPT = ['TZ', 'SystemRoot', 'TEMP', 'TMP'];

/** Throws what the system throws when it has no process to give. */
export function startSplitProcess(options: SplitProcessOptions): SplitProcess {
  const { memoryMb, adapters, baseFolder } = options;
  const memory = memoryMb * 1024 * 1024;
  const ended = Promise.withResolvers<SplitEnd>();
  let end: SplitEnd | null = null;
  let ready = false;
  let most = Number.POSITIVE_INFINITY;
  let grace: NodeJS.Timeout | undefined;

  const weighing = setInterval(weigh, WEIGH_MS);
  const child = launch(memoryMb, { adapters, baseFolder, memory, parent: process.pid });
  child.on('error', () => over('crash'));
  // Undefined where handles have run out, whatever its type says; then the error event tells it again.
  const [, , stderr, socket] = ((child.stdio as ChildProcess['stdio'] | undefined) ?? []) as Stdio;
  if (socket === undefined || stderr === undefined) {
    clearInterval(weighing);
    throw new Error('no handles for a process');
  }
  const lastWords = tailOf(stderr);
  child.on('exit', (_code, signal) => {
    const tell = () => over(endOf(signal, lastWords()));
    if (stderr.closed) tell();
    else stderr.once('close', tell);
  });
  // What broke the connection is told by the exit.
  socket.on('error', () => undefined);
  const read = createFrameReader(options.longest);
  const chunks: AsyncIterator<Buffer> = socket[Symbol.asyncIterator]();

  function over(found: SplitEnd): void {
    clearInterval(weighing);
    clearTimeout(grace);
    ended.resolve(end ?? found);
  }

  function kill(reason: SplitEnd): void {
    end ??= reason;
    child.kill('SIGKILL');
    socket?.destroy();
  }

  /** From outside too: what has gone mad inside cannot be relied upon to watch itself. */
  function weigh(): void {
    if ((weightOf(child.pid) ?? 0) > most) kill('memory');
  }

  async function nextChunk(): Promise<Buffer | null> {
    try {
      const { value, done } = await chunks.next();
      if (done !== true) return value;
    } catch {
      // Destroyed by `kill`, or broken off by its end: either way `ended` says why.
    }
    grace ??= setTimeout(() => kill('crash'), GRACE_MS);
    return null;
  }

  async function frames(): Promise<readonly Buffer[] | null> {
    for (;;) {
      const chunk = await nextChunk();
      if (chunk === null) return null;
      const got = framesOf(chunk);
      if (got === null) return null;
      if (!ready && got[0]?.[0] === FRAME.ready) {
        ready = true;
        most = (weightOf(child.pid) ?? Number.POSITIVE_INFINITY) + memory;
        return got.slice(1);
      }
      if (got.length > 0) return got;
    }
  }

  function framesOf(chunk: Buffer): readonly Buffer[] | null {
    try {
      return read(chunk);
    } catch {
      kill('too_large');
      return null;
    }
  }

  return {
    get ready() {
      return ready;
    },
    send(pieces) {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    },
    frames,
    kill,
    ended: ended.promise,
  };
}

/** No environment, no handle but one end of a socket, no right to write, to start anything or to load native code. */
function launch(memoryMb: number, start: SplitStart): ChildProcess {
  const flags = [
    `--max-old-space-size=${Math.floor(memoryMb * HEAP_SHARE)}`,
    `--max-semi-space-size=${YOUNG_MB}`,
    '--permission',
    '--allow-fs-read=*',
    '--allow-worker',
    '--no-warnings',
  ];
  const entry = fileURLToPath(workerUrl('./split-child', import.meta.url));
  const env = Object.fromEntries(KEPT.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])));
  return spawn(process.execPath, [...flags, entry, JSON.stringify(start)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

/** The end of what a process says, which is looked at and never logged: it may hold a citizen's words. */
function tailOf(stderr: Readable): () => string {
  let tail = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-LAST_WORDS);
  });
  return () => tail;
}

/** A kill that was not ours is the process's own watch, or the system short of memory. */
function endOf(signal: NodeJS.Signals | null, words: string): SplitEnd {
  return signal === 'SIGKILL' || /out of memory|bad_alloc/i.test(words) ? 'memory' : 'crash';
}

/** Resident bytes of a process; null where the system does not tell. */
function weightOf(pid: number | undefined): number | null {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}
