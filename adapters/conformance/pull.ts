// Clauses for adapters that fetch or hold a connection: done at the source only once durable, nothing lost on the way.
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type AdapterDefinition, CredentialsRefused, Unavailable } from '../contract.ts';
import { type ConformanceBench, needed, onStage, type Stage, until } from './bench.ts';
import { pull } from './receive.ts';

const BACKLOG = 200;

export function pullClauses<S>(definition: AdapterDefinition<S>, bench: ConformanceBench<S>): void {
  const stage = (play: (stage: Stage<S>) => Promise<void>) => () => onStage(definition, bench, play);

  describe('poll and listen', () => {
    it(
      'leaves a message undone at its source until its original is durable',
      stage(async on => {
        await needed(on.platform.put, 'put(n)').call(on.platform, 0);
        const release = on.gateway.hold();
        const pulling = pull(on, () => on.gateway.stored().length === 1);
        await until('accept() is called', () => on.gateway.held() > 0);
        assert.deepEqual(await done(on), []);
        release();
        await pulling;
        if (on.platform.acknowledged !== undefined) {
          await until('the source has it as done', async () => (await done(on)).includes(0));
        }
      }),
    ).timeout(20_000);

    it(
      'takes a backlog of 200 in order through a failing store and a restart, none lost and none twice',
      stage(async on => {
        const put = needed(on.platform.put, 'put(n)').bind(on.platform);
        for (let n = 0; n < BACKLOG; n++) await put(n);
        on.gateway.refuse(2, 1);
        await pull(on, () => on.gateway.stored().length > 0);
        await on.reopen();
        on.gateway.refuse(1);
        await pull(on, () => on.gateway.stored().length >= BACKLOG);
        const ids = on.gateway.stored().map(original => original.platformId);
        assert.equal(new Set(ids).size, BACKLOG, 'messages lost or doubled');
        assert.equal(ids.length, BACKLOG);
        const numberOf = on.platform.numberOf?.bind(on.platform);
        if (numberOf === undefined) return;
        assert.deepEqual(
          on.gateway.stored().map(numberOf),
          ids.map((_, n) => n),
          'the order of the source was lost',
        );
      }),
    ).timeout(60_000);

    it(
      'takes up what comes later',
      stage(async on => {
        const put = needed(on.platform.put, 'put(n)').bind(on.platform);
        await put(0);
        await pull(on, () => on.gateway.stored().length === 1);
        await put(1);
        await pull(on, () => on.gateway.stored().length === 2);
        assert.equal(on.gateway.stored().length, 2);
      }),
    ).timeout(20_000);

    it('calls wrong credentials by their name, or has none among its settings', async () => {
      if (await hasNoCredentials(bench)) {
        return assert.deepEqual(secretSettings(definition), [], 'a secret that no fault refuses');
      }
      await withFault(definition, bench, 'credentials', error =>
        assert.ok(error instanceof CredentialsRefused, String(error)),
      );
    }).timeout(20_000);

    it('calls an outage Unavailable and goes on after it', () =>
      withFault(definition, bench, 'unavailable', error =>
        assert.ok(error instanceof Unavailable, String(error)),
      )).timeout(20_000);
  });
}

async function hasNoCredentials<S>(bench: ConformanceBench<S>): Promise<boolean> {
  const platform = await bench.start();
  await platform.stop();
  return platform.credentials === false;
}

interface Described {
  readonly metas?: readonly { readonly secret?: boolean }[];
  readonly keys?: Readonly<Record<string, Described>>;
}

/** Names of the settings that are marked secret, at any depth. */
function secretSettings<S>({ settings }: AdapterDefinition<S>): readonly string[] {
  const within = ({ keys = {} }: Described): readonly string[] =>
    Object.entries(keys).flatMap(([name, field]) => [
      ...((field.metas ?? []).some(({ secret }) => secret === true) ? [name] : []),
      ...within(field),
    ]);
  return within(settings.describe() as Described);
}

async function done<S>({ platform }: Stage<S>): Promise<readonly number[]> {
  return (await platform.acknowledged?.()) ?? [];
}

/** Opens and pulls while the platform misbehaves, checks the error, heals the platform, and wants the message. */
async function withFault<S>(
  definition: AdapterDefinition<S>,
  bench: ConformanceBench<S>,
  kind: 'credentials' | 'unavailable',
  check: (error: unknown) => void,
): Promise<void> {
  await onStage(definition, bench, async on => {
    const fault = needed(on.platform.fault, 'fault(kind)').bind(on.platform);
    await needed(on.platform.put, 'put(n)').call(on.platform, 0);
    await fault(kind);
    check(await failure(on));
    assert.equal(on.gateway.stored().length, 0);
    await fault(null);
    await on.reopen();
    await pull(on, () => on.gateway.stored().length === 1);
    assert.equal(on.gateway.stored().length, 1);
  });
}

/** The error of opening anew, or of one poll, or of a connection held. */
async function failure<S>(on: Stage<S>): Promise<unknown> {
  try {
    const channel = await on.reopen();
    const signal = AbortSignal.timeout(5_000);
    if (channel.poll !== undefined) await channel.poll(signal);
    else await needed(channel.listen, 'poll() or listen()').call(channel, signal);
  } catch (error) {
    return error;
  }
  return new Error('nothing was thrown');
}
