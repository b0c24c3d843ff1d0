// 未成工单的来件: messages that became no ticket have no index of who wrote them; those that name somebody are looked for in their originals.
import type { Requester } from '../../normalizer/ticket.ts';
import { SealBroken } from '../../store/errors.ts';
import type { FinishedRow } from '../../store/retention.ts';
import type { MessageRow } from '../../store/store.ts';
import { hasOriginal, originalOf } from '../reading/read-again.ts';
import type { OriginalParts } from './originals.ts';

const AT_ONCE = 50;
/** Anything shorter stands in much by chance. */
const TELLING = 6;

/**
 * Messages, quarantined or no appeals, whose original has a phone, address, ID number or account of this person as such, in letters and
 * digits of ASCII; what is packed (the body of a mail in base64) is not unpacked.
 */
export async function untakenNaming(parts: OriginalParts, requester: Requester): Promise<readonly FinishedRow[]> {
  const values = valuesOf(requester);
  const found: FinishedRow[] = [];
  if (values.length === 0) return found;
  for (let after: FinishedRow | null = null; ; ) {
    const rows: readonly FinishedRow[] = await parts.store.admin.finished(parts.now(), after, AT_ONCE);
    for (const row of rows) if (await isNaming(parts, row.number, values)) found.push(row);
    after = rows.at(-1) ?? null;
    if (rows.length < AT_ONCE) return found;
  }
}

function valuesOf({ phone, callerPhone, email, idNumber, openid }: Requester): readonly string[] {
  const known = [phone?.replace(/^\+86/, ''), callerPhone?.replace(/^\+86/, ''), email, idNumber];
  return [...known, openid?.replace(/^[\w-]+:/, '')]
    .filter(value => typeof value === 'string' && value.length >= TELLING)
    .map(value => (value as string).toLowerCase());
}

async function isNaming(parts: OriginalParts, number: string, values: readonly string[]): Promise<boolean> {
  const lead = await parts.store.messages.get(number);
  if (lead === null) return false;
  const gathered = (await parts.store.messages.joined(number)).filter(row => row.outcome?.kind === 'part');
  for (const row of [lead, ...gathered]) {
    const text = await textOf(parts, row);
    if (values.some(value => text.includes(value))) return true;
  }
  return false;
}

async function textOf(parts: OriginalParts, row: MessageRow): Promise<string> {
  if (!hasOriginal(row) || row.wrappedContent.length === 0) return '';
  try {
    return (await originalOf(parts, row)).toString('latin1').toLowerCase();
  } catch (error) {
    // What does not open names nobody to anybody.
    if (error instanceof SealBroken) return '';
    throw error;
  }
}
