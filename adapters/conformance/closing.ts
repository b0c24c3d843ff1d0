// Clauses about replies and about the end of a channel.
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type AdapterDefinition, CredentialsRefused, type OutgoingReply, Unavailable } from '../contract.ts';
import { type ConformanceBench, needed, onStage, type Stage, until } from './bench.ts';
import { receiveSome } from './receive.ts';

export function replyClauses<S>(definition: AdapterDefinition<S>, bench: ConformanceBench<S>): void {
  describe('reply', () => {
    it('is sent once, with its text', () =>
      onStage(definition, bench, async on => {
        await send(on, await aReply(on, 'reply-1'));
        const sent = await needed(on.platform.replies, 'replies()').call(on.platform);
        assert.equal(sent.length, 1);
        assert.match(sent[0] ?? '', /TEST000001/);
      })).timeout(20_000);

    it('throws CredentialsRefused or Unavailable when the platform does, and is sent once it heals', () =>
      onStage(definition, bench, async on => {
        const fault = needed(on.platform.fault, 'fault(kind)').bind(on.platform);
        const reply = await aReply(on, 'reply-1');
        await fault('credentials');
        await assert.rejects(send(on, reply), CredentialsRefused);
        await fault('unavailable');
        await assert.rejects(send(on, reply), Unavailable);
        await fault(null);
        await send(on, reply);
        assert.equal((await needed(on.platform.replies, 'replies()').call(on.platform)).length, 1);
      })).timeout(20_000);
  });
}

async function aReply<S>(on: Stage<S>, key: string): Promise<OutgoingReply> {
  const [original] = await receiveSome(on, 1);
  assert.ok(original);
  const number = 'TEST000001';
  return { key, number, queryCode: `Q${number}`, text: `您的诉求已收到,编号 ${number}`, original };
}

function send<S>(on: Stage<S>, reply: OutgoingReply): Promise<void> {
  return needed(on.channel().reply, 'reply()').call(on.channel(), reply);
}

export function closingClauses<S>(definition: AdapterDefinition<S>, bench: ConformanceBench<S>): void {
  describe('close', () => {
    it('leaves no timer, socket or file open', async () => {
      await onStage(definition, bench, async () => undefined);
      const before = await handles();
      await onStage(definition, bench, async on => void (await receiveSome(on, 2)));
      let after = before;
      await until('all handles are gone', async () => {
        after = await handles();
        return after.length <= before.length;
      }).catch(() => assert.fail(`still open: ${after.join(', ')}; before: ${before.join(', ')}`));
    }).timeout(20_000);
  });
}

/** What keeps the process alive, seen from the same place each time. */
async function handles(): Promise<string[]> {
  await new Promise(resolve => setImmediate(resolve));
  return process.getActiveResourcesInfo().filter(name => name !== 'Immediate');
}
