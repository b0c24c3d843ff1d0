// The try-out tells an operator what to change before the first real ticket goes out.
import assert from 'node:assert/strict';
import { caseSystemSettings } from '../../../config/case-system.ts';
import { TRY_MARK, type TryReport, tryCaseSystem } from '../../../gateway/dispatch/try.ts';
import { type CaseSystemOptions, startCaseSystem } from '../../platforms/case-system.ts';
import { freshNumbers } from './workbench.ts';

async function tryOut(
  simulated: CaseSystemOptions,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly report: TryReport; readonly text: string }> {
  const simulator = await startCaseSystem(simulated);
  try {
    const report = await tryCaseSystem(
      caseSystemSettings({
        url: simulator.url,
        deadlines: { connect: 1, headers: 0.3, body: 0.3, total: 0.5 },
        ...settings,
      }),
      freshNumbers(),
      Date.now(),
    );
    return { report, text: JSON.stringify(simulator.lines.map(line => line.body)) };
  } finally {
    await simulator.close();
  }
}

const verdicts = (report: TryReport) => report.results.map(result => `${result.kind} ${result.verdict}`);

describe('case system try-out', () => {
  it('sends one marked entry of each kind, repeats the first, and looks it up', async () => {
    const { report, text } = await tryOut({}, { lookUp: { path: '/tickets/{number}' } });
    assert.deepEqual(verdicts(report), [
      'ticket.created delivered',
      'repeated delivered',
      'look-up found',
      'ticket.followed-up delivered',
      'ticket.corrected delivered',
      'ticket.link-undone delivered',
      'ticket.withdrawn delivered',
    ]);
    assert.equal(report.ok, true);
    assert.equal(text.split(TRY_MARK).length - 1, 8, 'title and content of the four that have any');
    assert.ok(report.results.every(result => /\p{Script=Han}/u.test(result.adviceZh) && result.adviceEn !== ''));
  });

  it('says that one key made two cases', async () => {
    const { report } = await tryOut({ idempotent: false, freshCaseNumbers: true });
    const repeated = report.results.find(result => result.kind === 'repeated');
    assert.equal(repeated?.ok, false);
    assert.match(repeated?.adviceZh ?? '', /未实现幂等/);
  });

  it('tells what to change for each thing that is wrong', async () => {
    const cases = [
      ['html', 'case-system.not-understood', /caseSystem\.success/],
      ['401', 'case-system.credentials', /caseSystem\.auth/],
      ['redirect', 'case-system.redirect', /caseSystem\.url/],
      ['timeout', 'case-system.timeout', /deadlines/],
      ['422', 'case-system.refused', /dead-letters replay/],
    ] as const;
    for (const [fault, code, advice] of cases) {
      const { report } = await tryOut({ faults: { script: [fault], repeat: true } });
      assert.equal(report.ok, false);
      assert.equal(report.results.length, 5);
      assert.equal(report.results[0]?.code, code);
      assert.match(report.results[0]?.adviceEn ?? '', advice);
    }
  });

  it('shows their words with personal data masked, and skips kinds they do not take', async () => {
    const { report } = await tryOut(
      { dialect: 'code', faults: { script: ['business-reject'], repeat: true } },
      {
        paths: { 'ticket.link-undone': null, 'ticket.withdrawn': null },
        success: { statuses: [200], path: 'code', values: ['0000'], caseNumber: 'data.orderNo' },
      },
    );
    assert.equal(report.results[0]?.answer, '0001: 必填字段缺失 ***');
    assert.deepEqual(verdicts(report).slice(-2), ['ticket.link-undone not-sent', 'ticket.withdrawn not-sent']);
  });
});
