// JSON of strangers: what is taken, and where it is said to break.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JsonProblem, type ReadJsonOptions, readJson } from '../../adapters/kit/json.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function problem(input: string | Uint8Array, options: ReadJsonOptions = {}): JsonProblem {
  try {
    readJson(typeof input === 'string' ? bytes(input) : input, options);
  } catch (error) {
    assert.ok(error instanceof JsonProblem, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: `taken: ${String(input).slice(0, 50)}` });
}

describe('json kit', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 10 }), text => {
        if (/"__proto__"|"constructor"/.test(text)) return;
        assert.deepEqual(readJson(bytes(text)), JSON.parse(text));
      }),
      { numRuns: 1_000 },
    );
    assert.deepEqual(readJson(bytes('\ufeff{"a":1}')), { a: 1 });
  });

  it('says by offset and line where a text stops being JSON', () => {
    const cases: [string, number, number][] = [
      ['', 0, 1],
      ['{', 1, 1],
      ['{"a":1,}', 7, 1],
      ['{"a" 1}', 5, 1],
      ["{'a':1}", 1, 1],
      ['[1,\n2,\n,3]', 7, 3],
      ['[1 2]', 3, 1],
      ['{"a":01}', 5, 1],
      ['{"a":tru}', 5, 1],
      ['{"a":"\n"}', 5, 1],
      ['{"a":"\\x"}', 5, 1],
      ['{}{}', 2, 1],
      ['{]', 1, 1],
      ['nul', 0, 1],
      ['[NaN]', 1, 1],
    ];
    for (const [text, offset, line] of cases) {
      const found = problem(text);
      assert.deepEqual([found.code, found.offset, found.line], ['json.malformed', offset, line], text);
    }
  });

  it('finds a place for every text that JSON.parse refuses, and repeats none of it', () => {
    const near = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom('', '"', '{', ']', ',', 'x', '\\', '0'))
      .map(([text, at, sign]) => {
        const cut = at % (text.length + 1);
        return text.slice(0, cut) + sign + text.slice(cut + 1);
      });
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), text => {
        if (/__proto__|constructor|[\ud800-\udfff]/.test(text)) return;
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) readJson(bytes(text));
        else {
          const found = problem(text);
          assert.equal(found.code, 'json.malformed');
          assert.ok(found.offset >= 0 && found.offset <= text.length);
        }
      }),
      { numRuns: 3_000 },
    );
    assert.doesNotMatch(problem('{"phone":"13800138000"x}').message, /13800138000/);
  });

  it('counts brackets before it parses, and none inside strings', () => {
    assert.deepEqual(readJson(bytes('['.repeat(32) + ']'.repeat(32))), JSON.parse('['.repeat(32) + ']'.repeat(32)));
    assert.equal(problem('['.repeat(33) + ']'.repeat(33)).code, 'json.too-deep');
    assert.equal(problem('['.repeat(33)).offset, 32);
    assert.equal(readJson(bytes(JSON.stringify('[{"\\['.repeat(100)))), '[{"\\['.repeat(100));
    assert.equal(problem('['.repeat(100_000)).code, 'json.too-deep');
  });

  it('refuses keys that reach a prototype, however they are written', () => {
    for (const [text, path] of [
      ['{"__proto__":{}}', ['__proto__']],
      ['{"b":{"constructor":1},"a":[0,{"__proto__":1}]}', ['a', 1, '__proto__']],
      ['{"\\u005f_proto__":{}}', ['__proto__']],
      ['{"constructor":{"prototype":{}}}', ['constructor', 'prototype']],
    ] as const) {
      const found = problem(text);
      assert.equal(found.code, 'json.forbidden-key', text);
      assert.deepEqual(found.path, path);
    }
    assert.deepEqual(readJson(bytes('{"constructor":"工程队"}')), { constructor: '工程队' });
  });

  it('points at the first byte that is not UTF-8', () => {
    const gbk = Buffer.concat([bytes('{"a":"\n路'), Uint8Array.of(0xc2, 0xb7, 0xb5, 0xc6), bytes('"}')]);
    const found = problem(gbk);
    assert.deepEqual([found.code, found.line], ['json.not-utf8', 2]);
    for (let good = 0; good < 300; good += 7) {
      const text = bytes('路a'.repeat(good));
      const broken = problem(Buffer.concat([text, Uint8Array.of(0xff), bytes('灯'.repeat(50))]));
      assert.ok(Math.abs(broken.offset - text.length) <= 4, `${broken.offset} for ${text.length}`);
    }
    assert.equal(problem(Uint8Array.of(0xe8, 0xb7)).code, 'json.not-utf8');
    assert.equal(problem(Uint8Array.of(0xff, 0xfe, 0x7b, 0x00)).code, 'json.not-utf8');
  });

  it('is linear: hostile 256 kB cost well under 50 ms', () => {
    const hostile = [
      '"'.padEnd(262_144, '\\'),
      '['.repeat(262_144),
      `{"a":"${'é'.repeat(130_000)}`,
      `[${'1,'.repeat(131_000)}`,
      ' '.repeat(262_144),
    ];
    for (const text of hostile) {
      const start = performance.now();
      problem(text);
      const spent = performance.now() - start;
      assert.ok(spent < 250, `${text.slice(0, 8)}… took ${spent} ms`);
    }
  });

  it('says which member of an object comes twice, where it is told to look', () => {
    const cases: [string, (string | number)[]][] = [
      ['{"a":1,"a":1}', ['a']],
      ['{"a":{"b":[0,{"c":":","d":"\\\\","c":{}}]}}', ['a', 'b', 1, 'c']],
      ['[[],["x"],{"\\u0061":1 , "b":2,"a" : 3}]', [2, 'a']],
      ['\ufeff{"":1,"":2}', ['']],
      ['{"路灯":{"路":1,"路":2},"路灯":3}', ['路灯', '路']],
      ['{"1":1,"2":{"x":"\\"1\\":"},"1":1}', ['1']],
    ];
    for (const [text, path] of cases) {
      readJson(bytes(text));
      const found = problem(text, { uniqueNames: true });
      assert.deepEqual([found.code, found.path], ['json.duplicate-key', path], text);
    }
  });

  it('takes for repeated nothing that is not', () => {
    // None that is written with an escape: V8 13.6 may read such a name as another one that holds a backslash.
    const name = fc.constantFrom('a', 'b', '', ':', 'a:', '{', '路', '😀', '1');
    const awkward = fc.constantFrom('\\', '"', 'a":', '":1}', '\\"');
    const tree = fc.letrec(tie => ({
      value: fc.oneof(fc.string(), name, awkward, fc.integer(), fc.constant(null), tie('list'), tie('object')),
      list: fc.array(tie('value'), { maxLength: 3 }),
      object: fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map(pairs => ({ pairs })),
    })).object;
    let repeated = 0;
    fc.assert(
      fc.property(tree, value => {
        const { text, twice } = written(value);
        if (twice) {
          repeated++;
          assert.equal(problem(text, { uniqueNames: true }).code, 'json.duplicate-key', text);
        } else assert.deepEqual(readJson(bytes(text), { uniqueNames: true }), JSON.parse(text));
      }),
      { numRuns: 2_000 },
    );
    assert.ok(repeated > 100);
  });
});

/** JSON of a tree whose objects are lists of pairs, and whether an object among them names a member twice. */
function written(value: unknown): { text: string; twice: boolean } {
  if (Array.isArray(value)) {
    const items = value.map(written);
    return { text: `[${items.map(({ text }) => text).join(' , ')}]`, twice: items.some(({ twice }) => twice) };
  }
  if (typeof value !== 'object' || value === null) return { text: JSON.stringify(value), twice: false };
  const { pairs } = value as { pairs: [string, unknown][] };
  const items = pairs.map(([name, inner]) => ({ name, ...written(inner) }));
  return {
    text: `{${items.map(({ name, text }) => `${JSON.stringify(name)}\n: ${text}`).join(',')}}`,
    twice: new Set(pairs.map(([name]) => name)).size < pairs.length || items.some(({ twice }) => twice),
  };
}
