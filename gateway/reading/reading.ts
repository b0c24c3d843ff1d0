// The main thread's hold on the decider: starts it, starts it again when it dies, passes on what it says.
import { type MessagePort, Worker } from 'node:worker_threads';
import type { Outcome } from '../../normalizer/ticket.ts';
import type { Forgotten } from '../../store/forget-postings.ts';
import type { RingData } from '../../store/key-ring.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { StoreAddress } from '../engines.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { workerUrl } from '../worker-url.ts';
import type { ToCompare } from './comparing.ts';
import { type MarkFile, openMarkFile } from './death-mark.ts';
import type { DeciderStart, FromDecider, ToDecider } from './decider.ts';
import type { Judged } from './judge.ts';
import { lateLinks } from './late-links.ts';
import type { MissedPair } from './peers.ts';
import { asError } from './plain-error.ts';
import type { ParserChannel } from './protocol.ts';
import { createQuestions } from './questions.ts';
import { underWayMemory } from './under-way.ts';

export interface ReadingParts {
  readonly start: Omit<DeciderStart, 'address' | 'channels' | 'underWay' | 'deathMark' | 'careful' | 'suspects'>;
  /** The data folder, which this process holds. */
  readonly folder: string;
  /** An address of the store for one more thread. */
  address(): { readonly address: StoreAddress; readonly transfer: readonly MessagePort[] };
  readonly log: Log;
  /** Told only while `start.awaited` is above zero. */
  decided(numbers: readonly string[], outcomes: readonly Outcome[]): void;
  /** A ticket was made that waits for attachments. */
  wanted(): void;
  /** A ticket is to join another, or the incident of another, since two processes decided them in the same instant. Rejects
   *  where it cannot. */
  link(pair: MissedPair): Promise<unknown>;
}

export interface Reading {
  /** Resolves when the decider reads for the first time; rejects with what it died of when it never came to that. */
  readonly ready: Promise<void>;
  /** False while the decider is being started again. */
  readonly up: boolean;
  setChannels(channels: Readonly<Record<string, ParserChannel>>): void;
  /** A message has become unread again. */
  rescan(): void;
  /** A ticket was made elsewhere, by a clerk: it is to be found like any other. */
  adopt(number: string): void;
  /** What a message that a clerk makes a ticket has to do with earlier ones. Rejects while the decider is being started again. */
  compare(item: ToCompare): Promise<Judged>;
  /** A clerk has moved these tickets to another incident, linked or refused them. */
  moved(numbers: readonly string[]): void;
  /** Tickets are found by these terms no more. Rejects while the decider is being started again. */
  forget(pairs: readonly Forgotten[]): Promise<void>;
  /** Keys were added; from now on they seal. */
  setRing(ring: RingData): void;
  close(deadlineMs: number): Promise<void>;
}

/** Reported with the frames of what was thrown. */
const DEFECTS = new Set(['reading.bug', 'reading.judge_failed', 'reading.parse_failed', 'reading.parser_cannot_start']);
/** Reported when trouble is over. */
const NEWS = new Set(['reading.shares_again']);
const RESTART_MS = 1000;
const RESTART_MOST_MS = 60_000;
/** The index lives in typed arrays outside the heap; in a small nursery the batches under way outlive it and fill the old space. */
const YOUNG_MB = 48;

