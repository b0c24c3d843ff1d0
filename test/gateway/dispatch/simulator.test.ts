// The simulated case system as a program of its own, as the kill test and the demo start it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { caseSystemSettings } from '../../../config/case-system.ts';
import { createCaseSystem } from '../../../gateway/dispatch/case-system.ts';
import { DOCUMENTED, exampleBodies } from '../../../gateway/dispatch/examples.ts';
import { parseFaults, type Summary } from '../../platforms/case-system.ts';

const PROGRAM = new URL('../../platforms/case-system.ts', import.meta.url).pathname;

describe('the simulated case system', () => {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-simulator-'));
  const journal = join(folder, 'journal.jsonl');
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function run<T>(work: (url: string) => Promise<T>, signal: NodeJS.Signals): Promise<T> {
    const child = spawn(process.execPath, [PROGRAM, '--journal', journal, '--faults', 'seed:5,reset-after:0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    try {
      return await work((JSON.parse(line) as { url: string }).url);
    } finally {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
  }

  it('prints its address, keeps a journal, and knows its keys again after it was killed', async () => {
    const body = exampleBodies(DOCUMENTED)['ticket.created'];
    const sendOnce = async (url: string) => {
      const target = createCaseSystem({ settings: caseSystemSettings({ url }), concurrency: 1 });
      const verdict = await target.send(body);
      await target.close();
      const summary = (await (await fetch(`${url}/_journal/summary`)).json()) as Summary;
      return { verdict, summary };
    };
    const first = await run(sendOnce, 'SIGKILL');
    assert.equal(first.summary.effects, 1);
    const second = await run(sendOnce, 'SIGTERM');
    assert.deepEqual(second.verdict, first.verdict, 'the same case number');
    assert.deepEqual([second.summary.effects, second.summary.repeats], [1, 1]);
    const lines = readFileSync(journal, 'utf8').trim().split('\n');
    assert.equal(lines.length, 2);
    assert.deepEqual(JSON.parse(lines[0] ?? '{}').body, body);
  });

  it('reads faults from a text, and refuses one it does not know', () => {
    assert.deepEqual(parseFaults('500:0.03,seed:7,reset-after:0.01'), {
      seed: 7,
      shares: { '500': 0.03, 'reset-after': 0.01 },
    });
    assert.deepEqual(parseFaults('script:500|ok|reset'), { script: ['500', null, 'reset'] });
    assert.throws(() => parseFaults('501:0.1'), /no such fault: 501/);
  });
});
