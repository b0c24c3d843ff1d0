// Clauses for adapters that are called: authentic or refused, durable before answered, the same answer every time.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type AdapterDefinition, BodyTooLarge, PlatformError, Unauthentic, type WebhookAnswer } from '../contract.ts';
import { type ConformanceBench, needed, onStage, type Stage, until } from './bench.ts';
import { GARBAGE, garbage } from './garbage.ts';
import { type PlainRequest, webhookRequest } from './gateway.ts';
import { deliver } from './receive.ts';

const taken = (answer: WebhookAnswer): boolean => answer.status >= 200 && answer.status < 300;

export function webhookClauses<S>(definition: AdapterDefinition<S>, bench: ConformanceBench<S>): void {
  const stage = (play: (stage: Stage<S>) => Promise<void>) => () => onStage(definition, bench, play);

  describe('webhook', () => {
    it(
      'answers nothing before its original is durable',
      stage(async on => {
        const release = on.gateway.hold();
        let answered = false;
        const answer = deliver(on, 0).finally(() => {
          answered = true;
        });
        await until('accept() is called', () => on.gateway.held() === 1);
        await new Promise(resolve => setTimeout(resolve, 20));
        assert.equal(answered, false, 'the platform was answered while accept() still waited');
        release();
        assert.ok(taken(await answer));
        assert.equal(on.gateway.stored().length, 1);
      }),
    );

    it(
      'does not acknowledge what accept() rejected, and takes it when it comes again',
      stage(async on => {
        on.gateway.refuse(1);
        assert.equal(await refusal(() => deliver(on, 0)), 'later');
        assert.equal(on.gateway.stored().length, 0);
        assert.ok(taken(await deliver(on, 0)));
        assert.equal(on.gateway.stored().length, 1);
      }),
    );

    it(
      'gives a redelivery the same platform id and the same answer',
      stage(async on => {
        const first = await deliver(on, 0);
        const again = await deliver(on, 0);
        assert.deepEqual(shown(again), shown(first));
        assert.equal(on.gateway.stored().length, 1);
        await deliver(on, 1);
        assert.equal(on.gateway.stored().length, 2, 'two messages shared one platform id');
      }),
    );

    it(
      'answers twenty copies in flight alike and stores one',
      stage(async on => {
        const answers = await Promise.all(Array.from({ length: 20 }, () => deliver(on, 0)));
        for (const answer of answers) assert.deepEqual(shown(answer), shown(answers[0] ?? answer));
        assert.equal(on.gateway.stored().length, 1);
      }),
    );

    it(
      'takes a backlog of 200 in order while the store fails now and then',
      stage(async on => {
        for (let n = 0; n < 200; n++) {
          if (n % 23 === 5) on.gateway.refuse(2);
          let refused = await refusal(() => deliver(on, n));
          while (refused === 'later') refused = await refusal(() => deliver(on, n));
          assert.equal(refused, null, `message ${n} was refused for good`);
          assert.equal(on.gateway.stored().length, n + 1, `message ${n} was acknowledged out of order or not stored`);
        }
      }),
    ).timeout(20_000);

    it(
      'loses no garbage: refused to a sender who can mend it, else stored',
      stage(async on => {
        const make = needed(on.platform.garbage, 'garbage(bytes)').bind(on.platform);
        for (const bytes of GARBAGE) await refusedOrStored(on, make(bytes));
        await fc.assert(
          fc.asyncProperty(garbage, bytes => refusedOrStored(on, make(bytes))),
          { numRuns: 100 },
        );
      }),
    ).timeout(20_000);

    it('refuses a wrong signature and stores nothing, where the platform signs', function () {
      return onStage(definition, bench, async on => {
        const forged = on.platform.forged?.bind(on.platform);
        if (forged === undefined) {
          console.log('      no signature to forge: the platform signs nothing');
          return this.skip();
        }
        const webhook = needed(on.channel().webhook, 'a webhook');
        const answer = await webhook(webhookRequest(forged(0))).catch((error: unknown) => error);
        const refused = answer instanceof Unauthentic || [401, 403].includes((answer as WebhookAnswer).status);
        assert.ok(refused, 'a forged request was not refused');
        assert.equal(on.gateway.stored().length, 0);
      });
    });

    it('loses no second content under one platform id: it is refused, or a message of its own', function () {
      return onStage(definition, bench, async on => {
        const changed = on.platform.changed?.bind(on.platform);
        if (changed === undefined) {
          console.log('      no id to use again: the platform id comes from the content');
          return this.skip();
        }
        await deliver(on, 0);
        const answer = await needed(on.channel().webhook, 'a webhook')(webhookRequest(changed(0)));
        const { weakIds } = definition.capabilities;
        assert.equal(on.gateway.stored().length, weakIds ? 2 : 1);
        assert.equal(
          taken(answer),
          weakIds,
          weakIds
            ? 'it is stored'
            : 'id-reused stores nothing: refuse it, or declare weakIds where the sender cannot mend it',
        );
      });
    });
  });
}

function shown(answer: WebhookAnswer): unknown {
  return { ...answer, body: answer.body === undefined ? '' : Buffer.from(answer.body).toString('latin1') };
}

/** null when the request was taken, `later` when the platform is to send it again, `never` when it was refused for good. */
async function refusal(attempt: () => Promise<WebhookAnswer>): Promise<'later' | 'never' | null> {
  try {
    const answer = await attempt();
    if (taken(answer)) return null;
    return answer.status >= 500 || answer.status === 429 ? 'later' : 'never';
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return error instanceof Unauthentic ? 'never' : 'later';
  }
}

async function refusedOrStored<S>(stage: Stage<S>, request: PlainRequest): Promise<void> {
  const { definition, gateway, channel } = stage;
  const before = gateway.stored().length;
  const answer = await needed(channel().webhook, 'a webhook')(webhookRequest(request)).catch(tooLarge);
  const stored = gateway.stored().length - before;
  if (taken(answer)) {
    // The same bytes may come twice, and be known already.
    const known = gateway
      .stored()
      .some(original => Buffer.compare(original.body, request.body ?? new Uint8Array()) === 0);
    assert.ok(stored > 0 || known, 'garbage was acknowledged and not stored');
    return;
  }
  assert.equal(stored, 0, 'garbage was refused and stored');
  if (answer.status === 413) return;
  assert.ok(definition.capabilities.validates, `garbage was answered ${answer.status}, and the sender cannot mend it`);
  assert.ok(answer.status >= 400 && answer.status < 500, `garbage was answered ${answer.status}`);
}

/** Longer than the platform ever sends: the gateway answers 413 for the adapter. */
function tooLarge(error: unknown): WebhookAnswer {
  if (error instanceof BodyTooLarge) return { status: 413 };
  throw error;
}
