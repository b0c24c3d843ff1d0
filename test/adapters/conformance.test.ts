// The suite itself: a sound adapter passes it, and each bad habit fails the clause that is there for it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const mocha = fileURLToPath(import.meta.resolve('mocha/bin/mocha.js'));

interface Report {
  readonly stats: { readonly passes: number };
  readonly failures: readonly { readonly title: string }[];
}

/** Titles of the clauses that fail for an adapter with a habit. */
function failures(fixture: string, habit: string): Promise<readonly string[]> {
  const file = fileURLToPath(new URL(`fixtures/${fixture}.ts`, import.meta.url));
  return new Promise((resolve, reject) => {
    const env = { ...process.env, BAD_HABIT: habit };
    execFile(
      process.execPath,
      [mocha, '--no-config', '--exit', '--reporter', 'json', file],
      { env },
      (error, stdout) => {
        try {
          const { stats, failures: failed } = JSON.parse(stdout.slice(stdout.indexOf('{\n'))) as Report;
          assert.ok(stats.passes > 3);
          resolve(failed.map(({ title }) => title));
        } catch (unexpected) {
          reject(error ?? unexpected);
        }
      },
    );
  });
}

const HABITS: Record<string, Record<string, string>> = {
  'push-box': {
    'shows its secret': 'labels every setting in Chinese and marks the secret ones',
    'believes everybody': 'refuses a wrong signature and stores nothing, where the platform signs',
    'drops garbage': 'loses no garbage: refused to a sender who can mend it, else stored',
    'makes up ids': 'gives a redelivery the same platform id and the same answer',
    'answers first': 'answers nothing before its original is durable',
    'swallows a failing store': 'does not acknowledge what accept() rejected, and takes it when it comes again',
    'acknowledges what was not stored':
      'loses no second content under one platform id: it is refused, or a message of its own',
    'answers differently': 'answers twenty copies in flight alike and stores one',
    'knows no sender': 'gives a redelivery the same platform id and the same answer',
    'gives numbers for texts': 'parses the same bytes to the same message and leaves them as they are',
  },
  'poll-box': {
    'labels nothing': 'labels every setting in Chinese and marks the secret ones',
    'parses differently each time': 'parses the same bytes to the same message and leaves them as they are',
    'throws on garbage': 'parses garbage to a message or says Unreadable, and nothing else',
    'acknowledges first': 'leaves a message undone at its source until its original is durable',
    'takes two for one':
      'takes a backlog of 200 in order through a failing store and a restart, none lost and none twice',
    'calls errors by no name': 'calls wrong credentials by their name, or has none among its settings',
    'replies twice': 'is sent once, with its text',
    'leaves a timer': 'leaves no timer, socket or file open',
  },
};

describe('conformance suite', () => {
  for (const [fixture, habits] of Object.entries(HABITS)) {
    it(`passes a sound ${fixture}`, async () => {
      assert.deepEqual(await failures(fixture, 'none'), []);
    }).timeout(60_000);
    for (const [habit, clause] of Object.entries(habits)) {
      it(`fails a ${fixture} that ${habit}`, async () => {
        const failed = await failures(fixture, habit);
        assert.ok(failed.includes(clause), `failed: ${failed.join('; ')}`);
      }).timeout(60_000);
    }
  }
});
