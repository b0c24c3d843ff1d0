// huisu repeats evaluate and replay on a small set: figures as defined, parts never trained on, bad files told of by line.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadRepeats } from '../../../config/load-repeats.ts';
import { loadRules } from '../../../config/load-rules.ts';
import type { Terminal } from '../../../gateway/cli/command.ts';
import { LOCAL_COMMANDS } from '../../../gateway/cli/commands.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { bcubedF1, pairFigures, quantile, recallAtPrecision } from '../../../gateway/repeats/figures.ts';
import { partOf, partsOf } from '../../../gateway/repeats/folds.ts';
import {
  type LabelledIncident,
  type LabelledMessage,
  readIncidents,
  readMessages,
  readPairs,
} from '../../../gateway/repeats/labelled-files.ts';
import { replayReport } from '../../../gateway/repeats/replay.ts';
import { readAll, stream } from '../../../gateway/repeats/stream.ts';
import { RULE_PATHS } from '../../normalizer/rules.ts';
import { templateTwins } from './template-twins.ts';

const rules = { rulebook: loadRules(RULE_PATHS), repeats: loadRepeats(RULE_PATHS.rulesFolder) };
const DAY = 86_400_000;
const START = Date.parse('2025-11-03T08:00:00+08:00');

function said(id: string, day: number, requester: string, title: string, content: string): LabelledMessage {
  return { id, time: START + day * DAY, title, content, requester, incident: null };
}

const HEAT = '枫林家园3号楼供暖一个月了，屋里只有15度，给暖兴供热公司打了好几次电话，都说管道老化，一直没人来修。';
const MESSAGES = [
  said('a', 0, 'zhang', '枫林家园暖气不热', HEAT),
  said('b', 1, 'li', '枫林家园暖气不热', `${HEAT}我家在三楼，也是这样。`),
  said(
    'c',
    2,
    'wang',
    '滨江西路路灯不亮',
    '滨江西路从桥头到市场的路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。',
  ),
  said(
    'd',
    3,
    'wang',
    '滨江西路路灯不亮',
    '滨江西路从桥头到市场的路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修，反映过一次了。',
  ),
  said('e', 4, 'zhao', '驾校收钱不给练车', '在永兴驾校交了三千元学费，一年了只练过两次车，要求退费，教练说退不了。'),
];

describe('figures of recognised pairs', () => {
  const scored = [
    { score: 0.9, same: true },
    { score: 0.8, same: true },
    { score: 0.7, same: false },
    { score: 0.6, same: true },
    { score: 0.1, same: false },
  ];

  it('are precision, recall and F1 at a threshold', () => {
    const { precision, recall, f1 } = pairFigures(scored, 0.65);
    assert.deepEqual(
      [precision, recall, f1].map(one => Math.round(one * 1000)),
      [667, 667, 667],
    );
  });

  it('take pairs of one score together for the recall at a precision', () => {
    assert.equal(recallAtPrecision(scored, 0.95), 2 / 3);
    const even = [...scored, { score: 0.8, same: false }];
    assert.equal(recallAtPrecision(even, 0.95), 1 / 3);
    assert.equal(recallAtPrecision([{ score: 1, same: false }], 0.95), 0);
  });

  it('weigh clusters by B-cubed, over what has a true one only', () => {
    const truth = new Map([
      ['a', '1'],
      ['b', '1'],
      ['c', '2'],
    ]);
    assert.equal(
      bcubedF1(
        new Map([
          ['a', 'x'],
          ['b', 'x'],
          ['c', 'y'],
          ['z', 'x'],
        ]),
        truth,
      ),
      1,
    );
    // All in one: precision (2/3 + 2/3 + 1/3) / 3, recall 1.
    const lumped = bcubedF1(
      new Map([
        ['a', 'x'],
        ['b', 'x'],
        ['c', 'x'],
      ]),
      truth,
    );
    assert.ok(Math.abs(lumped - (2 * (5 / 9)) / (5 / 9 + 1)) < 1e-9);
    assert.deepEqual([quantile([5, 1, 3], 0.5), quantile([], 0.5)], [3, 0]);
  });
});

