// huisu repeats train: what clerks linked and undid is learnt; nothing changes before --apply, and what was there comes back.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRepeats, OWN_WEIGHTS } from '../../../config/load-repeats.ts';
import { loadRules } from '../../../config/load-rules.ts';
import type { Config } from '../../../config/schema.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { readSet } from '../../../gateway/repeats/pairs.ts';
import { readAll } from '../../../gateway/repeats/stream.ts';
import { clerkPairs, putBack, train } from '../../../gateway/repeats/train.ts';
import { encodeFacts } from '../../../store/facts-codec.ts';
import type { AuditRecord, Store } from '../../../store/store.ts';
import { RULE_PATHS } from '../../normalizer/rules.ts';
import { templateTwins } from './template-twins.ts';

const rules = { rulebook: loadRules(RULE_PATHS), repeats: loadRepeats(RULE_PATHS.rulesFolder) };

describe('huisu repeats train', function () {
  this.timeout(60_000);
  let data: string;
  let audited: AuditRecord[];
  let facts: ReadonlyMap<string, Uint8Array>;

  before(async () => {
    // Each twin once more by another sender: what a clerk would link, beside the twins that he would not.
    const first = templateTwins().flatMap(([one, other]) => [
      one,
      other,
      { ...one, id: `${one.id}-copy`, requester: 'x', time: one.time + 9 },
    ]);
    const messages = first.sort((a, b) => a.time - b.time);
    const set = await readSet(messages, await readAll(messages, rules), rules);
    facts = new Map([...set.facts].map(([id, one]) => [id, encodeFacts(one)]));
  });
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'huisu-train-'));
    audited = [];
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));

  const note = (action: string, ...on: string[]) =>
    audited.push({ seq: audited.length + 1, at: 1, by: 'clerk', action, on, mac: '' } as AuditRecord);
  function parts() {
    const store = {
      admin: {
        auditList: async (after: number, limit: number) => audited.filter(({ seq }) => seq > after).slice(0, limit),
        audit: async ({ action, on }: { action: string; on: string[] }) => void note(action, ...on),
      },
      tickets: { get: async (number: string) => (facts.has(number) ? { facts: facts.get(number) } : null) },
    } as unknown as Store;
    return {
      store,
      config: { rules: RULE_PATHS.rulesFolder, data } as Config,
      now: () => Date.parse('2026-01-02T03:04:05Z'),
    };
  }
  function decided(pairs: number) {
    for (const [one, other] of templateTwins().slice(0, pairs)) {
      note('ticket.unlink', other.id, one.id);
      note('ticket.link', `${one.id}-copy`, one.id);
    }
  }

  it('reads the latest decision on two tickets, and leaves out what is gone', async () => {
    note('ticket.link', 'twin-0-0-1', 'twin-0-0-0');
    note('ticket.unlink', 'twin-0-0-0', 'twin-0-0-1');
    note('ticket.link', 'twin-0-0-0', 'gone');
    note('identity.read', 'twin-0-0-0', 'phone');
    const pairs = await clerkPairs(parts().store);
    assert.deepEqual(
      pairs.map(({ same }) => same),
      [false],
    );
  });

  it('reads incidents that clerks merged and split as decisions on the tickets they are named after', async () => {
    note('incident.merge', 'twin-0-0-1', 'twin-0-0-0');
    note('incident.split', 'twin-1-0-0', 'twin-1-0-1');
    // A merge that was undone: its incident is parted again.
    note('incident.merge', 'twin-2-0-0', 'twin-2-0-1');
    note('incident.split', 'twin-2-0-1', 'twin-2-0-0');
    const pairs = await clerkPairs(parts().store);
    assert.deepEqual(
      pairs.map(({ same }) => same),
      [true, false, false],
    );
  });

  it('learns nothing from what it has linked itself', async () => {
    note('ticket.unlink', 'twin-0-0-1', 'twin-0-0-0');
    const own = { seq: audited.length + 1, at: 2, by: 'system', action: 'ticket.link', mac: '' };
    audited.push({ ...own, on: ['twin-0-0-1', 'twin-0-0-0'] } as AuditRecord);
    const pairs = await clerkPairs(parts().store);
    assert.deepEqual(
      pairs.map(({ same }) => same),
      [false],
    );
  });

  it('refuses to learn from too little', async () => {
    decided(5);
    await assert.rejects(
      train(parts(), 'me', true),
      error => error instanceof DeskError && error.code === 'repeats.too_few_decided',
    );
    assert.ok(!existsSync(join(data, OWN_WEIGHTS)));
  });

  it('shows before and after, changes nothing before it is told to, and puts back what was there', async () => {
    decided(60);
    const shown = await train(parts(), 'me', false);
    assert.deepEqual([shown.applied, shown.pairs, shown.same], [false, 120, 60]);
    assert.ok(shown.heldOut > 5 && shown.after.f1 >= shown.before.f1, JSON.stringify(shown));
    assert.ok(!existsSync(join(data, OWN_WEIGHTS)));
    const applied = await train(parts(), 'me', true);
    assert.equal(applied.applied, true);
    const own = loadRepeats(RULE_PATHS.rulesFolder, data).policy.model;
    assert.equal(own.version, 'own.20260102030405');
    assert.equal(own.trainedOn['clerks'], 120);
    const back = await putBack(parts(), 'me');
    assert.equal(back.version, rules.repeats.policy.model.version);
    assert.equal(loadRepeats(RULE_PATHS.rulesFolder, data).policy.model.version, back.version);
    assert.equal((await putBack(parts(), 'me')).version, own.version);
    assert.deepEqual(
      audited.slice(-3).map(({ action }) => action),
      ['repeats.train', 'repeats.put-back', 'repeats.put-back'],
    );
  });

  it('has nothing to put back before the first training', async () => {
    await assert.rejects(
      putBack(parts(), 'me'),
      error => error instanceof DeskError && error.code === 'repeats.none_before',
    );
  });
});
