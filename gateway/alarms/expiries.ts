// When the certificates of the settings end, read from their PEM.
import { X509Certificate } from 'node:crypto';
import type { Expiry } from './alarm.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The first end among the certificates of a PEM text (a chain is worth nothing once one of them has ended); none where it
 * holds no certificate that can be read: whoever uses it says so.
 * @param what a short name, such as `tls`
 */
export function certificateExpiries(what: string, pem: string | null): readonly Expiry[] {
  const ends = (pem?.match(CERTIFICATE) ?? []).flatMap(one => {
    try {
      return [new X509Certificate(one).validToDate.getTime()];
    } catch {
      // A broken certificate is refused where it is used, with its own words.
      return [];
    }
  });
  return ends.length === 0 ? [] : [{ what, at: Math.min(...ends) }];
}
