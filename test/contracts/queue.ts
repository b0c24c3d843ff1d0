// What any queue must do; one suite, run on every queue.
import assert from 'node:assert/strict';
import type { Queue } from '../../gateway/dispatch/queue.ts';

/** Opens an empty queue. `onBug` is told of handlers that reject. */
export type OpenQueue = (onBug: (error: unknown) => void) => Promise<Queue>;

/** A promise with its handles outside. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return { opened, open };
}

/** Resolves once `count` ids were handed over, with the ids in their order. */
function collector(count: number) {
  const seen: string[] = [];
  const all = gate();
  return {
    seen,
    all: all.opened,
    async handle(id: string): Promise<void> {
      seen.push(id);
      if (seen.length === count) all.open();
    },
  };
}

const ids = (count: number, prefix = 'e'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}:0:ticket.created`);
const ordinary = { urgent: false };

/** Runs the contract on one queue. */
export function queueContract(name: string, open: OpenQueue): void {
  describe(`queue contract: ${name}`, () => {
    const bugs: unknown[] = [];
    let queue: Queue;
    beforeEach(async () => {
      bugs.length = 0;
      queue = await open(error => bugs.push(error));
    });
    afterEach(() => queue.close(1000));

    it('hands every id to a worker, at least once', async () => {
      const expected = ids(500);
      const got = collector(expected.length);
      queue.work(id => got.handle(id), 8);
      await Promise.all(expected.map(id => queue.add(id, ordinary)));
      await got.all;
      assert.deepEqual(new Set(got.seen), new Set(expected));
    });

    it('keeps what was added before anybody worked', async () => {
      const got = collector(3);
      for (const id of ids(3)) await queue.add(id, ordinary);
      assert.deepEqual(await queue.counts(), { waiting: 3, active: 0 });
      queue.work(id => got.handle(id), 1);
      await got.all;
      assert.deepEqual(got.seen, ids(3), 'first come, first served');
    });

    it('hands out urgent ids before everything that waits, in their own order', async () => {
      const got = collector(25);
      for (const id of ids(20)) await queue.add(id, ordinary);
      for (const id of ids(5, 'u')) await queue.add(id, { urgent: true });
      queue.work(id => got.handle(id), 1);
      await got.all;
      assert.deepEqual(got.seen.slice(0, 5), ids(5, 'u'));
      assert.deepEqual(got.seen.slice(5), ids(20));
    });

    it('works on as many at a time as it was told, and never on more', async () => {
      let active = 0;
      let most = 0;
      const got = collector(40);
      const full = gate();
      queue.work(async id => {
        active += 1;
        most = Math.max(most, active);
        if (active === 4) full.open();
        await full.opened;
        await new Promise(resolve => setImmediate(resolve));
        active -= 1;
        await got.handle(id);
      }, 4);
      await Promise.all(ids(40).map(id => queue.add(id, ordinary)));
      await got.all;
      assert.equal(most, 4);
    });

    it('works on an id again that was worked on before', async () => {
      let current = collector(1);
      for (const round of [1, 2, 3]) {
        const got = collector(1);
        if (round === 1) queue.work(id => current.handle(id), 1);
        current = got;
        await queue.add('again:0:ticket.created', ordinary);
        await got.all;
      }
    });

    it('goes on after a handler that rejects, reports it, and does not hand its id out again', async () => {
      const got = collector(11);
      queue.work(async id => {
        await got.handle(id);
        if (id.startsWith('poison')) throw new Error('handler broke');
      }, 2);
      await queue.add('poison:0:ticket.created', ordinary);
      for (const id of ids(10)) await queue.add(id, ordinary);
      await got.all;
      await queue.close(1000);
      assert.equal(got.seen.filter(id => id.startsWith('poison')).length, 1);
      assert.equal(bugs.length, 1);
    });

    it('counts what waits and what is being worked on', async () => {
      const started = gate();
      const go = gate();
      queue.work(async () => {
        started.open();
        await go.opened;
      }, 1);
      for (const id of ids(3)) await queue.add(id, ordinary);
      await started.opened;
      assert.deepEqual(await queue.counts(), { waiting: 2, active: 1 });
      go.open();
    });

    it('waits for what runs when it is closed, and starts nothing more', async () => {
      const seen: string[] = [];
      const started = gate();
      const go = gate();
      let finished = false;
      queue.work(async id => {
        seen.push(id);
        started.open();
        await go.opened;
        finished = true;
      }, 1);
      for (const id of ids(3)) await queue.add(id, ordinary);
      await started.opened;
      const closing = queue.close(5000);
      go.open();
      await closing;
      assert.equal(finished, true);
      assert.equal(seen.length, 1);
    });

    it('gives up waiting for what runs after the deadline', async () => {
      const go = gate();
      const started = gate();
      queue.work(() => {
        started.open();
        return go.opened;
      }, 1);
      await queue.add('slow:0:ticket.created', ordinary);
      await started.opened;
      const from = performance.now();
      await queue.close(50);
      assert.ok(performance.now() - from < 2000);
      go.open();
    });

    it('takes nothing more once it is closed', async () => {
      await queue.close(100);
      await assert.rejects(queue.add('late:0:ticket.created', ordinary));
    });
  });
}
