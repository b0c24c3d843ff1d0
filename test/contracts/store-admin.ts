// Contract: channels, leases, named values, blobs, the audit chain, figures.
import assert from 'node:assert/strict';
import { NOW, type OpenStore, SYSTEM, textOf, withStore } from './store-rows.ts';

export function adminContract(open: OpenStore): void {
  describe('administration', () => {
    it(
      'keeps channels with their sealed settings, and records who changed them',
      withStore(open, async (store, opened) => {
        const row = { id: 'app-1', kind: 'app', settings: Buffer.from('sealed 1'), enabled: true, createdAt: NOW };
        await store.admin.putChannel(row, { ...SYSTEM, on: ['app-1'], why: 'first start' });
        await store.admin.putChannel({ ...row, settings: Buffer.from('sealed 2'), enabled: false }, SYSTEM);
        const { admin } = await opened.reopen();
        const [kept, ...more] = await admin.channels();
        assert.deepEqual(
          [kept?.id, kept?.kind, textOf(kept?.settings ?? null), kept?.enabled, kept?.createdAt, more],
          ['app-1', 'app', 'sealed 2', false, NOW, []],
        );
        assert.equal(await admin.removeChannel('absent', SYSTEM), false);
        assert.equal(await admin.removeChannel('app-1', SYSTEM), true);
        assert.deepEqual(await admin.channels(), []);
        assert.equal((await admin.auditList(0, 9)).length, 3);
      }),
    );

    it(
      'replaces a channel only as it was seen, and makes one only where there is none, so that no change is taken back',
      withStore(open, async store => {
        const { admin } = store;
        const row = (settings: string, enabled = true) => ({
          ...{ id: 'app-1', kind: 'app', settings: Buffer.from(settings), enabled, createdAt: NOW },
        });
        const made = await Promise.all([1, 2, 3].map(n => admin.putChannel(row(`made ${n}`), SYSTEM, null)));
        assert.equal(made.filter(Boolean).length, 1);
        const [first] = await admin.channels();
        assert.ok(first !== undefined);
        const changed = await Promise.all([4, 5, 6].map(n => admin.putChannel(row(`set ${n}`), SYSTEM, first)));
        assert.equal(changed.filter(Boolean).length, 1);
        const [second] = await admin.channels();
        assert.equal(textOf(second?.settings ?? null), `set ${4 + changed.indexOf(true)}`);
        assert.equal(await admin.putChannel(row('late'), SYSTEM, first), false);
        assert.equal(await admin.putChannel({ ...row('late'), id: 'gone' }, SYSTEM, first), false);
        assert.equal(await admin.putChannel(row('off', false), SYSTEM, second), true);
        assert.equal(await admin.putChannel(row('on'), SYSTEM, { ...row('off'), enabled: true }), false);
        assert.equal(textOf((await admin.channels())[0]?.settings ?? null), 'off');
      }),
    );

    it(
      'lends a lease to one owner at a time; its token changes hands with it',
      withStore(open, async store => {
        const { admin } = store;
        const first = await admin.lease('poll mail', 'one', NOW, 1000);
        assert.equal(typeof first, 'string');
        assert.equal(await admin.lease('poll mail', 'two', NOW + 999, 1000), null);
        assert.equal(await admin.lease('poll mail', 'one', NOW + 500, 1000), first);
        assert.equal(await admin.lease('poll mail', 'two', NOW + 1499, 1000), null);
        const second = await admin.lease('poll mail', 'two', NOW + 1500, 1000);
        assert.ok(second !== null && second !== first);
        const third = await admin.lease('poll mail', 'one', NOW + 9000, 1000);
        assert.ok(third !== null && third !== first && third !== second);
        assert.ok((await admin.lease('other', 'two', NOW, 1)) !== null);
      }),
    );

    it(
      'keeps small named values',
      withStore(open, async (store, opened) => {
        assert.equal(await store.admin.meta('x'), null);
        assert.equal(await store.admin.setMeta('x', '1'), true);
        assert.equal(await store.admin.setMeta('x', '二'), true);
        // Made from what stands there no more, or while somebody else made the first.
        assert.deepEqual(
          [await store.admin.setMeta('x', '3', '1'), await store.admin.setMeta('x', '3', null)],
          [false, false],
        );
        assert.equal(await store.admin.setMeta('y', '3', '1'), false);
        const reopened = await opened.reopen();
        assert.deepEqual([await reopened.admin.meta('x'), await reopened.admin.meta('y')], ['二', null]);
        assert.deepEqual(
          [await reopened.admin.setMeta('x', '3', '二'), await reopened.admin.setMeta('y', '4', null)],
          [true, true],
        );
        assert.deepEqual([await reopened.admin.meta('x'), await reopened.admin.meta('y')], ['3', '4']);
      }),
    );

    it(
      'keeps blobs whole under their names',
      withStore(open, async (store, opened) => {
        const name = 'ab'.repeat(32);
        const bytes = Buffer.alloc(300_000, 7);
        assert.equal(await store.blobs.get(name), null);
        await Promise.all([store.blobs.put(name, bytes), store.blobs.put(name, bytes)]);
        await store.blobs.put(name, Buffer.from('again'));
        const { blobs } = await opened.reopen();
        assert.ok(bytes.equals((await blobs.get(name)) ?? new Uint8Array()));
        await blobs.remove(name);
        await blobs.remove(name);
        assert.equal(await blobs.get(name), null);
        await assert.rejects(blobs.put('../../etc/passwd', bytes), { name: 'StoreUnavailable' });
      }),
    );

    it(
      'chains audit records without a gap, and finds the chain whole',
      withStore(open, async (store, opened) => {
        assert.deepEqual(await store.admin.auditVerify(), { records: 0, broken: null });
        await Promise.all(
          Array.from({ length: 30 }, (_, place) =>
            store.admin.audit({ by: 'clerk', action: 'identity.read', on: [`n${place}`], why: '回访' }, NOW + place),
          ),
        );
        const { admin } = await opened.reopen();
        await admin.audit(SYSTEM, NOW + 99);
        const records = await admin.auditList(0, 100);
        assert.deepEqual(
          records.map(record => record.seq),
          Array.from({ length: 31 }, (_, place) => place + 1),
        );
        assert.equal(new Set(records.map(record => record.mac)).size, 31);
        const { mac: _mac, ...fourth } = records[3] ?? { mac: '' };
        assert.deepEqual(fourth, {
          seq: 4,
          at: NOW + 3,
          by: 'clerk',
          action: 'identity.read',
          on: ['n3'],
          why: '回访',
        });
        assert.equal('why' in (records[30] ?? {}), false);
        assert.deepEqual(
          (await admin.auditList(28, 2)).map(record => record.seq),
          [29, 30],
        );
        assert.deepEqual(await admin.auditVerify(), { records: 31, broken: null });
      }),
    );

    it(
      'reports how long commits took and how much room is left',
      withStore(open, async store => {
        await store.admin.setMeta('x', '1');
        const health = await store.admin.health();
        assert.ok(
          health.commitSeconds.length > 0 && health.commitSeconds.every(seconds => seconds >= 0 && seconds < 60),
        );
        assert.ok(health.freeBytes > 0 && health.totalBytes >= health.freeBytes);
      }),
    );

    it(
      'refuses what is asked of it after it was closed',
      withStore(open, async store => {
        await store.close();
        await assert.rejects(store.admin.setMeta('x', '1'), { name: 'StoreUnavailable' });
      }),
    );
  });
}
