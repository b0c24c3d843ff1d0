// Self-signed certificates made for a test by the openssl of this machine, since Node itself can make keys but no certificates.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Why no certificate can be made here; null where it can. */
export function cannotMake(): string | null {
  return spawnSync('openssl', ['version']).status === 0 ? null : 'there is no openssl on this machine';
}

/** For 127.0.0.1, valid for 30 days from now. */
export function makeCertificate(name: string, bits = 2048): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-cert-'));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const request = ['req', '-x509', '-newkey', `rsa:${bits}`, '-nodes', '-days', '30', '-subj', `/CN=${name}`];
  try {
    const san = ['-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', [...request, ...san, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
