// The audit chain on MongoDB: a record's place is its id, so of two that want the same place one is told and chains itself anew.
import { createSecretKey, randomUUID } from 'node:crypto';
import { auditMac, CHAIN_START } from '../audit-link.ts';
import type { AuditNote, AuditRecord } from '../store.ts';
import { createBatches } from './batches.ts';
import { among, isDuplicate, type Models, op } from './connection.ts';
import type { AuditDoc } from './documents.ts';

export interface AuditTrail {
  /** Resolves when the record is durable; the same tag again adds nothing. */
  append(note: AuditNote, at: number, tag?: string): Promise<void>;
  list(after: number, limit: number): Promise<AuditRecord[]>;
  verify(): Promise<{ records: number; broken: number | null }>;
  /** Resolves when nothing waits to be written. */
  idle(): Promise<void>;
}

interface Waiting {
  readonly note: AuditNote;
  readonly at: number;
  readonly tag: string;
}

const AT_ONCE = 500;
const PAGE = 2000;
const ATTEMPTS = 200;

export function createAuditTrail(models: Pick<Models, 'audit'>, keyBytes: Uint8Array, hash: string): AuditTrail {
  const key = createSecretKey(keyBytes);

  function chained(waiting: readonly Waiting[], last: Pick<AuditDoc, '_id' | 'mac'> | null): AuditDoc[] {
    let seq = last?._id ?? 0;
    let mac: Buffer = last === null ? CHAIN_START : Buffer.from(last.mac, 'hex');
    return waiting.map(({ note, at, tag }) => {
      seq++;
      const line = {
        seq,
        at,
        actor: note.by,
        action: note.action,
        things: JSON.stringify(note.on),
        why: note.why ?? null,
      };
      mac = auditMac(hash, key, mac, line);
      const { actor, action, things, why } = line;
      return { _id: seq, at, by: actor, action, things, why, mac: mac.toString('hex'), tag };
    });
  }

  async function write(all: readonly Waiting[]): Promise<undefined[]> {
    let left: readonly Waiting[] = [...new Map(all.map(one => [one.tag, one])).values()];
    for (let attempt = 0; left.length > 0; attempt++) {
      const last = await models.audit.findOne().sort({ _id: -1 }).lean<AuditDoc>();
      try {
        await models.audit.insertMany(chained(left, last), { ordered: true, lean: true });
        break;
      } catch (error) {
        if (!isDuplicate(error) || attempt === ATTEMPTS) throw error;
        // Another process took the place, or some of these stand there already: of an earlier try, or this one's beginning.
        const tags = among(left.map(one => one.tag));
        const kept = new Set(
          (await models.audit.find({ tag: tags }, { tag: 1 }).lean<AuditDoc[]>()).map(row => row.tag),
        );
        left = left.filter(one => !kept.has(one.tag));
      }
    }
    return all.map(() => undefined);
  }

  const batches = createBatches<Waiting, undefined>(write, AT_ONCE);
  const page = (after: number, limit: number) =>
    models.audit
      .find({ _id: op({ $gt: after }) })
      .sort({ _id: 1 })
      .limit(limit)
      .lean<AuditDoc[]>();

  return {
    append: (note, at, tag = randomUUID()) => batches.add({ note, at, tag }),
    list: async (after, limit) => (limit <= 0 ? [] : (await page(after, limit)).map(toRecord)),
    verify: async () => {
      let seq = 0;
      let mac: Buffer = CHAIN_START;
      for (;;) {
        const rows = await page(seq, PAGE);
        for (const { _id, at, by, action, things, why, mac: kept } of rows) {
          const expected = auditMac(hash, key, mac, { seq: _id, at, actor: by, action, things, why });
          if (_id !== seq + 1 || expected.toString('hex') !== kept) return { records: seq, broken: seq + 1 };
          seq = _id;
          mac = expected;
        }
        if (rows.length < PAGE) return { records: seq, broken: null };
      }
    },
    idle: () => batches.idle(),
  };
}

function toRecord({ _id, at, by, action, things, why, mac }: AuditDoc): AuditRecord {
  return { seq: _id, at, by, action, on: JSON.parse(things) as string[], ...(why === null ? {} : { why }), mac };
}