export function startReading(parts: ReadingParts, channels: Readonly<Record<string, ParserChannel>>): Reading {
  const firstReady = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let known = channels;
  let { ring } = parts.start;
  const forgetting = createQuestions<void>(eraserDown);
  const comparing = createQuestions<Judged>(readerDown);
  let up = false;
  let closing = false;
  let begun = false;
  let pause = RESTART_MS;
  let upSince = 0;
  let alive = true;
  const memory = underWayMemory();
  const linkLate = lateLinks({ link: parts.link, log: parts.log, closing: () => closing });
  const markFile = markIn(parts);
  const suspects = markFile?.left ?? [];
  // What the program ends by itself (a disk that failed, a stop that took too long) is no message's fault.
  const removeMark = () => markFile?.remove();
  process.once('exit', removeMark);
  if (suspects.length > 0) parts.log.warn('reading.careful', { count: suspects.length });
  let worker = spawn(false, suspects);
  // Whoever starts the gateway awaits it after the channels are open; until then nobody else is there to be told.
  firstReady.promise.catch(() => ended.resolve());

  /**
   * @param careful the one before it died
   * @param suspects what was being read when the process before this one died
   */
  function spawn(careful: boolean, suspects: readonly string[]): Worker {
    const { address, transfer } = parts.address();
    const next = new Worker(workerUrl('./decider', import.meta.url), {
      workerData: {
        ...parts.start,
        ...{ ring, address, channels: known, underWay: memory, careful, suspects },
        deathMark: markFile?.path ?? null,
      } satisfies DeciderStart,
      transferList: [...transfer],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      name: 'decider',
    });
    next.on('message', (message: FromDecider) => hear(next, message));
    let told = false;
    next.on('error', error => {
      told = true;
      if (begun) parts.log.bug('reading.decider_died', error, { retryMs: pause });
      firstReady.reject(error);
    });
    next.on('exit', code => {
      if (begun && !closing && !told) parts.log.warn('reading.decider_died', { status: code, retryMs: pause });
      up = false;
      alive = false;
      forgetting.lost();
      comparing.lost();
      if (closing || !begun) return ended.resolve();
      // Whatever it had not committed is unread, and the next one begins there.
      setTimeout(again, pause);
      const lived = performance.now() - upSince > RESTART_MOST_MS;
      pause = lived ? RESTART_MS : Math.min(RESTART_MOST_MS, pause * 2);
    });
    return next;
  }

  function again(): void {
    if (closing) return;
    alive = true;
    worker = spawn(true, []);
  }

  function hear(from: Worker, message: FromDecider): void {
    if (message.type === 'decided') parts.decided(message.numbers, message.outcomes as readonly Outcome[]);
    else if (message.type === 'wanted') parts.wanted();
    else if (message.type === 'report') report(message);
    else if (message.type === 'forgotten') forgotten(message);
    else if (message.type === 'compared') compared(message);
    else if (message.type === 'link') void link(from, message);
    else if (message.type === 'ready') {
      up = true;
      upSince = performance.now();
      begun = true;
      parts.log.info('reading.ready', { count: message.tickets });
      firstReady.resolve();
    }
  }

  /** May take as long as the store is away; a decider that was started meanwhile counts its own questions anew. */
  async function link(asker: Worker, { id, pairs }: Extract<FromDecider, { type: 'link' }>): Promise<void> {
    await linkLate(pairs);
    asker.postMessage({ type: 'linked', id } satisfies ToDecider);
  }

  function forgotten({ id, cause }: Extract<FromDecider, { type: 'forgotten' }>): void {
    if (cause === null) forgetting.answered(id);
    else forgetting.failed(id, cause);
  }

  function compared({ id, answer }: Extract<FromDecider, { type: 'compared' }>): void {
    if ('decision' in answer) comparing.answered(id, answer);
    else comparing.failed(id, answer);
  }

  function report({ code, values, cause }: Extract<FromDecider, { type: 'report' }>): void {
    if (NEWS.has(code)) parts.log.info(code, values);
    else if (cause === null) parts.log.warn(code, values);
    else if (DEFECTS.has(code)) parts.log.bug(code, asError(cause), values);
    else parts.log.fail(code, asError(cause), values);
  }

  const tell = (message: ToDecider) => worker.postMessage(message);
  return {
    ready: firstReady.promise,
    get up() {
      return up;
    },
    setChannels(next) {
      known = next;
      tell({ type: 'channels', channels: next });
    },
    rescan: () => tell({ type: 'rescan' }),
    adopt: number => tell({ type: 'adopt', number }),
    compare(item) {
      if (!up) return Promise.reject(readerDown());
      return comparing.ask(id => tell({ type: 'compare', id, item }));
    },
    moved: numbers => tell({ type: 'moved', numbers }),
    forget(pairs) {
      if (!up) return Promise.reject(eraserDown());
      return forgetting.ask(id => tell({ type: 'forget', id, pairs }));
    },
    setRing(next) {
      ring = next;
      tell({ type: 'ring', ring: next });
    },
    async close(deadlineMs) {
      closing = true;
      if (alive) {
        tell({ type: 'close' });
        const cut = setTimeout(() => void worker.terminate(), deadlineMs);
        await ended.promise;
        clearTimeout(cut);
      }
      removeMark();
      process.off('exit', removeMark);
    },
  };
}

const eraserDown = (): DeskError => new DeskError('erase.reader_down', {}, EXIT.unavailable);
const readerDown = (): DeskError => new DeskError('desk.reader_down', {}, EXIT.unavailable);

/** Without it (a disk so full that not even this is written) a gateway reads all the same. */
function markIn({ folder, log }: ReadingParts): MarkFile | null {
  try {
    return openMarkFile(folder);
  } catch (error) {
    log.fail('reading.no_mark', error);
    return null;
  }
}

/** Of a process that does not read: others do, and look for what is unread by themselves. */
export function noReading(): Reading {
  return {
    compare: () => Promise.reject(readerDown()),
    ready: Promise.resolve(),
    up: true,
    setChannels: () => undefined,
    rescan: () => undefined,
    adopt: () => undefined,
    moved: () => undefined,
    forget: async () => undefined,
    setRing: () => undefined,
    close: async () => undefined,
  };
}
