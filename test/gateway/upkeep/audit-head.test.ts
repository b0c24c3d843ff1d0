// The head of the audit chain: noted elsewhere it shows that the newest records were cut off, which the chain alone cannot.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkAudit, parseHead } from '../../../gateway/upkeep/audit-head.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';

describe('head of the audit chain', () => {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-head-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const open = () => openSqliteStore({ folder, auditKey: Buffer.alloc(32, 7), profile: 'intl' });

  it('tells that the last records were removed, and goes with a chain that has grown', async () => {
    const store = await open();
    assert.deepEqual(await checkAudit(store.admin), { records: 0, broken: null, head: null });
    const look = (on: string) => store.admin.audit({ by: 'clerk', action: 'identity.read', on: [on] }, 1000);
    for (const on of ['a', 'b', 'c']) await look(on);
    const { head } = await checkAudit(store.admin);
    const noted = parseHead(head ?? '');
    assert.equal(noted?.seq, 3);
    await look('d');
    assert.deepEqual(
      { ...(await checkAudit(store.admin, noted)), head: null },
      { records: 4, broken: null, head: null },
    );
    await store.close();

    const db = new DatabaseSync(join(folder, 'huisu.db'));
    db.exec('DELETE FROM audit WHERE seq > 2');
    db.close();
    const cut = await open();
    assert.equal((await checkAudit(cut.admin)).broken, null, 'the chain alone cannot tell');
    assert.deepEqual(await checkAudit(cut.admin, noted), { records: 2, broken: 3, head: null });
    for (const on of ['x', 'y']) await cut.admin.audit({ by: 'clerk', action: 'identity.read', on: [on] }, 2000);
    assert.equal((await checkAudit(cut.admin, noted)).broken, 3, 'nor do others in their places hide it');
    await cut.close();
  });

  it('is written as sequence number and MAC', () => {
    assert.deepEqual(parseHead(`12:${'AB'.repeat(32)}`), { seq: 12, mac: 'ab'.repeat(32) });
    for (const text of ['', '12', `0:${'ab'.repeat(32)}`, `12:${'ab'.repeat(31)}`, `x:${'ab'.repeat(32)}`])
      assert.equal(parseHead(text), null, text);
  });
});