describe('parts', () => {
  it('are the SHA-256 of the incident, or of the message where it has none, modulo their number', () => {
    const whole = BigInt(`0x${createHash('sha256').update('inc0001').digest('hex')}`);
    assert.equal(partOf('inc0001', 5), Number(whole % 5n));
    const incidents = [{ id: 'inc0001', members: ['a', 'b'] }];
    const parts = partsOf({ messages: MESSAGES, incidents }, 5);
    assert.deepEqual(
      [parts.get('a'), parts.get('b'), parts.get('e')],
      [partOf('inc0001', 5), partOf('inc0001', 5), partOf('e', 5)],
    );
  });
});

describe('a replay', function () {
  this.timeout(60_000);

  it('counts one merge a message, right where both are in one incident, and leaves copies out', async () => {
    const messages = [
      ...MESSAGES,
      { ...(MESSAGES[4] as LabelledMessage), id: 'f', requester: 'qian', time: START + 5 * DAY },
    ];
    const incidents = [
      { id: 'heat', members: ['a', 'b'] },
      { id: 'lamp', members: ['c', 'd'] },
    ];
    const streamed = await stream(messages, await readAll(messages, rules), rules.repeats, () => rules.repeats.policy);
    const report = replayReport(streamed, messages, incidents);
    const links = streamed.map(({ decision }) => decision.links.find(link => link.suggested !== true)?.of ?? null);
    assert.deepEqual(links, [null, 'a', null, 'c', null, 'e']);
    // The copy of e is in no incident: it counts neither as right nor as wrong.
    assert.deepEqual([report.repeats, report.mergedRight, report.mergedWrong, report.missed], [2, 2, 0, 0]);
    assert.deepEqual(
      [report.r1, report.r20, report.mergePrecision, report.mergedShare, report.bcubedF1],
      [1, 1, 1, 1, 1],
    );
    const others = [
      { id: 'x', members: ['a', 'e'] },
      { id: 'y', members: ['b', 'c'] },
    ];
    const apart = replayReport(streamed, messages, others);
    assert.deepEqual([apart.mergedRight, apart.mergedWrong, apart.firstsMergedFalsely], [0, 2, 1]);
    // a and b stand in two incidents; of c and d nobody has said anything.
    assert.equal(apart.mergedUnjudged, 1);
    const judged = [{ a: 'd', b: 'c', same: false, kind: '', incident: null }];
    assert.equal(replayReport(streamed, messages, others, judged).mergedUnjudged, 0);
    assert.equal(replayReport(streamed, messages, [incidents[0] as LabelledIncident]).judgedPrecision, 1);
  });

  it('links no template twin of the written set by itself', async () => {
    const twins = templateTwins();
    assert.equal(twins.length, 200);
    const messages = twins.flat();
    const { policy } = rules.repeats;
    const streamed = await stream(messages, await readAll(messages, rules), rules.repeats, () => policy);
    const pairOf = (id: string) => id.slice(0, id.lastIndexOf('-'));
    const linked = streamed.flatMap(({ message: { id }, decision }) =>
      decision.links
        .filter(link => link.suggested !== true && pairOf(link.of) === pairOf(id))
        .map(link => `${id} to ${link.of} by ${link.score}`),
    );
    assert.deepEqual(linked, []);
  });
});

