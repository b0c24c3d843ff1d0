// What an adapter's author supplies for the suite: the platform, real or simulated, from the adapter's point of view.
import type { AdapterDefinition, OpenChannel, Original } from '../contract.ts';
import { type FakeGateway, fakeGateway, type PlainRequest } from './gateway.ts';

/** Messages are numbered from 0; each number is another message, the same number always the same message. */
export interface Platform<S> {
  /** Settings that lead to this platform; they pass the adapter's schema. */
  readonly settings: S;

  /** Push: the request for message n. Asked again it is the same message delivered again (a new timestamp is fine). */
  request?(n: number): PlainRequest;
  /** Push: message n with a signature that does not hold. Leave out where the platform signs nothing. */
  forged?(n: number): PlainRequest;
  /** Push: another content under the platform id of message n. */
  changed?(n: number): PlainRequest;
  /** Push: a rightly signed request with these bytes as its body, each time under an id of its own. */
  garbage?(bytes: Uint8Array): PlainRequest;

  /** Poll and listen: puts message n where the channel finds it. */
  put?(n: number): Promise<void>;
  /** Poll and listen: messages that the platform takes for done (flagged, deleted). Leave out where a cursor is all. */
  acknowledged?(): readonly number[] | Promise<readonly number[]>;
  /** Poll and listen: which message an original is; with it the suite also proves the order. */
  numberOf?(original: Original): number;
  /** False where there is nothing to log in with (a folder): no credentials can be refused, and no setting may be secret. */
  readonly credentials?: false;
  /** Poll, listen and reply: from now on answers as if the credentials were wrong, or as if it were down; null heals it. */
  fault?(kind: 'credentials' | 'unavailable' | null): void | Promise<void>;
  /** Reply: the texts it was sent so far. */
  replies?(): readonly string[] | Promise<readonly string[]>;

  /** Ends what was started and waits until it is gone. */
  stop(): Promise<void>;
}

export interface ConformanceBench<S> {
  /** The definition's module, to prove that importing it does nothing. */
  readonly file?: URL;
  /** A platform in its first state; each case gets one of its own. */
  start(): Promise<Platform<S>>;
}

/** One platform, one gateway and one open channel between them. */
export interface Stage<S> {
  readonly definition: AdapterDefinition<S>;
  readonly platform: Platform<S>;
  readonly gateway: FakeGateway<S>;
  /** The channel as last opened. */
  channel(): OpenChannel;
  /** Closes the channel and opens it anew, as after a restart: what the gateway stored is still there. */
  reopen(): Promise<OpenChannel>;
}

/** Sets the stage, plays, and clears it whatever happens. */
export async function onStage<S>(
  definition: AdapterDefinition<S>,
  bench: ConformanceBench<S>,
  play: (stage: Stage<S>) => Promise<void>,
): Promise<void> {
  const platform = await bench.start();
  let open: OpenChannel | null = null;
  const gateway = fakeGateway(definition, platform.settings);
  const close = async (): Promise<void> => {
    gateway.stop();
    await open?.close();
    open = null;
  };
  try {
    open = await definition.open(gateway.context());
    await play({
      definition,
      platform,
      gateway,
      channel: () => open ?? never(),
      reopen: async () => {
        await close();
        open = await definition.open(gateway.context());
        return open;
      },
    });
  } finally {
    await close();
    await platform.stop();
  }
}

function never(): never {
  throw new Error('the channel is not open');
}

/** Waits, turn by turn of the event loop, until something holds; fails after five seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited five seconds in vain until ${what}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

/** A member of the bench that the adapter's capabilities ask for. */
export function needed<T>(member: T | undefined, name: string): T {
  if (member === undefined) throw new Error(`the bench's platform needs ${name} for this adapter's capabilities`);
  return member;
}
