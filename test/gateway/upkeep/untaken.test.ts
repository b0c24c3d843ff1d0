// A message that nobody could read may be an appeal: erasing names it to a person, and leaves it whole.
import assert from 'node:assert/strict';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { runCommand } from '../../../gateway/control.ts';
import { openReadingBench, type ReadingBench } from '../reading/reading-bench.ts';

describe('erasing where messages became no ticket', function () {
  this.timeout(60_000);
  let bench: ReadingBench;
  afterEach(() => bench.close());

  it('lists what is quarantined and has a number of theirs, and removes nothing of it', async () => {
    bench = await openReadingBench();
    const [theirs, other] = await bench.read([
      { id: 'a', text: 'unreadable 13977770101' },
      { id: 'b', text: 'unreadable 13977770909' },
    ]);
    assert.deepEqual([theirs?.outcome.kind, other?.outcome.kind], ['quarantined', 'quarantined']);
    const { context } = bench.gateway;
    const erase = COMMANDS.find(({ name }) => name === 'erase');
    assert.ok(erase !== undefined);
    const told: unknown[] = [];
    const args = { phone: '13977770101', why: 'asked for', yes: true };
    await runCommand(
      erase,
      context,
      { args, by: 'tester' },
      new AbortController().signal,
      reply => void told.push(reply),
    );
    const found = told
      .map(reply => (reply as { result?: Readonly<Record<string, unknown>> }).result)
      .find(one => one !== undefined);
    assert.deepEqual([found?.['messages'], found?.['unread']], [[], [theirs?.number]]);
    const kept = await context.store.messages.get(theirs?.number ?? '');
    assert.ok(kept !== null && kept.wrappedContent.length > 0 && kept.sealed !== null);
  });
});
