// Brings messages from a platform to the gateway by whatever way the adapter receives.
import assert from 'node:assert/strict';
import type { Original, WebhookAnswer } from '../contract.ts';
import { needed, type Stage, until } from './bench.ts';
import { webhookRequest } from './gateway.ts';

/** Receives messages 0 to `count` - 1 and returns their originals. */
export async function receiveSome<S>(stage: Stage<S>, count: number): Promise<readonly Original[]> {
  const { definition, platform, gateway } = stage;
  if (definition.capabilities.receives.includes('webhook')) {
    for (let n = 0; n < count; n++) await deliver(stage, n);
  } else {
    const put = needed(platform.put, 'put(n)').bind(platform);
    for (let n = 0; n < count; n++) await put(n);
    await pull(stage, () => gateway.stored().length >= count);
  }
  assert.ok(gateway.stored().length >= count, `${gateway.stored().length} of ${count} messages were accepted`);
  return gateway.stored();
}

/** Sends message n to the webhook. */
export async function deliver<S>({ platform, channel }: Stage<S>, n: number): Promise<WebhookAnswer> {
  const request = needed(platform.request, 'request(n)').call(platform, n);
  return needed(channel().webhook, 'a webhook').call(channel(), webhookRequest(request));
}

/** Polls, or listens, until something holds; a poll or connection that fails is tried again, as the gateway does. */
export async function pull<S>({ channel }: Stage<S>, holds: () => boolean): Promise<void> {
  const open = channel();
  if (open.poll !== undefined) {
    for (let tries = 0; tries < 300 && !holds(); tries++) await ignoring(open.poll(new AbortController().signal));
    return;
  }
  const stop = new AbortController();
  const listening = (async () => {
    while (!stop.signal.aborted) await ignoring(needed(open.listen, 'poll() or listen()').call(open, stop.signal));
  })();
  try {
    await until('the messages have arrived', holds);
  } finally {
    stop.abort();
    await listening;
  }
}

/** The failures that a gateway survives by trying again; the clauses look at what was stored in the end. */
async function ignoring(attempt: Promise<void>): Promise<Error | null> {
  try {
    await attempt;
    return null;
  } catch (error) {
    // One turn of the loop, so that a listener which fails at once does not starve the rest.
    await new Promise(resolve => setImmediate(resolve));
    return error instanceof Error ? error : new Error(String(error));
  }
}
