// huisu read evaluate: figures that can be checked by hand, files of several forms, and what is said of a bad one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCommands } from '../../../gateway/cli/read.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { choiceFigures } from '../../../gateway/evaluation/class-figures.ts';
import { placeFigures } from '../../../gateway/evaluation/place-figures.ts';

describe('read evaluate', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-evaluate-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function evaluate(lines: readonly unknown[], options: { json?: boolean; misread?: boolean } = {}) {
    const file = join(folder, 'messages.jsonl');
    writeFileSync(file, lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
    const printed: string[] = [];
    const terminal = {
      language: 'zh' as const,
      json: options.json ?? true,
      env: {},
      configFile: undefined,
      out: (line: string) => printed.push(line),
      err: () => undefined,
    };
    assert.equal(await readCommands[0]!.run(terminal, { file, misread: options.misread ?? false }), 0);
    return { printed, figures: JSON.parse(printed.at(-1) as string) as Record<string, unknown> };
  }

  it('counts category, type and urgency as read, and takes other names of a class for the class', async () => {
    const { figures } = await evaluate([
      { id: 'a', title: '拖欠工资', content: '老板拖欠工资三个月', category1: '劳动和社会保障', type: '求助' },
      { id: 'b', body: '饭店后厨太脏，担心食品安全', category1: '卫生计生', category2: '食品药品' },
      { text: '我家厨房燃气泄漏了', urgency: '紧急' },
      { content: '请问燃气费怎么交', urgency: '一般', type: '咨询' },
      { segmented: '老板 拖欠 工资 三个月', category1: '教育文体' },
    ]);
    assert.deepEqual([figures['rows'], figures['categoryRows'], figures['categoryMicroF1']], [5, 3, 0.6667]);
    assert.equal(figures['category2MicroF1'], 1);
    assert.deepEqual([figures['urgencyRecall'], figures['urgencyPrecision'], figures['urgencyF1']], [1, 1, 1]);
    assert.equal(figures['typeRows'], 2);
    assert.equal('placesF1' in figures, false);
  });

  it('prints tables without --json, what was misread when asked, and one object in the end', async () => {
    const { printed, figures } = await evaluate([{ id: 'x', content: '老板拖欠工资', category1: '民政' }], {
      json: false,
      misread: true,
    });
    assert.equal(printed[0], '{"id":"x","field":"category1","expected":"民政","got":"劳动和社会保障"}');
    assert.match(printed.join('\n'), /民政 +1 +0 +0 +0 +劳动和社会保障 1/);
    assert.equal(figures['categoryMacroF1'], 0);
  });

  it('averages over classes, not over messages', () => {
    const choices = [...Array(8).fill({ expected: 'a', got: 'a' }), { expected: 'b', got: 'a' }];
    const figures = choiceFigures([...choices, { expected: 'b', got: null }]);
    assert.deepEqual([figures?.macroF1, figures?.microF1], [0.4706, 0.8]);
    assert.deepEqual(figures?.byClass[1]?.takenFor, { a: 1, '-': 1 });
    assert.equal(choiceFigures([]), null);
  });

  it('counts a place once a message, right only with its words and its kind', () => {
    const figures = placeFigures([
      {
        expected: [
          { text: '新华大街', kind: 'road' },
          { text: '枫林家园', kind: 'estate' },
        ],
        found: [
          { text: '新华大街', kind: 'road' },
          { text: '新华大街', kind: 'road' },
          { text: '枫林家园', kind: 'road' },
          { text: '东昌区', kind: 'division' },
        ],
      },
    ]);
    assert.deepEqual([figures?.precision, figures?.recall, figures?.f1], [0.5, 0.5, 0.5]);
    assert.deepEqual(figures?.byKind[0], { kind: 'road', expected: 1, precision: 0.5, recall: 1, f1: 0.6667 });
  });

  const good = { content: '路灯坏了', urgency: '一般' };
  const bad: readonly (readonly [unknown, RegExp])[] = [
    ['{"content": ', /line 2: not valid JSON/],
    ['[1]', /line 2: no JSON object/],
    [
      { urgency: '一般' },
      /line 2: "content or body or text" is missing|line 2: "content" or "body" or "text" is missing/,
    ],
    [{ content: 7, urgency: '一般' }, /line 2: "content" is no text/],
    [{ content: '路灯坏了' }, /line 2: nothing is expected/],
    [{ content: '路灯坏了', urgency: '急' }, /line 2: "urgency" is none of 一般, 紧急, 复杂/],
    [{ content: '路灯坏了', type: '吐槽' }, /line 2: "type" is none of/],
    [{ content: '路灯坏了', places: '新华大街' }, /line 2: "places" is no list/],
    [{ content: '路灯坏了', places: [{ kind: 'road' }] }, /line 2: a place is without its "text"/],
    [{ content: '路灯坏了', places: [{ text: '新华大街', kind: 'street' }] }, /line 2: "kind" of a place is none of/],
    [{ text: '新华路', chars: ['新'], tags: [] }, /line 2: "chars" and "tags" are no lists of one length/],
  ];
  for (const [line, reason] of bad) {
    it(`tells line and reason: ${reason.source}`, async () => {
      await assert.rejects(evaluate([good, line]), error => error instanceof DeskError && reason.test(error.message));
    });
  }

  it('refuses a file that is not there or holds nothing', async () => {
    await assert.rejects(evaluate([]), /holds nothing/);
    const terminal = { language: 'en' as const, json: true, env: {}, configFile: undefined };
    const silent = { out: () => undefined, err: () => undefined };
    const file = join(folder, 'missing.jsonl');
    await assert.rejects(readCommands[0]!.run({ ...terminal, ...silent }, { file }), /cannot be read/);
  });
});
