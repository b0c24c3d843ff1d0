// The shipped weights and topics hold what they may, and a broken file is refused with its path.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../config/errors.ts';
import { loadRepeats, OWN_WEIGHTS } from '../../config/load-repeats.ts';
import { FEATURES } from '../../normalizer/features.ts';
import { RULE_PATHS } from '../normalizer/rules.ts';

const folder = RULE_PATHS.rulesFolder;
const shipped = join(folder, 'repeats', 'weights.json');
const { topics, policy } = loadRepeats(folder);
const pairs = Array.from({ length: topics.pairs.length / 2 }, (_, at) => topics.pairs.slice(at * 2, at * 2 + 2));
/** Messages the topics were trained on; not part of the product. */
const APPEALS = process.env['HUISU_TRAINING_APPEALS'] ?? '';

describe('the shipped weights', () => {
  it('are small, say what they were trained on, and hold numbers only', () => {
    const { model } = policy;
    assert.ok(readFileSync(shipped).length < 1_000_000);
    assert.match(model.made, /^\d{4}-\d\d-\d\d$/);
    assert.ok((model.trainedOn['pairs'] ?? 0) > 0);
    // What was reached on pairs it was not trained on; less than this is a step back.
    assert.ok((model.figures['f1'] ?? 0) >= 0.91 && (model.figures['recallAtPrecision95'] ?? 0) >= 0.84);
    assert.deepEqual([...model.features], [...FEATURES]);
    assert.doesNotMatch(readFileSync(shipped, 'utf8'), /[\u4e00-\u9fff]/);
  });

  it('have topics of everyday pairs of characters, each once, none the name of a province or a city', () => {
    assert.ok(pairs.every(pair => /^[\u4e00-\u9fff]{2}$/.test(pair)));
    assert.equal(new Set(pairs).size, pairs.length);
    const names = readFileSync(join(folder, 'china.yaml'), 'utf8').match(/[\u4e00-\u9fff]{2,}/g) ?? [];
    const places = new Set(
      names.map(name => name.replace(/(?:省|市|区|县|盟|州)$/, '')).filter(name => name.length === 2),
    );
    assert.deepEqual(
      pairs.filter(pair => places.has(pair)),
      [],
    );
  });

  it('were seen in ten messages of five senders, where the messages are at hand', function () {
    if (!existsSync(APPEALS)) {
      console.log('      skipped: name the folder of the messages in HUISU_TRAINING_APPEALS');
      return this.skip();
    }
    const seen = new Map(pairs.map(pair => [pair, { count: 0, senders: new Set<string>() }]));
    for (const name of readdirSync(APPEALS).filter(one => one.endsWith('.jsonl'))) {
      for (const line of readFileSync(join(APPEALS, name), 'utf8').split('\n').filter(Boolean)) {
        const { title = '', body = '', content = '', user = '' } = JSON.parse(line) as Record<string, string>;
        const text = `${title} ${body} ${content}`.replace(/[\s_x000D]+/g, '');
        const found = new Set(Array.from({ length: text.length - 1 }, (_, at) => text.slice(at, at + 2)));
        for (const pair of found) {
          const known = seen.get(pair);
          if (known === undefined) continue;
          known.count += 1;
          known.senders.add(user);
        }
      }
    }
    const rare = [...seen].filter(([, { count, senders }]) => count < 10 || senders.size < 5).map(([pair]) => pair);
    assert.deepEqual(rare, []);
  });
});

describe('weights of the data folder', () => {
  let data: string;
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'huisu-weights-'));
    mkdirSync(join(data, 'repeats'));
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));
  const write = (text: string) => writeFileSync(join(data, OWN_WEIGHTS), text);

  it('stand in for the shipped ones', () => {
    assert.equal(loadRepeats(folder, data).policy.model.version, policy.model.version);
    write(JSON.stringify({ ...policy.model, version: 'own.1' }));
    assert.equal(loadRepeats(folder, data).policy.model.version, 'own.1');
  });

  it('of a version that knew fewer features are read still', () => {
    const { model } = policy;
    const known = FEATURES.slice(0, -2);
    const first = (figures: Readonly<Record<string, number>>) =>
      Object.fromEntries(known.map(name => [name, figures[name] as number]));
    const linear = { ...model.linear, weights: first(model.linear.weights), means: first(model.linear.means) };
    const trees = { bias: 0, trees: [[[0, 0.5, 1, 2], [-1], [1]]] };
    const before = { ...model, version: 'own.0', features: known, linear, trees };
    write(JSON.stringify(before));
    assert.equal(loadRepeats(folder, data).policy.model.version, 'own.0');
    const asksForMore = { bias: 0, trees: [[[known.length, 0.5, 1, 2], [-1], [1]]] };
    write(JSON.stringify({ ...before, trees: asksForMore }));
    assert.throws(() => loadRepeats(folder, data), ConfigError);
  });

  it('are refused with their path where they are broken; the shipped ones stay usable', () => {
    const { model } = policy;
    const broken = [
      '{',
      '[]',
      JSON.stringify({ ...model, features: model.features.slice(1) }),
      JSON.stringify({ ...model, linear: { ...model.linear, weights: {} } }),
      JSON.stringify({ ...model, trees: { bias: 0, trees: [[[0, 0.5, 0, 0]]] } }),
      JSON.stringify({ ...model, trees: { bias: 0, trees: [[[0, 0.5, 1, 9], [1]]] } }),
    ];
    for (const text of broken) {
      write(text);
      assert.throws(
        () => loadRepeats(folder, data),
        error => error instanceof ConfigError && error.problems.every(({ file }) => file === join(data, OWN_WEIGHTS)),
        text.slice(0, 40),
      );
    }
    assert.equal(loadRepeats(folder).policy.model.version, model.version);
  });
});