describe('huisu repeats evaluate and replay', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-repeats-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string, rows: readonly unknown[]) => {
    const path = join(folder, name);
    writeFileSync(path, rows.map(row => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
    return path;
  };
  const messageFile = () =>
    file(
      'messages.jsonl',
      // The other names of the fields, and not in their order.
      MESSAGES.toReversed().map(({ id, time, title, content, requester }) => ({
        id,
        time: new Date(time).toISOString(),
        title,
        body: content,
        user: requester,
      })),
    );
  async function run(name: string, args: Record<string, string | number>) {
    const told: string[] = [];
    const terminal: Terminal = {
      language: 'en',
      json: true,
      env: {},
      configFile: undefined,
      out: line => told.push(line),
      err: () => undefined,
    };
    const command = LOCAL_COMMANDS.find(one => one.name === name);
    assert.ok(command !== undefined);
    assert.equal(await command.run(terminal, args), 0);
    return JSON.parse(told.at(-1) as string) as Record<string, unknown>;
  }

  it('print one object with the figures by their names', async () => {
    const pairs = [
      { id_a: 'a', id_b: 'b', same_incident: true, kind: 'near' },
      { id_a: 'a', id_b: 'e', same_incident: false, kind: 'far' },
    ];
    const found = await run('repeats evaluate', { messages: messageFile(), pairs: file('pairs.jsonl', pairs) });
    assert.deepEqual([found['precision'], found['recall'], found['f1'], found['recallAtPrecision95']], [1, 1, 1, 1]);
    assert.deepEqual(Object.keys(found['kinds'] as object), ['far', 'near']);
    const incidents = [{ incident: 'heat', members: ['a', 'b'] }];
    const replayed = await run('repeats replay', {
      messages: messageFile(),
      incidents: file('incidents.jsonl', incidents),
    });
    for (const key of [
      'r1',
      'r5',
      'r20',
      'mergedRight',
      'mergedWrong',
      'missed',
      'mergePrecision',
      'mergedShare',
      'firstsMergedFalsely',
      'bcubedF1',
      'p50Ms',
      'p99Ms',
    ]) {
      assert.equal(typeof replayed[key], 'number', key);
    }
  });

  it('name file, line and reason of what is not as described, and measure nothing', () => {
    const known = new Set(['a', 'b']);
    const cases: readonly (readonly [RegExp, () => unknown])[] = [
      [
        /line 2/,
        () => readMessages(file('m', [{ id: 'a', time: '2020-01-01T00:00:00Z', title: '', content: 'x' }, '{'])),
      ],
      [
        /line 2.*earlier/,
        () =>
          readMessages(
            file(
              'm',
              ['a', 'a'].map(id => ({ id, time: '2020-01-01T00:00:00Z', title: '', content: 'x' })),
            ),
          ),
      ],
      [/line 1.*time/, () => readMessages(file('m', [{ id: 'a', time: 'noon', title: '', content: 'x' }]))],
      [/line 1.*content/, () => readMessages(file('m', [{ id: 'a', time: '2020-01-01T00:00:00Z', title: '' }]))],
      [/line 1.*no message z/, () => readPairs(file('p', [{ id_a: 'a', id_b: 'z', same_incident: true }]), known)],
      [/line 1.*itself/, () => readPairs(file('p', [{ id_a: 'a', id_b: 'a', same_incident: true }]), known)],
      [/line 1.*same_incident/, () => readPairs(file('p', [{ id_a: 'a', id_b: 'b', same_incident: 'yes' }]), known)],
      [
        /line 2.*two incidents/,
        () =>
          readIncidents(
            file(
              'i',
              ['x', 'y'].map(incident => ({ incident, members: ['a', 'b'] })),
            ),
            known,
          ),
      ],
      [/line 1.*members/, () => readIncidents(file('i', [{ incident: 'x', members: ['a'] }]), known)],
    ];
    for (const [sentence, read] of cases) {
      assert.throws(read, error => error instanceof DeskError && sentence.test(error.message), String(sentence));
    }
  });

  it('refuse parts where there is too little to train on, and need their files', async () => {
    const pairs = file('p.jsonl', [{ id_a: 'a', id_b: 'b', same_incident: true }]);
    await assert.rejects(run('repeats evaluate', { messages: messageFile() }), /--pairs/);
    await assert.rejects(run('repeats evaluate', { messages: join(folder, 'none'), pairs }), /none/);
    assert.deepEqual(readdirSync(folder).sort(), ['messages.jsonl', 'p.jsonl'], 'something was written');
  });
});
