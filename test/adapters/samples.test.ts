// The signing samples of the partners' docs, each run against the real adapter where its runtime is there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bodySchema } from '../../adapters/app/body.ts';
import { adapter } from '../../adapters/app/index.ts';
import { parse } from '../../adapters/app/parse.ts';
import { PROBLEMS } from '../../adapters/app/problems.ts';
import { fakeGateway } from '../../adapters/conformance.ts';
import { jsonSchemaOf } from '../../adapters/kit/json-schema.ts';
import { checkBody } from '../../adapters/kit/schema.ts';
import { newSecret } from '../../adapters/kit/signature.ts';
import { serve } from './serve.ts';
import vectors from './vectors.json' with { type: 'json' };

const run = promisify(execFile);
const docs = new URL('../../docs/', import.meta.url);
const sample = (path: string): string => fileURLToPath(new URL(`samples/${path}`, docs));

const SAMPLES = [
  {
    title: 'curl and openssl',
    command: 'bash',
    needs: [
      ['curl', '--version'],
      ['openssl', 'version'],
    ],
    arguments: [sample('curl.sh')],
  },
  { title: 'TypeScript', command: process.execPath, needs: [], arguments: [sample('typescript/send.ts')] },
  { title: 'Python', command: 'python3', needs: [['python3', '--version']], arguments: [sample('python/send.py')] },
  { title: 'Java', command: 'java', needs: [['java', '-version']], arguments: [sample('java/Send.java')] },
] as const;

/** The first command that is not there, or null. */
async function missing(needs: readonly (readonly [string, string])[]): Promise<string | null> {
  for (const [command, argument] of needs) {
    try {
      await run(command, [argument]);
    } catch {
      return command;
    }
  }
  return null;
}

describe('signing samples', () => {
  for (const { title, command, needs, arguments: args } of SAMPLES) {
    it(`in ${title} sends an appeal that is taken`, async function () {
      const absent = await missing(needs);
      if (absent !== null) {
        console.log(`      not run: there is no ${absent} on this machine`);
        return this.skip();
      }
      const secret = newSecret();
      const settings = adapter.settings.validate({ secrets: [secret] }).value as never;
      const gateway = fakeGateway(adapter, settings);
      const channel = await adapter.open(gateway.context());
      const served = await serve(channel);
      try {
        const env = { ...process.env, HUISU_URL: served.url, HUISU_SECRET: secret };
        const { stdout } = await run(command, [...args], { env });
        const [answer, status] = stdout.trim().split('\n');
        assert.equal(status, '202', stdout);
        assert.equal(JSON.parse(answer ?? '')['number'], 'TEST000001');
        const [original] = gateway.stored();
        assert.ok(original);
        const message = parse(original, settings);
        assert.equal(message.kind === 'appeal' && message.content, '幸福路12号路灯不亮三天');
      } finally {
        gateway.stop();
        await channel.close();
        await served.close();
      }
    }).timeout(60_000);
  }

  for (const page of ['partners.md', 'partners.zh-CN.md']) {
    it(`stand beside every error code and a signature that holds, in ${page}`, async () => {
      const text = await readFile(new URL(page, docs), 'utf8');
      for (const [code, { status }] of Object.entries(PROBLEMS))
        assert.match(text, new RegExp(`\\| ${status} +\\| \`${code}\` +\\|`), code);
      const { secret, id, timestamp, body, signature } = vectors.standardWebhooks;
      for (const value of [secret, id, String(timestamp), body, signature])
        assert.ok(text.includes(`| \`${value}\``), value);
    });

    it(`have every field of the schema explained in ${page}`, async () => {
      const text = await readFile(new URL(page, docs), 'utf8');
      const fields = JSON.stringify(jsonSchemaOf(bodySchema)).matchAll(/"(\w+)":\{"title"/g);
      for (const [, field = ''] of fields)
        if (field !== 'items') assert.match(text, new RegExp(`\`(data\\.)?${field}\``), field);
    });

    it(`are named in ${page}, whose JSON is what the schema takes`, async () => {
      const text = await readFile(new URL(page, docs), 'utf8');
      for (const path of ['curl.sh', 'typescript/send.ts', 'python/send.py', 'java/Send.java'])
        assert.ok(text.includes(`samples/${path}`), path);
      const bodies = [...text.matchAll(/```json appeal\n([\s\S]*?)```/g)].map(match => JSON.parse(match[1] ?? ''));
      assert.ok(bodies.length >= 3);
      for (const body of bodies) assert.deepEqual(checkBody(bodySchema, body), { ok: true, value: body });
    });
  }
});
