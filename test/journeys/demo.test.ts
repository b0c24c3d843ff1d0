// `npm run demo`: everything sent by three channels is acknowledged, becomes exactly one thing, and reaches the case system once.
import assert from 'node:assert/strict';
import { type AllFigures, type Figures, imbalances } from '../../gateway/cli/demo-figures.ts';
import { WAYS } from '../../gateway/cli/demo-platforms.ts';
import { dovecotBinary } from '../servers/dovecot.ts';
import { openPlace, type Place } from './process.ts';

describe('the demo', function () {
  this.timeout(180_000);
  let place: Place;
  beforeEach(() => {
    place = openPlace();
  });
  afterEach(() => place.remove());

  async function play(env: NodeJS.ProcessEnv): Promise<AllFigures> {
    const demo = place.run(['demo', '--json'], env);
    assert.equal(await demo.ended, 0, demo.stderr());
    return JSON.parse(demo.stdout().trim().split('\n').at(-1) ?? '') as AllFigures;
  }

  /** @param least share of the samples that must become what they should */
  function balances(
    { sent, acknowledged, tickets, held, forwarded, redeliveries, ...more }: Figures,
    least: number,
  ): void {
    const { repeats, parts, notAppeals, quarantined, deadLetters } = more;
    assert.equal(acknowledged, sent);
    assert.equal(tickets + repeats + parts + notAppeals + quarantined + redeliveries, acknowledged);
    assert.equal(forwarded + held, tickets);
    assert.equal(deadLetters, 0);
    assert.ok((more.asExpected ?? 0) >= least, String(more.asExpected));
  }

  function saysWhatDoesNotBalance(figures: AllFigures): void {
    assert.deepEqual(imbalances(figures, { effects: [] }), []);
    const lost = { ...figures, channels: { ...figures.channels } };
    lost.channels.mailbox = { ...figures.channels.mailbox, tickets: figures.channels.mailbox.tickets - 1 };
    assert.equal(imbalances(lost, { effects: [] }).length, 3);
    const twice = { kind: 'ticket.created', ticket: 'a', message: 'a' };
    assert.equal(imbalances(figures, { effects: [twice, twice] }).length, 1);
  }

  const servers = dovecotBinary() === null ? (['simulator'] as const) : (['simulator', 'Dovecot'] as const);
  for (const server of servers) {
    it(`balances in all and in each of its three channels, with mails from a ${server}`, async () => {
      const figures = await play({ HUISU_DEMO_MAIL_SERVER: server });
      assert.equal(figures.mailServer, server);
      balances(figures, 0.95);
      for (const way of WAYS) {
        // So few samples a channel that one of them is two or three in a hundred.
        balances(figures.channels[way], 0.9);
        assert.ok(figures.channels[way].sent >= 30, way);
      }
      saysWhatDoesNotBalance(figures);
    });
  }
});
