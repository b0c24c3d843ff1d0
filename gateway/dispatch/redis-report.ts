// What Redis says of itself (INFO) and what of it would lose jobs in silence; and what its errors mean for a queue.
import type { QueueFault } from './queue.ts';

/** Kinds of error by which Redis says why it does not do what was asked; each stands in its answer as a word of its own, at the
 *  beginning or, where a script ran into it, further on. */
const KINDS: Readonly<Record<string, QueueFault['code']>> = {
  NOAUTH: 'queue.refused',
  WRONGPASS: 'queue.refused',
  NOPERM: 'queue.refused',
  READONLY: 'queue.unwritable',
  MISCONF: 'queue.unwritable',
  NOREPLICAS: 'queue.unwritable',
  MASTERDOWN: 'queue.unwritable',
  OOM: 'queue.full',
  LOADING: 'queue.unreachable',
};
const KIND = new RegExp(`\\b(${Object.keys(KINDS).join('|')})\\b`);
/** Of Redis 7 where a script asks for a key, or calls what its user may not. */
const SCRIPT_REFUSED = /user executing the script can't/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH/;
const NO_DATABASE = /DB index is out of range|invalid DB index/i;

/** What an error of Redis, its client or the network between them means; null where it says nothing of the queue as a whole. */
export function faultOf(error: unknown): QueueFault | null {
  if (!(error instanceof Error)) return null;
  const kind = KIND.exec(error.message)?.[1];
  if (kind !== undefined) return { code: KINDS[kind] as QueueFault['code'], found: kind };
  if (SCRIPT_REFUSED.test(error.message)) return { code: 'queue.refused', found: 'NOPERM' };
  if (NO_DATABASE.test(error.message)) return { code: 'queue.database', found: 'ERR' };
  // ECONNREFUSED, ENOTFOUND, what is wrong with a certificate: never anything of the address.
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') return null;
  return { code: CERTIFICATE.test(code) ? 'queue.certificate' : 'queue.unreachable', found: code };
}

/** Above it an honest "out of memory" is near, and with it the end of spreading work. */
const FULL_PERCENT = 80;

/** @param info answer of `INFO`, sections memory, persistence and replication */
export function redisFaults(info: string): readonly QueueFault[] {
  const values = new Map(
    info
      .split(/\r?\n/)
      .filter(line => line.includes(':'))
      .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)] as const),
  );
  const figure = (name: string) => Number(values.get(name) ?? 0);
  const faults: QueueFault[] = [];
  const policy = values.get('maxmemory_policy') ?? 'unknown';
  if (policy !== 'noeviction') faults.push({ code: 'queue.evicts', found: policy });
  if (values.get('aof_enabled') !== '1') faults.push({ code: 'queue.forgets', found: 'appendonly no' });
  // Without a limit of its own the machine's memory is the limit.
  const limit = figure('maxmemory') || figure('total_system_memory');
  const percent = limit === 0 ? 0 : Math.round((figure('used_memory') / limit) * 100);
  // A copy that takes writes forgets them with the next word of its primary.
  if (values.get('role') === 'slave') faults.push({ code: 'queue.unwritable', found: 'replica' });
  if (percent > FULL_PERCENT) faults.push({ code: 'queue.full', found: `${percent} %` });
  return faults;
}
