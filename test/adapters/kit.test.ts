// The small parts of the kit: words for wrong bodies, hostile multipart, and rates.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import Joi from 'joi';
import { MultipartProblem, readMultipart } from '../../adapters/kit/multipart.ts';
import { both, pointer, problemAnswer } from '../../adapters/kit/problem.ts';
import { rateLimit } from '../../adapters/kit/rate.ts';
import { checkBody, didYouMean } from '../../adapters/kit/schema.ts';

describe('schema kit', () => {
  const schema = Joi.object({
    name: Joi.string().max(3).required(),
    'a/b~c': Joi.number().min(2).max(5),
    list: Joi.array()
      .items(Joi.object({ deep: Joi.boolean() }))
      .max(2),
    kind: Joi.string().valid('x', 'y'),
  })
    .required()
    .prefs({ convert: false });
  const codes = (value: unknown): [string, string][] => {
    const checked = checkBody(schema, value);
    return checked.ok ? [] : checked.errors.map(error => [error.pointer, error.code]);
  };

  it('names each fault by pointer and code', () => {
    assert.deepEqual(codes({ name: 'abc', 'a/b~c': 3, list: [{ deep: true }], kind: 'x' }), []);
    assert.deepEqual(codes({}), [['/name', 'required']]);
    assert.deepEqual(codes({ name: 'abcd' }), [['/name', 'too-long']]);
    assert.deepEqual(codes({ name: '' }), [['/name', 'empty']]);
    assert.deepEqual(codes({ name: 'a', 'a/b~c': 9 }), [['/a~1b~0c', 'out-of-range']]);
    assert.deepEqual(codes({ name: 'a', 'a/b~c': 1 }), [['/a~1b~0c', 'out-of-range']]);
    assert.deepEqual(codes({ name: 'a', kind: 'z' }), [['/kind', 'not-allowed']]);
    assert.deepEqual(codes({ name: 'a', list: [{}, { deep: 1 }] }), [['/list/1/deep', 'wrong-type']]);
    assert.deepEqual(codes({ name: 'a', list: [{}, {}, {}] }), [['/list', 'too-long']]);
    assert.deepEqual(codes([]), [['', 'wrong-type']]);
    assert.deepEqual(codes(null), [['', 'wrong-type']]);
  });

  it('finds the field that was meant at any depth', () => {
    const checked = checkBody(schema, { name: 'a', list: [{ depe: true }] });
    assert.match(checked.ok ? '' : (checked.errors[0]?.detail ?? ''), /did you mean deep\?/);
  });

  it('tells at most fifty faults, with short pointers, however many there are', () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`${'x'.repeat(1_000)}${n}`, 1]));
    const checked = checkBody(schema, many);
    assert.ok(!checked.ok && checked.errors.length === 50);
    for (const error of checked.errors) assert.ok(error.pointer.length <= 301);
  });

  it('suggests only what is near', () => {
    const known = ['content', 'contact', 'externalId'];
    assert.equal(didYouMean('contant', known), 'content');
    assert.equal(didYouMean('external-id', known), 'externalId');
    assert.equal(didYouMean('cotnact', known), 'contact');
    for (const far of ['', 'x', 'telephone', '__proto__', 'c'.repeat(10_000)])
      assert.equal(didYouMean(far, known), null, far);
  });
});

describe('problem kit', () => {
  it('writes RFC 9457 with both languages, and pointers by RFC 6901', () => {
    const answer = problemAnswer({
      status: 422,
      code: 'invalid',
      title: { zh: '不对', en: 'Wrong' },
      instance: '/hooks/a',
    });
    assert.equal(answer.headers?.['content-type'], 'application/problem+json; charset=utf-8');
    const body = { type: '/problems/invalid', title: '不对 · Wrong', status: 422, instance: '/hooks/a' };
    assert.deepEqual(JSON.parse(String(answer.body)), body);
    assert.equal(both({ zh: '一', en: 'one' }), '一 · one');
    assert.equal(pointer(['a/b', 0, 'm~n', '']), '/a~1b/0/m~0n/');
    assert.equal(pointer([]), '');
  });
});

