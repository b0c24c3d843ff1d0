// Every answer a case system can give gets its verdict, within the limits of time and size, and without following anything.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CaseSystemSettings, caseSystemSettings } from '../../../config/case-system.ts';
import { type CaseSystem, createCaseSystem } from '../../../gateway/dispatch/case-system.ts';
import type { EntryBody } from '../../../gateway/dispatch/entry-body.ts';
import { type CaseSystemSimulator, type Fault, startCaseSystem } from '../../platforms/case-system.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

function body(kind: EntryBody['kind'] = 'ticket.created', message = '2611239ABCDEFGHJK'): EntryBody {
  return {
    id: `${message}:0:${kind}`,
    kind,
    ticket: '2611239ABCDEFGHJK',
    message,
    revision: 0,
    urgent: false,
    createdAt: '2026-11-23T10:00:00+08:00',
    caseNumber: null,
    data: { joins: null, withdrawnAt: null },
  };
}

describe('case system', () => {
  let simulator: CaseSystemSimulator;
  let target: CaseSystem;
  const open = async (
    written: Readonly<Record<string, unknown>> = {},
    simulated: Parameters<typeof startCaseSystem>[0] = {},
  ): Promise<void> => {
    simulator = await startCaseSystem(simulated);
    const settings: CaseSystemSettings = caseSystemSettings({
      url: simulator.url,
      deadlines: { connect: 1, headers: 0.3, body: 0.3, total: 0.6 },
      ...written,
    });
    target = createCaseSystem({ settings, concurrency: 4 });
  };
  afterEach(async () => {
    await target.close();
    await simulator.close();
  });

  it('takes an answer with a case number for a delivery', async () => {
    await open();
    assert.deepEqual(await target.send(body()), { kind: 'delivered', caseNumber: 'CASE-1', status: 200 });
    assert.equal(simulator.lines[0]?.key, '2611239ABCDEFGHJK:0:ticket.created');
  });

  const verdicts: readonly (readonly [Fault, string, string])[] = [
    ['500', 'unknown', 'case-system.failed'],
    ['502', 'unknown', 'case-system.failed'],
    ['503', 'unavailable', 'case-system.busy'],
    ['429', 'unavailable', 'case-system.busy'],
    ['401', 'unavailable', 'case-system.credentials'],
    ['422', 'refused', 'case-system.refused'],
    ['timeout', 'unknown', 'case-system.timeout'],
    ['timeout-after', 'unknown', 'case-system.timeout'],
    ['reset', 'unknown', 'case-system.broken-off'],
    ['reset-after', 'unknown', 'case-system.broken-off'],
    ['slow-body', 'unknown', 'case-system.timeout'],
    ['html', 'unknown', 'case-system.not-understood'],
    ['redirect', 'unknown', 'case-system.redirect'],
    ['wrong-body', 'unknown', 'case-system.not-understood'],
    ['giant-body', 'unknown', 'case-system.answer-too-long'],
  ];
  for (const [fault, kind, code] of verdicts) {
    it(`answers ${fault} with "${kind}" (${code})`, async () => {
      await open({}, { faults: { script: [fault] } });
      const from = performance.now();
      const verdict = await target.send(body());
      assert.equal(verdict.kind, kind);
      assert.equal('code' in verdict && verdict.code, code);
      assert.ok(performance.now() - from < 2500, 'within the total deadline');
      assert.equal(simulator.lines.length, 1, 'nothing but the one request was made');
    });
  }

  it('reads no more of an endless answer than it is allowed to', async () => {
    await open({ maxAnswerKb: 64 }, { faults: { script: ['giant-body'], repeat: true } });
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 20; i++) assert.equal((await target.send(body())).kind, 'unknown');
    assert.ok(process.memoryUsage().rss - before < 50 * 1024 * 1024);
  });

  it('carries what Retry-After asks for', async () => {
    await open({}, { faults: { script: ['429'] }, retryAfter: 7 });
    const verdict = await target.send(body());
    assert.equal('retryAfterMs' in verdict && verdict.retryAfterMs, 7000);
  });

  it('knows that nothing arrived where nobody listens', async () => {
    await open();
    await simulator.close();
    const verdict = await target.send(body());
    assert.equal(verdict.kind, 'unavailable');
    assert.equal('code' in verdict && verdict.code, 'case-system.unreachable');
  });

  it('knows that nothing arrived where there is no TLS', async () => {
    await open();
    const other = createCaseSystem({
      settings: caseSystemSettings({ url: simulator.url.replace('http:', 'https:') }),
      concurrency: 1,
    });
    const verdict = await other.send(body());
    await other.close();
    assert.equal(verdict.kind, 'unavailable');
    assert.equal('code' in verdict && verdict.code, 'case-system.tls');
  });

  it('signs what it sends and what it asks', async () => {
    await open({ auth: { kind: 'signature', secret: SECRET }, lookUp: { path: '/entries/{key}' } }, { secret: SECRET });
    assert.equal((await target.send(body())).kind, 'delivered');
    const found = await target.lookUp({ id: body().id, kind: 'ticket.created', ticket: body().ticket });
    assert.deepEqual(found, { kind: 'found', caseNumber: 'CASE-1' });
    assert.equal(simulator.summary().badSignatures, 0);
  });

  it('is refused without the right signature, which is no dead letter', async () => {
    await open({}, { secret: SECRET });
    const verdict = await target.send(body());
    assert.equal(verdict.kind, 'unavailable');
    assert.equal('code' in verdict && verdict.code, 'case-system.credentials');
  });

  it('asks about a notice only where the question can tell notices apart', async () => {
    await open({ lookUp: { path: '/tickets/{number}' } });
    await target.send(body());
    const ask = (kind: EntryBody['kind']) => target.lookUp({ id: body(kind).id, kind, ticket: body().ticket });
    assert.deepEqual(await ask('ticket.created'), { kind: 'found', caseNumber: 'CASE-1' });
    assert.equal(await ask('ticket.followed-up'), null);
    assert.deepEqual(await target.lookUp({ id: 'x', kind: 'ticket.created', ticket: 'OTHER' }), { kind: 'not-found' });
  });

  describe('of a foreign dialect', () => {
    const dialect = {
      paths: { 'ticket.created': '/order/push', 'ticket.link-undone': null },
      mapping: {
        fields: {
          default: [
            { to: 'order.no', from: 'ticket' },
            { to: 'type', value: 'DISPATCH' },
          ],
        },
      },
      success: {
        statuses: [200],
        path: 'code',
        values: ['0000'],
        retryValues: ['0009'],
        caseNumber: 'data.orderNo',
      },
    };

    it('finds success and the case number where the settings say', async () => {
      await open(dialect, { dialect: 'code' });
      assert.deepEqual(await target.send(body()), { kind: 'delivered', caseNumber: 'CASE-1', status: 200 });
      assert.deepEqual(simulator.lines[0]?.body, { order: { no: body().ticket }, type: 'DISPATCH' });
      assert.equal(simulator.lines[0]?.path, '/order/push');
    });

    it('takes HTTP 200 with another code for a refusal, with one of the retry values for "not now"', async () => {
      await open(dialect, { dialect: 'code', faults: { script: ['business-reject', 'business-busy'] } });
      const refusal = await target.send(body());
      assert.equal(refusal.kind, 'refused');
      assert.match(('detail' in refusal && refusal.detail) || '', /^0001: /);
      assert.equal((await target.send(body())).kind, 'unavailable');
    });

    it('sends nothing of a kind they do not take', async () => {
      await open(dialect, { dialect: 'code' });
      assert.equal(target.takes('ticket.link-undone'), false);
      assert.equal((await target.send(body('ticket.link-undone'))).kind, 'delivered');
      assert.equal(simulator.lines.length, 0);
    });

    it('keeps a case number that is too long a number exact', async () => {
      await open(dialect, { dialect: 'code' });
      const server = createServer((_request, response) => {
        response.setHeader('content-type', 'application/json;charset=GBK');
        response.end('{"code":"0000","data":{"orderNo":6054768590064713728}}');
      });
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const other = createCaseSystem({ settings: caseSystemSettings({ ...dialect, url }), concurrency: 1 });
      const verdict = await other.send(body());
      await other.close();
      server.close();
      assert.deepEqual(verdict, { kind: 'delivered', caseNumber: '6054768590064713728', status: 200 });
    });
  });
});
