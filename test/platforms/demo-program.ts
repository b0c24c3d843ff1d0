// How a program plays a platform in the demo: it says where it is, takes orders line by line, answers each when it is done, ends on SIGTERM.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { PutAnswer, PutOrder } from '../../gateway/cli/demo-platforms.ts';

/** Orders are carried out one after the other; `stop` runs once, when the program is asked to end. */
export async function playPlatform(
  ready: Readonly<Record<string, unknown>>,
  put: (order: PutOrder, signal: AbortSignal) => Promise<readonly number[]>,
  stop: () => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const orders = createInterface({ input: process.stdin });
  process.once('SIGTERM', () => {
    ending.abort();
    orders.close();
  });
  const closed = once(orders, 'close');
  let turn: Promise<void> = Promise.resolve();
  const answer = async (line: string): Promise<void> => {
    if (ending.signal.aborted) return;
    const from = performance.now();
    const acknowledged = await put(JSON.parse(line) as PutOrder, ending.signal);
    const ms = performance.now() - from;
    process.stdout.write(`${JSON.stringify({ acknowledged, ms } satisfies PutAnswer)}\n`);
  };
  orders.on('line', line => {
    turn = turn.then(() => answer(line));
  });
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  await closed;
  await turn;
  await stop();
  process.stdin.destroy();
}
