// Only a case system whose certificate holds is spoken to, and it can ask for one of ours.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { caseSystemSettings } from '../../../config/case-system.ts';
import { createCaseSystem } from '../../../gateway/dispatch/case-system.ts';
import { DOCUMENTED, exampleBodies } from '../../../gateway/dispatch/examples.ts';
import { cannotMake, makeCertificate, type TestCertificate } from '../certificates.ts';

describe('case system over TLS', () => {
  let pair: TestCertificate;
  let server: Server;
  let url: string;
  let subjects: string[];

  before(async function () {
    const reason = cannotMake();
    if (reason !== null) {
      process.stderr.write(`skipped: ${reason}\n`);
      return this.skip();
    }
    pair = makeCertificate('huisu-test');
    server = createServer({ ...pair, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      subjects.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'none'));
      request.resume().on('end', () => response.end('{"caseNumber":"T-1"}'));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    subjects = [];
  });
  after(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function send(tls: Readonly<Record<string, string>>) {
    const target = createCaseSystem({ settings: caseSystemSettings({ url, tls }), concurrency: 1 });
    try {
      return await target.send(exampleBodies(DOCUMENTED)['ticket.created']);
    } finally {
      await target.close();
    }
  }

  it('sends nothing where the certificate is signed by nobody we know', async () => {
    const verdict = await send({});
    assert.equal(verdict.kind, 'unavailable');
    assert.equal('code' in verdict && verdict.code, 'case-system.tls');
    assert.deepEqual(subjects, []);
  });

  it('sends where the configured authority has signed it', async () => {
    assert.deepEqual(await send({ ca: pair.cert }), { kind: 'delivered', caseNumber: 'T-1', status: 200 });
    assert.deepEqual(subjects, ['none']);
  });

  it('shows a certificate of its own where one is configured', async () => {
    assert.equal((await send({ ca: pair.cert, cert: pair.cert, key: pair.key })).kind, 'delivered');
    assert.deepEqual(subjects, ['huisu-test']);
  });
});
