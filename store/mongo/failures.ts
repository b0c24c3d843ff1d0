// What the driver's errors mean for whoever uses the store: an outage in one sentence with its place, or a defect of ours as it is.
import mongoose from 'mongoose';
import { StoreUnavailable } from '../errors.ts';

const { MongoError, MongoNetworkError, MongoNetworkTimeoutError, MongoServerSelectionError } = mongoose.mongo;

export const WORDS = {
  unreachable:
    '连不上 MongoDB：请检查 store.url 的地址、端口与网络。 / MongoDB cannot be reached: check address, port and network of store.url.',
  refused:
    'MongoDB 拒绝登录：请检查 store.url 的用户名、密码与 authSource。 / MongoDB refused the login: check user, password and authSource of store.url.',
  notAllowed:
    '该 MongoDB 账号没有所需的权限：在其库上授予 readWrite。 / The account may not do this at MongoDB: grant it readWrite on its database.',
  address: 'store.url 不是有效的 MongoDB 地址。 / store.url is no MongoDB address.',
  failed: 'MongoDB 未能完成操作，未作任何承诺。 / MongoDB did not complete the operation; nothing was promised.',
  closed: '存储已关闭。 / The store is closed.',
};

/** Codes by which a server says that user or password are wrong. */
const AUTHENTICATION = new Set([18, 8000]);
/** The code by which it says that nobody has signed in, or that the account may not do this. */
const UNAUTHORIZED = 13;

/** Where a database is: its setting, and hosts and ports without who signs in there. */
export interface Place {
  readonly setting: string;
  readonly servers: string;
}

/** What connecting rejects with. */
export function refusalOf(error: unknown, place: Place): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  const { name, code } = error as { name?: string; code?: unknown };
  const options = { cause: error, place: `${place.setting} ${place.servers}` };
  if (name === 'MongoParseError' || name === 'MongoInvalidArgumentError') {
    return new StoreUnavailable('store.mongo_address', WORDS.address, options);
  }
  const refused = refusedLogin(code, options);
  if (refused !== null) return refused;
  return new StoreUnavailable('store.mongo_unreachable', WORDS.unreachable, {
    cause: error,
    place: placed(error, [place]),
  });
}

function refusedLogin(
  code: unknown,
  options: ErrorOptions & { readonly place?: string | null },
): StoreUnavailable | null {
  if (code === UNAUTHORIZED) return new StoreUnavailable('store.mongo_not_allowed', WORDS.notAllowed, options);
  if (typeof code !== 'number' || !AUTHENTICATION.has(code)) return null;
  return new StoreUnavailable('store.mongo_login_refused', WORDS.refused, options);
}

/** Hosts and ports of an address, without who signs in by it. */
export function serversOf(url: string): string {
  return (
    url
      .replace(/^[a-z+]+:\/\//i, '')
      .replace(/[/?].*$/s, '')
      .split('@')
      .at(-1) ?? ''
  );
}

/** Places with what is known of the reason; of two databases the one that the error is about, where it says so. null: nothing is known. */
function placed(error: unknown, places: readonly Place[]): string | null {
  const asked = [...((error as Selection).reason?.servers?.keys() ?? [])];
  const meant = places.filter(({ servers }) => asked.some(server => servers.split(',').includes(server)));
  const named = (meant.length === 0 ? places : meant).map(({ setting, servers }) => `${setting} ${servers}`).join(', ');
  const known = [named, reasonOf(error)].filter(one => one !== null && one !== '');
  return known.length === 0 ? null : known.join(': ');
}

/** What a driver that found no server to ask knows of each. */
interface Selection {
  readonly reason?: { readonly servers?: ReadonlyMap<string, { readonly error?: unknown }> };
}

const NETWORK_CODE = /^[A-Z][A-Z0-9_]+$/;

/**
 * Beneath what the driver says stands the network's own code (`ECONNREFUSED`, `ENOTFOUND`, what is wrong with a certificate),
 * a deadline that ran out, or the server's name for what it could not do (`OutOfDiskSpace`, `NotWritablePrimary`).
 */
function reasonOf(error: unknown, depth = 0): string | null {
  if (!(error instanceof Error) || depth > 6) return null;
  const { code, codeName } = error as Error & { readonly code?: unknown; readonly codeName?: unknown };
  if (typeof code === 'string' && NETWORK_CODE.test(code)) return code;
  if (typeof codeName === 'string' && /^[A-Za-z]{1,60}$/.test(codeName)) return codeName;
  const below = [error.cause, ...[...((error as Selection).reason?.servers?.values() ?? [])].map(one => one.error)];
  const found = below.map(one => reasonOf(one, depth + 1)).find(one => one !== null);
  return found ?? (error instanceof MongoNetworkTimeoutError ? 'ETIMEDOUT' : null);
}

/** What the port rejects with, for whatever the driver threw. A defect of ours is thrown as it is. */
export function unavailable(error: unknown, places: readonly Place[]): unknown {
  if (!(error instanceof Error) || error instanceof StoreUnavailable) return error;
  // Not all of the driver's own are called by its name (`PoolClearedOnNetworkError`).
  if (!(error instanceof MongoError) && !error.name.startsWith('Mongo')) return error;
  if (error.name === 'MongoNotConnectedError' || error.name === 'MongoClientClosedError') return closed(error);
  const options = { cause: error, place: placed(error, places) };
  const refused = refusedLogin((error as { code?: unknown }).code, options);
  if (refused !== null) return refused;
  const lost = error instanceof MongoNetworkError || error instanceof MongoServerSelectionError;
  return lost
    ? new StoreUnavailable('store.mongo_unreachable', WORDS.unreachable, options)
    : new StoreUnavailable('store.mongo_failed', WORDS.failed, options);
}

export function closed(cause?: unknown): StoreUnavailable {
  return new StoreUnavailable('store.closed', WORDS.closed, { cause });
}
