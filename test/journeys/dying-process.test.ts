// A message that ends the whole process, as a crash in a native module does: it is set aside after three deaths of its own, whoever
// starts the gateway again, and all others are read.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BOX } from '../gateway/reading/reading-bench.ts';
import { type GatewayProcess, openPlace, type Place, START } from './process.ts';

/** What a message of the test's adapter became. */
interface Told {
  readonly number: string;
  readonly outcome: { readonly kind: string; readonly reason?: string } | null;
}

const POISON = 4;

describe('a message that the whole process dies on', function () {
  this.timeout(120_000);
  let place: Place;
  beforeEach(() => {
    place = openPlace();
  });
  afterEach(() => place.remove());

  const settings = (attempts: number) =>
    place.settings({
      listen: { port: 0 },
      intake: { minFreeMb: 0, minFreePercent: 0 },
      reading: { attempts },
      adapters: [BOX],
      channels: [{ id: 'box', kind: 'moody-box', settings: { folder: place.folder } }],
    });

  /** What became of them; null where the process died before that. */
  async function outcomes(gateway: GatewayProcess, messages: readonly object[]): Promise<readonly Told[] | null> {
    try {
      const { url } = await gateway.started;
      const answer = await fetch(`${url}/hooks/box/wait`, { method: 'POST', body: JSON.stringify(messages) });
      return (await answer.json()) as readonly Told[];
    } catch {
      assert.equal(await gateway.ended, 'SIGABRT', gateway.stderr());
      return null;
    }
  }

  const codes = (gateway: GatewayProcess, wanted: string) =>
    gateway
      .stderr()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as { readonly code: string; readonly number?: string; readonly attempts?: number })
      .filter(({ code }) => code === wanted);

  for (const [mood, attempts] of [
    ['abort', 3],
    ['late-abort', 1],
  ] as const) {
    it(`is quarantined after ${attempts} of its own, and all that came with it are read (${mood})`, async () => {
      settings(attempts);
      const texts = Array.from({ length: 9 }, (_, i) => `建设大街${i + 1}号水管漏水，请维修。`);
      texts[POISON] = mood;
      // Each of a sender of its own, but for the one behind it, which is of the same.
      const messages = texts.map((text, i) => ({ id: `${i}`, from: `${i === POISON + 1 ? POISON : i}`, text }));
      const lives: GatewayProcess[] = [];
      let told: readonly Told[] | null = null;
      // One more death nobody can blame on one of those that were read together.
      while (told === null && lives.length <= attempts + 1) {
        const life = place.run(START);
        lives.push(life);
        told = await outcomes(life, messages);
      }
      const last = lives.at(-1) as GatewayProcess;
      assert.ok(told !== null, `${lives.length} lives, and it kills on: ${last.stderr()}`);
      const became = told.map(({ outcome }) => outcome);
      const [poison] = became.splice(POISON, 1);
      assert.deepEqual(poison, { kind: 'quarantined', reason: 'reading.thread_died' });
      assert.deepEqual(new Set(became.map(outcome => outcome?.kind)), new Set(['ticket']));
      const number = told[POISON]?.number;
      assert.deepEqual(
        lives.flatMap(life => codes(life, 'reading.process_died_on')).map(line => [line.number, line.attempts]),
        Array.from({ length: attempts }, (_, i) => [number, i + 1]),
      );

      // Told to stop, it leaves nothing behind that the next one would have to be careful about.
      last.child.kill('SIGTERM');
      assert.equal(await last.ended, 0);
      assert.ok(!existsSync(join(place.folder, 'huisu-data/reading-now')));
      const next = place.run(START);
      await next.started;
      assert.deepEqual(codes(next, 'reading.careful'), []);
    });
  }
});
