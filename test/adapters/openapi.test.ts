// The published schema and the one that checks: they must say the same of every body.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import Joi from 'joi';
import { bodySchema, querySchema } from '../../adapters/app/body.ts';
import { openApiFragment } from '../../adapters/app/openapi.ts';
import { PROBLEMS } from '../../adapters/app/problems.ts';
import { jsonSchemaOf } from '../../adapters/kit/json-schema.ts';
import { quickCheck } from '../../adapters/kit/quick-check.ts';
import { appealBody } from '../platforms/app.ts';

const fragment = openApiFragment();

describe('openapi of app', () => {
  it('has three operations, each with its own id, body and answers', () => {
    assert.deepEqual(Object.keys(fragment.paths), [
      '/hooks/{channel}',
      '/hooks/{channel}/validate',
      '/hooks/{channel}/query',
    ]);
    const ids = Object.values(fragment.paths).map(path => (path as { post: { operationId: string } }).post.operationId);
    assert.equal(new Set(ids).size, 3);
    for (const path of Object.values(fragment.paths)) {
      const { post } = path as { post: Record<string, Record<string, unknown>> };
      assert.ok(post['requestBody']?.['content']);
      for (const [status, response] of Object.entries(post['responses'] ?? {})) {
        assert.match(status, /^[245]\d\d$/);
        assert.ok(response);
      }
    }
  });

  it('refers to nothing that is not there', () => {
    const document = JSON.parse(JSON.stringify(fragment));
    const refs = [...JSON.stringify(fragment).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(match => match[1] ?? '');
    assert.ok(refs.length > 20);
    for (const ref of refs) {
      const found = ref.split('/').reduce((at, step) => at?.[step], document);
      assert.ok(found, ref);
    }
  });

  it('lists every problem under its status', () => {
    for (const [code, { status }] of Object.entries(PROBLEMS)) {
      assert.match(
        JSON.stringify(fragment.components['responses']?.[`Problem${status}`]),
        new RegExp(`/problems/${code}\``),
      );
    }
  });

  it('lists under every operation what docs/partners.md says that it answers', () => {
    const page = readFileSync(new URL('../../docs/partners.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (4\d\d|503) +\| `?([a-z0-9._-]*)`? +\|/gm)].filter(row => row[0].includes('`'));
    assert.ok(rows.length > 15);
    for (const [, status = '', code = ''] of rows) {
      for (const path of Object.values(fragment.paths)) {
        const { responses } = (path as { post: { responses: Record<string, { $ref: string }> } }).post;
        assert.ok(responses[status], `${status} ${code}`);
      }
      const described = JSON.stringify(fragment.components['responses']?.[`Problem${status}`]);
      assert.ok(described.includes(`/problems/${code}\``), `${status} ${code}`);
    }
  });

  describe('body schema', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    const validate = ajv.compile(jsonSchemaOf(bodySchema));
    const quick = quickCheck(bodySchema);
    const agree = (body: unknown): boolean => {
      const joi = bodySchema.validate(body).error === undefined;
      assert.equal(validate(body), joi, JSON.stringify(body));
      assert.equal(quick(body), joi, JSON.stringify(body));
      return joi;
    };

    it('takes and refuses the same samples as the check', () => {
      const good = [
        appealBody(),
        appealBody({}, 'appeal.test'),
        { ...appealBody(), data: { content: '' } },
        appealBody({ conversation: 'c', last: true, anonymous: true, category: ['城建'], contentFormat: 'html' }),
        appealBody({ place: { text: '幸福路', longitude: 125.9, latitude: 41.7, datum: 'GCJ02', division: '220502' } }),
        appealBody({
          attachments: [
            { name: 'a', base64: 'AAAA' },
            { name: 'b', url: 'https://e.com/b' },
            { name: 'c', sha256: 'a'.repeat(64) },
          ],
        }),
        { ...appealBody(), timestamp: '2024-01-01 08:30:05' },
        appealBody({ occurredAt: '2024-01-01' }),
      ];
      for (const body of good) assert.ok(agree(body), JSON.stringify(body));
      const bad = [
        null,
        [],
        'text',
        {},
        { ...appealBody(), extra: 1 },
        appealBody({}, 'appeal.deleted'),
        appealBody({ content: undefined }),
        appealBody({ content: 5 }),
        appealBody({ title: null }),
        appealBody({ contant: 'x' }),
        appealBody({ contentFormat: 'markdown' }),
        appealBody({ contact: { phone: 13800138000 } }),
        appealBody({ contact: { fax: '1' } }),
        appealBody({ place: { longitude: 125.9 } }),
        appealBody({ place: { longitude: 181, latitude: 0 } }),
        appealBody({ place: { division: '2205' } }),
        appealBody({ attachments: [{ name: 'a' }] }),
        appealBody({ attachments: [{ name: 'a', base64: 'AAAA', url: 'https://e.com/a' }] }),
        appealBody({ attachments: [{ name: 'a', base64: 'AAA' }] }),
        appealBody({ attachments: [{ name: 'a', url: 'ftp://e.com/a' }] }),
        appealBody({ attachments: [{ name: '', base64: 'AAAA' }] }),
        appealBody({ attachments: Array.from({ length: 21 }, () => ({ name: 'a', base64: 'AAAA' })) }),
        appealBody({ last: true }),
        appealBody({ conversation: '' }),
        appealBody({ title: 'x'.repeat(501) }),
        appealBody({ category: [''] }),
        { ...appealBody(), timestamp: '2024-13-01T00:00:00Z' },
        { ...appealBody(), timestamp: 'now' },
      ].map(body => (body === null ? null : JSON.parse(JSON.stringify(body))));
      for (const body of bad) assert.ok(!agree(body), JSON.stringify(body));
    });

    it('agrees with the check on a thousand mangled bodies', () => {
      const rich = appealBody({
        place: { text: 'x', longitude: 1, latitude: 2 },
        attachments: [{ name: 'a', base64: 'AAAA', size: 3 }],
        conversation: 'c',
        last: false,
        category: ['a'],
      });
      const paths = [...walk(rich)];
      const value = fc.oneof(
        fc.constantFrom(undefined, null, '', 'x', 0, -1, 1.5, true, [], {}, [''], { a: 1 }),
        fc.jsonValue({ maxDepth: 2 }),
      );
      fc.assert(
        fc.property(fc.constantFrom(...paths), value, (path, replacement) => {
          agree(replaced(rich, path, replacement));
        }),
        { numRuns: 1_000 },
      );
    });

    it('counts characters outside the basic plane as the check does, where the quick yes is asked first', () => {
      const limits = { title: 500, conversation: 200, subject: 200 };
      for (const [field, limit] of Object.entries(limits)) {
        for (const length of [limit / 2, limit / 2 + 1, limit, limit + 1]) {
          const extra = field === 'title' ? {} : { title: '𠮷' };
          const body = appealBody({ ...extra, [field]: '𠮷'.repeat(length) });
          assert.equal(quick(body), bodySchema.validate(body).error === undefined, `${field} ${length}`);
        }
      }
    });

    it('takes no number that the check finds too large', () => {
      for (const text of ['1e999', '9007199254740993', '1e12', '1000000000001', '-0', '1.0']) {
        const body = JSON.parse(
          JSON.stringify(appealBody({ attachments: [{ name: 'a', base64: '', size: 7 }] })).replace(
            '"size":7',
            `"size":${text}`,
          ),
        );
        body.data.attachments[0].base64 = 'AAAA';
        assert.equal(quick(body), bodySchema.validate(body).error === undefined, text);
      }
    });

    it('makes no quick yes of a schema that says more than a JSON Schema can', () => {
      const plain = (schema: Joi.ObjectSchema) => schema.prefs({ convert: false });
      const own = Joi.string().custom(value => value);
      assert.throws(() => quickCheck(plain(Joi.object({ a: own }))), /custom/);
      assert.throws(
        () => quickCheck(plain(Joi.object({ a: Joi.array().items(Joi.string().default('x')) }))),
        /default/,
      );
      assert.throws(() => quickCheck(plain(Joi.object({ a: Joi.string().invalid('x') }))), /invalid/);
      assert.throws(() => quickCheck(plain(Joi.object({ a: Joi.date() }))), /type date/);
      assert.throws(() => quickCheck(Joi.object({ a: Joi.string() })), /convert/);
    });

    it('keeps labels as titles, and descriptions', () => {
      const schema = jsonSchemaOf(querySchema) as { properties: { number: Record<string, unknown> } };
      assert.equal(schema.properties.number['title'], '工单编号');
      assert.ok(schema.properties.number['description']);
    });

    it('refuses to drop a rule between fields that it does not know', () => {
      assert.throws(() => jsonSchemaOf(Joi.object({ a: Joi.any(), b: Joi.any() }).without('a', 'b')), /without/);
    });
  });
});

function* walk(value: unknown, path: (string | number)[] = []): Iterable<(string | number)[]> {
  if (path.length > 0) yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value))
    yield* walk(child, [...path, Array.isArray(value) ? Number(key) : key]);
}

/** A copy as it would come off the wire, with one place changed or left out. */
function replaced(body: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(body);
  const parent = path.slice(0, -1).reduce((at: unknown, step) => (at as Record<string, unknown>)[step], copy);
  Object.assign(parent as object, { [path.at(-1) ?? '']: value });
  return JSON.parse(JSON.stringify(copy));
}
