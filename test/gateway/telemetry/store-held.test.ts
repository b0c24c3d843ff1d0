// A gateway whose embedded database another program holds for writing: it says so, takes nothing in, and goes on once that is let go.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Command } from '../../../gateway/cli/command.ts';
import { statusCommand } from '../../../gateway/cli/status.ts';
import { EXIT } from '../../../gateway/desk/desk-error.ts';
import { appealBody } from '../../platforms/app.ts';
import { type Running, runGateway } from '../running.ts';

const CALL = { by: 'tester', signal: new AbortController().signal, progress: () => undefined };
const status = statusCommand as Extract<Command, { readonly kind: 'one' }>;

describe('a gateway whose database another program holds', function () {
  this.timeout(60_000);
  let running: Running;
  let other: DatabaseSync;
  before(async () => {
    running = await runGateway({});
    other = new DatabaseSync(join(running.folder, 'data/huisu.db'), { timeout: 10_000 });
  });
  after(async () => {
    other.close();
    await running.close();
  });

  const ready = async () => fetch(new URL('/readyz', running.gateway.url));

  it('is not ready, and says in status what holds it up and that nothing is acknowledged, until it is let go', async () => {
    const { context } = running.gateway;
    other.exec('BEGIN IMMEDIATE');
    assert.equal((await running.send(appealBody())).status, 503);
    const known = await status.run(context, {}, CALL);
    assert.equal(status.exit?.(known), EXIT.unavailable);
    const said = status.text?.(known, 'en') ?? '';
    assert.match(said, /^The store does not answer, since 20.*another program.*holds huisu\.db/);
    assert.match(said, /^Nothing is acknowledged meanwhile/m);
    const answer = await ready();
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /store\.busy/);

    other.exec('ROLLBACK');
    assert.equal((await running.send(appealBody())).status, 200);
    while ((await ready()).status !== 200);
    assert.equal((await status.run(context, {}, CALL))['store'], null);
  });
});
