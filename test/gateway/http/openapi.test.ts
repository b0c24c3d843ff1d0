// /openapi.json of a running gateway: what it answers, good or bad, is what the document says.
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { newSecret, secretKey, webhookHeaders } from '../../../adapters/kit/signature.ts';
import { appealBody } from '../../platforms/app.ts';
import { type Running, runGateway } from '../running.ts';

const SECRET = newSecret();

interface Response {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>;
}

describe('the OpenAPI document', () => {
  let running: Running;
  let document: object;
  let ajv: Ajv2020;

  before(async () => {
    running = await runGateway({ caseSystem: { url: 'http://127.0.0.1:9', events: { secrets: [SECRET] } } });
    document = (await (await fetch(`${running.gateway.url}/openapi.json`)).json()) as object;
    ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema(document, 'all');
  });
  after(() => running.close());

  /** Signs, sends, and holds the answer against what the document says of that path and status. */
  async function agrees(path: string, secret: string, body: string, status: number, code?: string): Promise<void> {
    const { url, firstChannel } = running.gateway;
    const headers = webhookHeaders([secretKey(secret)], {
      id: `id-${Math.random()}`,
      body: Buffer.from(body),
      now: Date.now(),
    });
    const to = path.replace('{channel}', firstChannel?.id ?? '');
    const sent = {
      method: 'POST',
      body,
      headers: { ...headers, 'content-type': 'application/json', prefer: 'wait=10' },
    };
    const answer = await fetch(url + to, sent);
    const text = await answer.text();
    assert.equal(answer.status, status, text);
    const found = described(['paths', path, 'post', 'responses', String(status)]) as Response;
    const media = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const schema = found.content[media]?.schema.$ref ?? assert.fail(`${path} ${status} says nothing of ${media}`);
    assert.ok(ajv.validate(`all${schema}`, JSON.parse(text)), `${text}: ${ajv.errorsText()}`);
    if (code === undefined) return;
    assert.equal(JSON.parse(text).type, `/problems/${code}`);
    assert.ok(found.description.includes(`/problems/${code}\``), `${code} in: ${found.description}`);
  }

  /** What stands at the end of a way through the document, references followed. */
  function described(way: readonly string[]): unknown {
    let at: unknown = document;
    for (const step of way) {
      at = (at as Record<string, unknown>)[step];
      const ref = (at as { $ref?: string } | undefined)?.$ref;
      if (ref !== undefined) at = described(ref.slice(2).split('/'));
    }
    return at;
  }

  it('says what a channel answers', async () => {
    const secret = running.gateway.firstChannel?.secret ?? '';
    const good = JSON.stringify(appealBody());
    await agrees('/hooks/{channel}', secret, good, 200);
    await agrees('/hooks/{channel}/validate', secret, good, 200);
    const { number } = await running.appeal('路灯坏了三天，请修一下');
    await agrees('/hooks/{channel}/query', secret, JSON.stringify({ number }), 200);
    for (const path of ['/hooks/{channel}', '/hooks/{channel}/validate', '/hooks/{channel}/query']) {
      await agrees(path, newSecret(), good, 401, 'app.unauthentic');
      await agrees(path, secret, '{', 400, 'not-json');
      await agrees(path, secret, '{"a":1,"a":2}', 400, 'duplicate-key');
      await agrees(path, secret, '{"number":1}', 422, 'invalid');
      await agrees(path, secret, `"${'x'.repeat(300_000)}"`, 413, 'body-too-large');
    }
    await agrees('/hooks/{channel}/query', secret, '{"number":"x"}', 404, 'not-found');
  });

  it('says what the case system is answered', async () => {
    const { number } = await running.appeal('井盖不见了，在幸福路12号门前');
    const event = { eventId: 'e1', number, type: 'accepted', at: new Date().toISOString() };
    const path = '/case-system/events';
    assert.ok(ajv.validate('all#/components/schemas/CaseEvent', event), ajv.errorsText());
    await agrees(path, SECRET, JSON.stringify(event), 200);
    await agrees(path, SECRET, JSON.stringify(event), 200);
    await agrees(path, newSecret(), JSON.stringify(event), 401, 'case-event.unauthentic');
    await agrees(path, SECRET, '{"type":1,"type":2}', 400, 'case-event.not-json');
    await agrees(path, SECRET, JSON.stringify({ ...event, typ: 1 }), 422, 'case-event.invalid');
    await agrees(path, SECRET, JSON.stringify({ ...event, number: 'x' }), 404, 'case-event.unknown-ticket');
    await agrees(path, SECRET, `"${'x'.repeat(70_000)}"`, 413, 'case-event.too-large');
  });
});
