// /queue: Bull Board for an operator who has signed in, to look and not to touch; nothing of it is loaded before.
import type { Express, NextFunction, Request, RequestHandler, Response } from 'express';
import { Unavailable } from '../../adapters/contract.ts';
import type { WatchedQueue } from '../dispatch/bull-queue.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { HttpProblem } from './problem.ts';
import { createSignIn } from './sign-in.ts';

/** What the page needs of the rest. */
export interface QueueBoardParts {
  readonly user: string;
  readonly password: string;
  /** Opens the queue for looking at it; called once, when somebody has signed in. */
  watch(): WatchedQueue;
  /** Told of each sign-in before anything is shown; rejects where that cannot be put down. */
  signedIn(): Promise<void>;
}

const PATH = '/queue';
/** Requests of one address within so long after its sign-in belong to it: Basic has no sessions. */
const SIGNED_IN_MS = 15 * 60_000;
/** All from here: the page asks a foreign server for its fonts otherwise. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

interface Board {
  readonly watched: WatchedQueue;
  readonly show: RequestHandler;
}

export interface QueueBoard {
  /** Where it is mounted; its pages name it. */
  readonly path: string;
  /** Throws `HttpProblem`, and `Unavailable` while Redis is away. */
  handle(request: Request, response: Response, next: NextFunction): Promise<void>;
  close(): Promise<void>;
}

export function createQueueBoard(parts: QueueBoardParts, log: Log): QueueBoard {
  const signIn = guard(parts, log);
  let opening: Promise<Board> | null = null;
  const board = () => {
    opening ??= open(parts).catch(error => {
      opening = null;
      throw error;
    });
    return opening;
  };
  async function handle(request: Request, response: Response, next: NextFunction): Promise<void> {
    await signIn(request);
    // Bull Board refuses changes too; what is not for reading does not get that far.
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpProblem('http.not_found');
    const { watched, show } = await board();
    if (request.path.startsWith('/api/') && !(await watched.reachable())) {
      throw new Unavailable('queue.unreachable', 'no answer from Redis');
    }
    response.set('content-security-policy', POLICY);
    await show(request, response, next);
  }
  return {
    path: PATH,
    handle,
    async close() {
      if (opening !== null) await (await opening).watched.close();
    },
  };
}

/** Lets nobody in who has not signed in. */
function guard(parts: QueueBoardParts, log: Log): (request: Request) => Promise<void> {
  const signIn = createSignIn(parts);
  const known = new Map<string, number>();
  return async ({ headers, ip = '' }) => {
    try {
      signIn(headers.authorization, ip);
    } catch (error) {
      if (error instanceof HttpProblem && error.code === 'http.sign_in_wrong') {
        log.warn('http.sign_in_wrong', { host: ip });
      }
      throw error;
    }
    const at = performance.now();
    if (at < (known.get(ip) ?? 0)) return;
    known.set(ip, at + SIGNED_IN_MS);
    try {
      await parts.signedIn();
    } catch (error) {
      known.delete(ip);
      throw error;
    }
  };
}

async function open({ watch }: QueueBoardParts): Promise<Board> {
  const [{ createBullBoard }, { BullAdapter }, { ExpressAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullAdapter'),
    import('@bull-board/express'),
  ]);
  const watched = watch();
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(PATH);
  createBullBoard({
    queues: [new BullAdapter(watched.queue, { readOnlyMode: true })],
    serverAdapter,
    // The list of Redis' clients names every process that uses it.
    options: { uiConfig: { boardTitle: '汇诉', hideRedisDetails: true, showWorkers: false } },
  });
  const board = serverAdapter.getRouter() as Express;
  board.disable('x-powered-by').disable('etag');
  return { watched, show: board };
}
