// What the HTTP side may change while it runs: proxies that are believed, the outside address, connections, the certificate.
import type { Server } from 'node:http';
import { type ServerOptions, Server as TlsServer } from 'node:https';
import { addressList } from '../../adapters/kit/address.ts';
import type { Certificate } from '../../config/certificate.ts';
import type { Config } from '../../config/schema.ts';

/** The part of `listen` that takes effect at once. */
export type FrontSettings = Pick<Config['listen'], 'publicUrl' | 'trustedProxies' | 'maxConnections'>;

export interface Front {
  /** Whether an address is that of a proxy whose X-Forwarded-For and X-Forwarded-Proto are believed. */
  trusts(address: string): boolean;
  /** '' or the outside address without a slash at the end. */
  readonly base: string;
  /** Takes up new settings; connections that are open go on as they began. */
  set(settings: FrontSettings): void;
}

export function createFront(settings: FrontSettings): Front {
  let [trusts, base] = read(settings);
  return {
    trusts: address => trusts(address),
    get base() {
      return base;
    },
    set(next) {
      [trusts, base] = read(next);
    },
  };
}

function read({ trustedProxies, publicUrl }: FrontSettings): [(address: string) => boolean, string] {
  return [addressList(trustedProxies), (publicUrl ?? '').replace(/\/+$/, '')];
}

/** A client that opens a connection and says nothing holds it no longer than one that sends no head. */
const HANDSHAKE_MS = 10_000;

/** Options of a TLS server. */
export function tlsOptions(certificate: Certificate): ServerOptions {
  return { ...contextOf(certificate), handshakeTimeout: HANDSHAKE_MS };
}

/** New connections get the new certificate; those that are open keep the one they began with. */
export function renewCertificate(server: Server | TlsServer, certificate: Certificate): void {
  if (server instanceof TlsServer) server.setSecureContext(contextOf(certificate));
}

function contextOf({ cert, key, minVersion }: Certificate) {
  // Sessions are tickets of TLS 1.3 or short-lived ones of this process: nothing of them outlives a restart.
  return { cert, key, minVersion };
}
