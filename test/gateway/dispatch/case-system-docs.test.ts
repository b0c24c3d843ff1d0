// The contract pages for the case system's developer say what the code does.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { newSecret, secretKey, signWebhook } from '../../../adapters/kit/signature.ts';
import { caseSystemSchema } from '../../../config/case-system.ts';
import { caseEventSchema } from '../../../gateway/dispatch/case-events.ts';
import { DOCUMENTED } from '../../../gateway/dispatch/examples.ts';
import { foldNumber } from '../../../gateway/number.ts';
import { DIALECT, EVENT, madeParts, partsOf, plain, withMadeParts } from './case-system-docs.ts';

const PAGES = [
  ['en', new URL('../../../docs/case-system.md', import.meta.url)],
  ['zh', new URL('../../../docs/case-system.zh-CN.md', import.meta.url)],
] as const;

describe("the case system's contract in docs", () => {
  for (const [language, url] of PAGES) {
    it(`shows what entries look like, as the code makes them (${language})`, () => {
      const page = readFileSync(url, 'utf8');
      // HUISU_WRITE_DOCS=1 brings the pages up to date after a wanted change; the formatter goes over them next.
      if (process.env['HUISU_WRITE_DOCS'] === '1') return writeFileSync(url, withMadeParts(page, language));
      const made = madeParts(language);
      for (const [mark, part] of partsOf(page, made.keys())) assert.equal(part, plain(made.get(mark) ?? ''), mark);
    });
  }

  it('shows settings that the schema takes', () => {
    const { caseSystem } = parse(DIALECT);
    assert.equal(caseSystemSchema.validate(caseSystem).error, undefined);
  });

  it('shows an event that is taken, and numbers whose check characters hold', () => {
    assert.equal(caseEventSchema.validate(EVENT, { convert: false }).error, undefined);
    assert.equal(foldNumber(DOCUMENTED.number), DOCUMENTED.number);
    assert.equal(foldNumber(DOCUMENTED.followUp), DOCUMENTED.followUp);
  });

  it('shows Python that tells a genuine request from a forged one', function () {
    if (spawnSync('python3', ['--version']).status !== 0) {
      process.stderr.write('skipped: python3 is not installed\n');
      this.skip();
    }
    const sample = /```python\n([\s\S]*?)```/.exec(readFileSync(PAGES[0][1], 'utf8'))?.[1] ?? '';
    const secret = newSecret();
    const timestamp = Math.floor(Date.now() / 1000);
    const body = '{"id":"工单"}';
    const signature = signWebhook(secretKey(secret), { id: 'a-b', timestamp, body });
    const headers = { 'webhook-id': 'a-b', 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
    const run = (sent: string) =>
      spawnSync(
        'python3',
        [
          '-c',
          `${sample}\nimport json, sys\ni = json.load(sys.stdin)\nprint(authentic(i["s"], i["h"], i["b"].encode()))`,
        ],
        { input: JSON.stringify({ s: secret, h: headers, b: sent }), encoding: 'utf8' },
      ).stdout.trim();
    assert.equal(run(body), 'True');
    assert.equal(run(`${body} `), 'False');
  });
});
