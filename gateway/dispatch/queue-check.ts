// Before anything is taken in: a queue that would lose jobs in silence, or does not let us in, is a mistake to be mended first.
import type { Log } from '../telemetry/telemetry.ts';
import { type QueueFault, QueueUnavailable } from './queue.ts';

const PASSING: ReadonlySet<QueueFault['code']> = new Set([
  'queue.unreachable',
  'queue.certificate',
  'queue.unwritable',
  'queue.full',
]);

/**
 * One that cannot be reached or written to (its primary is being changed, its certificate renewed) may be back any moment, and appeals are taken in without
 * it. A queue that is merely full empties by working.
 * @throws QueueUnavailable with what is to be changed
 */
export async function checkQueue(
  queue: { faults(): Promise<readonly QueueFault[]> },
  log: Pick<Log, 'warn'>,
): Promise<void> {
  const faults = await queue.faults();
  const mistake = faults.find(({ code }) => !PASSING.has(code));
  if (mistake !== undefined) throw new QueueUnavailable(mistake.code, mistake.found);
  for (const { code, found } of faults) log.warn(code, { reason: found });
}

/** Red while Redis runs and would lose jobs. One that is away or does not let us in holds up dispatch and nothing else. */
export function blocks({ code }: QueueFault): boolean {
  return code === 'queue.evicts' || code === 'queue.forgets' || code === 'queue.full';
}