describe('multipart kit', () => {
  const limits = { firstPart: 100, file: 50, allFiles: 80, files: 3 };
  const type = 'multipart/form-data; boundary=b';
  const part = (head: string, body: string): string => `--b\r\n${head}\r\n\r\n${body}\r\n`;
  const first = part(
    'Content-Disposition: form-data; name="a"; filename="a.json"\r\nContent-Type: application/json',
    '{"a":"路"}',
  );
  const file = (body: string): string =>
    part('Content-Disposition: form-data; name="f"; filename="路.txt"\r\nContent-Type: text/plain', body);
  const end = '--b--\r\n';
  const read = (
    text: string | Uint8Array,
    step = 7,
    seen: (bytes: Uint8Array) => void | Promise<void> = () => undefined,
  ) => {
    const bytes = Buffer.from(text as string);
    const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, n) =>
      bytes.subarray(n * step, n * step + step),
    );
    return readMultipart(Readable.from(chunks, { objectMode: false }), type, limits, ({ bytes: got }) => seen(got));
  };
  const code = (expected: string) => (error: unknown) => error instanceof MultipartProblem && error.code === expected;

  it('gives the first part as it was sent and the files by digest, however the bytes are cut', async () => {
    for (const step of [1, 7, 10_000]) {
      let seen = '';
      const files = await read(first + file('eins') + file('zwei') + end, step, bytes => {
        seen = Buffer.from(bytes).toString();
      });
      assert.equal(seen, '{"a":"路"}');
      assert.deepEqual(
        files.map(({ name, mediaType, bytes }) => [name, mediaType, Buffer.from(bytes).toString()]),
        [
          ['路.txt', 'text/plain', 'eins'],
          ['路.txt', 'text/plain', 'zwei'],
        ],
      );
    }
  });

  it('gives the bytes of a first part that has no file name, with and without a charset', async () => {
    for (const charset of [
      '',
      '\r\nContent-Type: application/json',
      '\r\nContent-Type: application/json; charset=utf-8',
    ]) {
      const body = `${part(`Content-Disposition: form-data; name="a"${charset}`, '{"a":"路é"}')}${end}`;
      await read(body, 7, bytes => assert.equal(Buffer.from(bytes).toString(), '{"a":"路é"}'));
    }
  });

  it('reads no file before the first part was found good', async () => {
    const refusal = new Error('no');
    let pulled = 0;
    const chunks = [first, ...Array.from({ length: 1_000 }, () => file('x'.repeat(40))), end];
    const stream = Readable.from(
      (function* () {
        for (const chunk of chunks) {
          pulled++;
          yield Buffer.from(chunk);
        }
      })(),
      { objectMode: false, highWaterMark: 1 },
    );
    const reading = readMultipart(stream, type, limits, async () => {
      await new Promise(resolve => setImmediate(resolve));
      throw refusal;
    });
    await assert.rejects(reading, refusal);
    assert.ok(pulled < 500, `${pulled} chunks were read`);
  });

  it('holds its limits', async () => {
    const big = part('Content-Disposition: form-data; name="a"; filename="a.json"', 'x'.repeat(101));
    await assert.rejects(read(big + end), code('multipart.first-part-too-large'));
    await assert.rejects(
      read(part('Content-Disposition: form-data; name="a"', 'x'.repeat(101)) + end),
      code('multipart.first-part-too-large'),
    );
    await assert.rejects(read(first + file('x'.repeat(51)) + end), code('multipart.file-too-large'));
    await assert.rejects(read(first + file('x'.repeat(45)) + file('x'.repeat(45)) + end), code('multipart.too-large'));
    await assert.rejects(
      read(first + file('1') + file('2') + file('3') + file('4') + end),
      code('multipart.too-many-files'),
    );
    await assert.rejects(
      read(first + first.replace('; filename="a.json"', '').replace('application/json', 'text/plain') + end),
      code('multipart.malformed'),
    );
  });

  it('refuses what is cut off or no multipart', async () => {
    await assert.rejects(read(end), code('multipart.first-part-missing'));
    for (const text of ['', 'x', first, first + file('1').slice(0, -8)]) {
      await assert.rejects(read(text), MultipartProblem, JSON.stringify(text));
    }
    await assert.rejects(
      async () => readMultipart(Readable.from([]), 'multipart/form-data', limits, () => undefined),
      code('multipart.malformed'),
    );
  });

  it('passes on what ended the stream, unless it was the connection', async () => {
    const busy = new Error('busy');
    const broken = (error: Error) =>
      readMultipart(
        new Readable({
          read() {
            this.destroy(error);
          },
        }),
        type,
        limits,
        () => undefined,
      );
    await assert.rejects(broken(busy), busy);
    await assert.rejects(
      broken(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
      code('multipart.malformed'),
    );
  });

  it('survives mangled bodies: files, or a MultipartProblem, and always an end', async () => {
    const whole = Buffer.from(first + file('eins') + file('zwei') + end);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length),
        fc.nat(20),
        fc.uint8Array({ maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        async (at, cut, extra, step) => {
          const mangled = Buffer.concat([whole.subarray(0, at), extra, whole.subarray(at + cut)]);
          try {
            await read(mangled, step);
          } catch (error) {
            assert.ok(error instanceof MultipartProblem, String(error));
          }
        },
      ),
      { numRuns: 500 },
    );
  }).timeout(20_000);
});

describe('rate kit', () => {
  it('lets the rate and the burst through, tells the others how long to wait, and each key has its own', () => {
    const limit = rateLimit({ ratePerSecond: 3, burst: 2, clock: () => 0 });
    assert.deepEqual(
      Array.from({ length: 8 }, () => limit.take('a')),
      [0, 0, 0, 0, 0, 1, 1, 1],
    );
    assert.equal(limit.take('b'), 0);
  });

  it('fills again at the rate, up to the rate and the burst', () => {
    let now = 5000;
    const limit = rateLimit({ ratePerSecond: 2, burst: 1, clock: () => now });
    const through = (asked: number) => Array.from({ length: asked }, () => limit.take('a')).filter(wait => wait === 0);
    assert.equal(through(5).length, 3);
    now += 1000;
    assert.equal(through(5).length, 2);
    now += 60_000;
    assert.equal(through(9).length, 3);
  });

  it('knows a rate without bursts', () => {
    let now = 0;
    const limit = rateLimit({ ratePerSecond: 1, burst: 0, clock: () => now });
    assert.equal(limit.take('a'), 0);
    assert.equal(limit.take('a'), 1);
    now = 999;
    assert.equal(limit.take('a'), 1);
    now = 1001;
    assert.equal(limit.take('a'), 0);
  });

  it('forgets keys of which nothing is left to know', () => {
    let now = 0;
    const limit = rateLimit({ ratePerSecond: 1, burst: 0, clock: () => now });
    for (let i = 0; i < 20_000; i++) assert.equal(limit.take(`sender ${i}`), 0);
    assert.equal(limit.take('sender 19999'), 1);
    // However many come, whoever has used up the rate is remembered.
    assert.equal(limit.take('sender 0'), 1);
    now = 2000;
    for (let i = 0; i < 20_000; i++) assert.equal(limit.take(`sender ${i}`), 0);
  });
});
