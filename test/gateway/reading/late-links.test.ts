// Pairs that two processes missed are linked although somebody is at them, and however long the store is away.
import assert from 'node:assert/strict';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { lateLinks } from '../../../gateway/reading/late-links.ts';
import type { MissedPair } from '../../../gateway/reading/peers.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { StoreUnavailable } from '../../../store/errors.ts';

const PAIRS: readonly MissedPair[] = [
  { as: 'repeat', number: 'b', to: 'a' },
  { as: 'incident', number: 'd', to: 'c' },
];
const away = () => new StoreUnavailable('store.mongo_unreachable', 'away');
const inUse = () => new DeskError('desk.changed_meanwhile');

/** Links pairs against a desk that fails with these errors first, each pair with all of them. */
async function linking(errors: readonly (() => Error)[], closing = () => false) {
  const linked: string[] = [];
  const tries = new Map<string, number>();
  const link = lateLinks({
    async link({ number }) {
      const tried = tries.get(number) ?? 0;
      tries.set(number, tried + 1);
      const failure = errors[tried];
      if (failure !== undefined) throw failure();
      linked.push(number);
    },
    log: createLog({ level: 'silent' }),
    closing,
    againMs: 0,
  });
  await link(PAIRS);
  return { linked, tries: [...tries.values()] };
}

describe('what two processes missed', () => {
  it('is linked once whoever was at the same tickets is done, and the store is back', async () => {
    const { linked } = await linking([inUse, away, inUse, ...Array.from({ length: 50 }, () => away)]);
    assert.deepEqual(linked, ['b', 'd']);
  });

  it('stays apart where it cannot be linked, and holds up no other', async () => {
    const never = Array.from({ length: 100 }, () => inUse);
    assert.deepEqual(await linking(never), { linked: [], tries: [20, 20] });
    const { linked, tries } = await linking([() => new DeskError('desk.no_such_ticket', { number: 'b' })]);
    assert.deepEqual([linked, tries], [[], [1, 1]]);
  });

  it('is left to the next linker when the gateway closes', async () => {
    assert.deepEqual(
      await linking(
        Array.from({ length: 100 }, () => away),
        () => true,
      ),
      { linked: [], tries: [1, 1] },
    );
  });
});
