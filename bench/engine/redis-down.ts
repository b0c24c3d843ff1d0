// Whether whoever hands in an appeal feels that Redis is gone: acknowledgements with it and without it, in turns.
import { runGateway } from '../../test/gateway/running.ts';
import { type Partner, partner } from '../../test/platforms/app.ts';
import { startRedis } from '../../test/servers/redis.ts';
import { median, ratio } from '../phases.ts';
import { openRecipe } from '../recipe.ts';
import { caseSystemAt } from './target.ts';

const WARM_SECONDS = 2;
const SENDERS = 4;
/** Between an answer and the sender's next appeal. */
const PAUSE_MS = 10;

export interface RedisDown {
  readonly p99UpMs: number;
  readonly p99DownMs: number;
  readonly ratio: number;
}

/** p99 in milliseconds of acknowledgements by a gateway in this process. */
async function acknowledgements(sender: Partner, seconds: number): Promise<number> {
  const recipe = openRecipe({ samePerson: 0, otherPerson: 0 });
  const taken: number[] = [];
  const end = performance.now() + seconds * 1000;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const { content, phone } = recipe.appeal(7, taken.length);
      const began = performance.now();
      await sender.send({
        type: 'appeal.created',
        timestamp: new Date().toISOString(),
        data: { content, contact: { phone } },
      });
      taken.push(performance.now() - began);
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, worker));
  taken.sort((a, b) => a - b);
  return taken[Math.floor(taken.length * 0.99)] ?? Number.NaN;
}

/** @param seconds of each phase */
export async function intakeWithoutRedis(target: string, seconds: number, turns: number): Promise<RedisDown> {
  const redis = await startRedis();
  const running = await runGateway({ queue: { redis: redis.url }, caseSystem: caseSystemAt(target) });
  const { id, secret } = running.gateway.firstChannel as { id: string; secret: string };
  const sender = partner({ url: `${running.gateway.url}/hooks/${id}`, secret });
  const up: number[] = [];
  const down: number[] = [];
  try {
    // Not counted: everything is loaded and compiled by then.
    await acknowledgements(sender, WARM_SECONDS);
    for (let turn = 0; turn < turns; turn++) {
      up.push(await acknowledgements(sender, seconds));
      await redis.kill();
      down.push(await acknowledgements(sender, seconds));
      await redis.start();
    }
  } finally {
    sender.close();
    await running.close();
    await redis.stop();
  }
  const [upMs, downMs] = [median(up), median(down)];
  const tenth = (value: number) => Math.round(value * 10) / 10;
  return { p99UpMs: tenth(upMs), p99DownMs: tenth(downMs), ratio: ratio(downMs, upMs) };
}
