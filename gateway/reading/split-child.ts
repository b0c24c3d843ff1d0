// 拆分进程: runs adapters' split on strangers' containers, in a process that holds no keys, may write nothing and may be killed.
import { Socket } from 'node:net';
import { constants, getPriority, setPriority } from 'node:os';
import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import {
  type AdapterDefinition,
  CredentialsRefused,
  Misconfigured,
  type Original,
  PlatformError,
  Refused,
  Unauthentic,
  Unavailable,
  Unreadable,
} from '../../adapters/contract.ts';
import { loadRegistry } from '../../adapters/registry.ts';
import { workerUrl } from '../worker-url.ts';
import { plainError } from './plain-error.ts';
import {
  createFrameReader,
  decodeFramed,
  FRAME,
  frame,
  originalFrame,
  type SplitFailure,
  type SplitStart,
  type SplitTask,
} from './split-frames.ts';
import type { SplitWatch } from './split-watch.ts';

const CHANNEL_FD = 3;
/** Parts leave when so many bytes are together, and at the latest after so long. */
const BATCH_BYTES = 64 * 1024;
const BATCH_MS = 20;
const MESSAGE_LIMIT = 500;
const CLASSES = { Unavailable, CredentialsRefused, Misconfigured, Unreadable, Refused, Unauthentic };

// Reading stands back behind acknowledging; where the gateway stands further back already, rising again is not allowed.
const { PRIORITY_BELOW_NORMAL: low } = constants.priority;
if (getPriority() < low) setPriority(low);
const start = JSON.parse(process.argv[2] as string) as SplitStart;
const socket = new Socket({ fd: CHANNEL_FD });
const watch = new Worker(workerUrl('./split-watch', import.meta.url), {
  workerData: { memory: start.memory, parent: start.parent } satisfies SplitWatch,
  stdout: true,
  name: 'split-watch',
});
const watching = new Promise(resolve => watch.once('message', resolve));
// Nobody is there any more to split for.
socket.on('close', () => process.exit(0));

/** Gathers frames, and waits while the other side is behind. */
const out = {
  frames: [] as Buffer[],
  bytes: 0,
  since: 0,
  timer: undefined as NodeJS.Timeout | undefined,
  async add(bytes: Buffer): Promise<void> {
    if (out.frames.push(bytes) === 1) {
      out.since = performance.now();
      // An adapter that awaits something leaves its parts lying otherwise.
      out.timer = setTimeout(() => void out.flush(), BATCH_MS);
    }
    out.bytes += bytes.length;
    if (out.bytes >= BATCH_BYTES || performance.now() - out.since > BATCH_MS) await out.flush();
  },
  async flush(): Promise<void> {
    clearTimeout(out.timer);
    const batch = Buffer.concat(out.frames);
    out.frames = [];
    out.bytes = 0;
    if (batch.length > 0 && !socket.write(batch)) await new Promise(resolve => socket.once('drain', resolve));
  },
};

function failureOf(error: unknown): SplitFailure {
  if (error instanceof RangeError && /allocation failed|Invalid array buffer length/i.test(error.message)) {
    return { kind: 'memory' };
  }
  if (!(error instanceof PlatformError)) return { kind: 'defect', defect: plainError(error) };
  const name = Object.entries(CLASSES).find(([, one]) => error instanceof one)?.[0] ?? 'Unreadable';
  return {
    kind: 'platform',
    name,
    code: error.code,
    message: error.message.slice(0, MESSAGE_LIMIT),
    ...(error instanceof Misconfigured ? { field: error.field } : {}),
    ...(error instanceof Unavailable && error.retryAfterSeconds !== undefined
      ? { retryAfterSeconds: error.retryAfterSeconds }
      : {}),
  };
}

async function split({ kind, settings }: SplitTask, container: Original): Promise<void> {
  const definition: AdapterDefinition = await registry.get(kind);
  if (definition.split === undefined) throw new TypeError(`adapters of kind ${kind} have no split`);
  for await (const part of definition.split(container, settings)) {
    // Copied at once: the adapter may use its buffer again for the next part.
    await out.add(Buffer.concat(originalFrame(FRAME.part, part)));
  }
}

async function run(task: SplitTask, payload: Buffer): Promise<void> {
  try {
    // A container may be most of the memory there is: it is not there twice.
    await split(task, decodeFramed(payload, 'viewed'));
    await out.add(frame(FRAME.end));
  } catch (error) {
    await out.add(frame(FRAME.failed, Buffer.from(JSON.stringify(failureOf(error)))));
  }
  await out.flush();
}

const registry = await loadRegistry(start.adapters, start.baseFolder);
await watching;
watch.postMessage('base');
const read = createFrameReader(Number.POSITIVE_INFINITY);
let task: SplitTask | null = null;
socket.on('data', (chunk: Buffer) => {
  for (const bytes of read(chunk)) {
    const payload = bytes.subarray(1);
    if (bytes[0] === FRAME.task) task = deserialize(payload) as SplitTask;
    else if (task !== null) void run(task, payload);
  }
});
await out.add(frame(FRAME.ready));
await out.flush();
