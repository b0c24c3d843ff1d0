// A message on which the thread that decides dies in a way that nothing can catch: it is set aside, and all others are read.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { appealBody, partner } from '../platforms/app.ts';
import { openPlace, type Place, START } from './process.ts';

const DEFECT = pathToFileURL(join(import.meta.dirname, '../gateway/fixtures/dying-decider.ts')).href;
/** Small, so that it is used up soon. */
const MEMORY_MB = 150;
/** Of the setting; each death is followed by twice the pause of the one before. */
const ATTEMPTS = 2;
const POISON = 5;

describe('a message that the reading thread dies on', function () {
  this.timeout(180_000);
  let place: Place;
  beforeEach(() => {
    place = openPlace();
    place.settings({
      listen: { port: 0 },
      intake: { minFreeMb: 0, minFreePercent: 0 },
      reading: { attempts: ATTEMPTS },
    });
  });
  afterEach(() => place.remove());

  it('for want of memory is quarantined after its deaths, and all that came with it are read', async () => {
    const one = place.run(START, { NODE_OPTIONS: `--max-old-space-size=${MEMORY_MB} --import=${DEFECT}` });
    const { firstChannel } = await one.started;
    assert.ok(firstChannel !== null);
    const sender = partner({ url: firstChannel.url, secret: firstChannel.secret });
    const appeal = (content: string, citizen: number) => {
      const contact = { name: '张三', phone: `139000011${String(citizen).padStart(2, '0')}` };
      return appealBody({ externalId: '', title: '', content, contact });
    };
    const texts = Array.from({ length: 12 }, (_, i) => `建设大街${i + 1}号水管漏水，请维修。`);
    texts[POISON] = 'uses up all memory';
    const told = await Promise.all([
      ...texts.map((text, citizen) => sender.told(appeal(text, citizen))),
      // By the same citizen, behind it.
      sender.told(appeal('江南大街井盖缺失，请补上。', POISON)),
    ]);
    const outcomes = told.map(answer => answer.json()['outcome'] as { kind: string; reason?: string });
    const [poison] = outcomes.splice(POISON, 1);
    assert.deepEqual(poison, { kind: 'quarantined', reason: 'reading.thread_died' });
    assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['ticket']));
    const lines = one
      .stderr()
      .split('\n')
      .filter(line => line.startsWith('{'));
    const logged = lines.map(line => JSON.parse(line) as Record<string, unknown>);
    const of = (code: string) => logged.filter(line => line['code'] === code);
    const number = told[POISON]?.json()['number'];
    assert.deepEqual(
      of('reading.thread_died_on').map(line => [line['number'], line['attempts']]),
      Array.from({ length: ATTEMPTS }, (_, i) => [number, i + 1]),
    );
    const deaths = of('reading.decider_died').map(({ error }) => (error as { code?: string }).code);
    // Once among others, where nobody could tell which it was.
    assert.ok(deaths.length === ATTEMPTS || deaths.length === ATTEMPTS + 1, deaths.join(' '));
    assert.deepEqual(new Set(deaths), new Set(['ERR_WORKER_OUT_OF_MEMORY']));
    sender.close();
    one.child.kill('SIGTERM');
    assert.equal(await one.ended, 0);
  });
});
