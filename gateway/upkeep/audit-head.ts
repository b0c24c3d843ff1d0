// The newest audit record as something to keep elsewhere: by itself a chain cannot tell that its end was cut off.
import type { Store } from '../../store/store.ts';

/** 链首: a record's sequence number and MAC, as `SEQ:MAC` in words. */
export interface AuditHead {
  readonly seq: number;
  readonly mac: string;
}

export interface AuditCheck {
  /** Records that fit, from the first on. */
  readonly records: number;
  /** The first that is missing or does not fit; null where none is. */
  readonly broken: number | null;
  /** `SEQ:MAC` of the last one, to be noted outside of the store; null where there is none, or the chain is broken. */
  readonly head: string | null;
}

type Admin = Pick<Store['admin'], 'auditList' | 'auditVerify'>;

/** @param noted a head seen before: the chain must still hold that very record */
export async function checkAudit(admin: Admin, noted: AuditHead | null = null): Promise<AuditCheck> {
  const { records, broken } = await admin.auditVerify();
  if (broken !== null) return { records, broken, head: null };
  if (noted !== null && noted.seq > 0 && (await macAt(admin, noted.seq)) !== noted.mac) {
    return { records, broken: Math.min(noted.seq, records + 1), head: null };
  }
  const mac = records === 0 ? null : await macAt(admin, records);
  return { records, broken: null, head: mac === null ? null : `${records}:${mac}` };
}

/** null: not the form of a head. */
export function parseHead(text: string): AuditHead | null {
  const [, seq, mac] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  return seq === undefined || mac === undefined ? null : { seq: Number(seq), mac: mac.toLowerCase() };
}

async function macAt(admin: Admin, seq: number): Promise<string | null> {
  const [record] = await admin.auditList(seq - 1, 1);
  return record?.seq === seq ? record.mac : null;
}
