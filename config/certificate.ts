// 证书: the certificate of listen.tls read from its files and proved usable before anything listens with it.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError, jsonPath } from './errors.ts';
import type { LoadedConfig } from './load.ts';
import type { TlsSettings } from './schema.ts';
import type { ReadOptions } from './source.ts';

/** What a TLS server is given, and how long it holds. Holds the private key: never shown, logged or sent to a thread. */
export interface Certificate {
  /** PEM: the certificate and its chain. */
  readonly cert: string;
  readonly key: string;
  readonly minVersion: TlsSettings['minVersion'];
  /** Milliseconds since the epoch; of a chain, the span in which all of it is valid. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Reads the files of `listen.tls`; null where there is none.
 * @throws ConfigError naming the setting, for a file that cannot be read, is no PEM, or does not fit the others
 */
export function readCertificate(
  { config, locate }: Pick<LoadedConfig, 'config' | 'locate'>,
  seen?: ReadOptions['seen'],
): Certificate | null {
  const { tls } = config.listen;
  if (tls === null) return null;
  const refuse = (setting: keyof TlsSettings, code: string, zh: string, en: string): never => {
    const path = ['listen', 'tls', setting];
    throw new ConfigError([{ code, path: jsonPath(path), ...locate(path), zh, en }]);
  };
  const read = (setting: 'certFile' | 'keyFile' | 'caFile', file: string): string => {
    seen?.(file);
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      const reason = (error as NodeJS.ErrnoException).code ?? 'unknown';
      return refuse(
        setting,
        'config.missing_file',
        `读不到 ${file}（${reason}）：请检查路径和权限`,
        `${file} cannot be read (${reason}): check its path and permissions`,
      );
    }
  };
  const chain = (setting: 'certFile' | 'caFile', file: string): readonly X509Certificate[] => {
    try {
      const found =
        read(setting, file)
          .match(BLOCK)
          ?.map(block => new X509Certificate(block)) ?? [];
      if (found.length > 0) return found;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
    }
    return refuse(
      setting,
      'config.tls_unusable',
      `${file} 里没有可用的 PEM 证书`,
      `${file} holds no usable PEM certificate`,
    );
  };
  const key = read('keyFile', tls.keyFile);
  const certificates = [
    ...chain('certFile', tls.certFile),
    ...(tls.caFile === null ? [] : chain('caFile', tls.caFile)),
  ] as [X509Certificate, ...X509Certificate[]];
  const privateKey =
    keyOf(key) ??
    refuse(
      'keyFile',
      'config.tls_unusable',
      `${tls.keyFile} 不是可用的 PEM 私钥（带口令的私钥请先去掉口令）`,
      `${tls.keyFile} holds no usable PEM key (one with a passphrase has to be stored without it)`,
    );
  if (!certificates[0].checkPrivateKey(privateKey)) {
    refuse(
      'keyFile',
      'config.tls_mismatch',
      `私钥 ${tls.keyFile} 与证书 ${tls.certFile} 不是一对`,
      `the key ${tls.keyFile} is not the one of the certificate ${tls.certFile}`,
    );
  }
  const cert = certificates.map(certificate => certificate.toString()).join('');
  if (!isServable(cert, key, tls.minVersion)) {
    refuse(
      'certFile',
      'config.tls_unusable',
      `证书 ${tls.certFile} 的算法或密钥长度不被接受`,
      `the certificate ${tls.certFile} has an algorithm or key length that is not accepted`,
    );
  }
  return {
    cert,
    key,
    minVersion: tls.minVersion,
    notBefore: Math.max(...certificates.map(({ validFrom }) => Date.parse(validFrom))),
    notAfter: Math.min(...certificates.map(({ validTo }) => Date.parse(validTo))),
  };
}

function keyOf(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    // OpenSSL's own words tell an operator nothing; the file that is wrong does.
    return null;
  }
}

/** A key of 1,024 bits parses well and is refused only here. */
function isServable(cert: string, key: string, minVersion: TlsSettings['minVersion']): boolean {
  try {
    createSecureContext({ cert, key, minVersion });
    return true;
  } catch {
    return false;
  }
}
