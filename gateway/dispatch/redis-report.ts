// What Redis says of itself (INFO), and what of it would lose jobs in silence.
import type { QueueFault } from './queue.ts';

/** Above it an honest "out of memory" is near, and with it the end of spreading work. */
const FULL_PERCENT = 80;

/** @param info answer of `INFO`, sections memory and persistence */
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
  if (percent > FULL_PERCENT) faults.push({ code: 'queue.full', found: `${percent} %` });
  return faults;
}
