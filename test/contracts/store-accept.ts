// Contract: accepting, redeliveries, the order of the unread, attempts, reading again.
import assert from 'node:assert/strict';
import { decision, message, NOW, numberOf, numbers, type OpenStore, SYSTEM, textOf, withStore } from './store-rows.ts';

export function acceptContract(open: OpenStore): void {
  describe('messages', () => {
    it(
      'gives one of a hundred concurrent copies a number, and all the others the same',
      withStore(open, async store => {
        const copies = Array.from({ length: 100 }, (_, place) => message('m', { number: numberOf(`m${place}`) }));
        const answers = (await Promise.all(copies.map(row => store.messages.accept([row])))).flat();
        assert.equal(answers.filter(answer => answer.kind === 'fresh').length, 1);
        assert.equal(answers.filter(answer => answer.kind === 'redelivery').length, 99);
        const given = new Set(answers.map(answer => (answer.kind === 'id-reused' ? null : answer.number)));
        assert.equal(given.size, 1);
        assert.deepEqual(numbers(await store.messages.unread('all', 0, 10)), [...given]);
        assert.equal((await store.messages.counts()).total, 1);
      }),
    );

    it(
      'answers per item and in order, copies within one batch included',
      withStore(open, async store => {
        const again = { ...message('a'), number: numberOf('other') };
        const forged = { ...message('b'), number: numberOf('forged'), fingerprint: message('x').fingerprint };
        assert.deepEqual(await store.messages.accept([message('a'), message('b'), again, forged]), [
          { kind: 'fresh', number: numberOf('a') },
          { kind: 'fresh', number: numberOf('b') },
          { kind: 'redelivery', number: numberOf('a') },
          { kind: 'id-reused' },
        ]);
        assert.deepEqual(numbers(await store.messages.unread('all', 0, 10)), [numberOf('a'), numberOf('b')]);
        assert.equal(await store.messages.get(numberOf('forged')), null);
        assert.deepEqual(await store.messages.accept([]), []);
      }),
    );

    it(
      'never loses a message whose weak id was used before with another body',
      withStore(open, async store => {
        const first = message('sms 1', { weakKey: 'aa'.repeat(16) });
        const second = message('sms 2', { key: first.key, weakKey: 'bb'.repeat(16) });
        assert.deepEqual(await store.messages.accept([first, second]), [
          { kind: 'fresh', number: first.number },
          { kind: 'fresh', number: second.number },
        ]);
        const copies = [first, second].map(row => ({ ...row, number: numberOf(`copy ${row.number}`) }));
        assert.deepEqual(await store.messages.accept(copies), [
          { kind: 'redelivery', number: first.number },
          { kind: 'redelivery', number: second.number },
        ]);
      }),
    );

    it(
      'keeps what it accepted, and the cursor with it, when it is opened again',
      withStore(open, async (store, opened) => {
        const large = message('large', { sealed: null, blob: 'ab'.repeat(32) });
        await store.messages.accept([message('a'), large], { channel: 'mail', value: '17' });
        const later = await opened.reopen();
        assert.equal(await later.admin.cursor('mail'), '17');
        assert.equal(await later.admin.cursor('other'), null);
        const [a, b] = await later.messages.unread('all', 0, 10);
        assert.ok(a !== undefined && b !== undefined);
        assert.deepEqual(
          [
            a.number,
            a.channel,
            a.lane,
            a.shard,
            a.acceptedAt,
            textOf(a.wrappedContent),
            textOf(a.sealed),
            a.blob,
            a.attempts,
            a.revision,
          ],
          [numberOf('a'), 'app-1', message('a').lane, message('a').shard, NOW, `wrapped a`, 'sealed a', null, 0, 0],
        );
        assert.deepEqual([b.sealed, b.blob], [null, 'ab'.repeat(32)]);
        assert.equal((await later.messages.accept([message('a')]))[0]?.kind, 'redelivery');
        await later.messages.accept([message('c')], { channel: 'mail', value: '18' });
        assert.equal(await later.admin.cursor('mail'), '18');
      }),
    );

    it(
      'moves no cursor past what was refused before it',
      withStore(open, async store => {
        await store.messages.accept([message('cursor')]);
        // Its number is taken, so it has to come again under another.
        const refused = message('cursor 5', { number: numberOf('cursor') });
        const answers = await Promise.allSettled([
          store.messages.accept([refused], { channel: 'pulled', value: '5' }),
          store.messages.accept([message('cursor 6')], { channel: 'pulled', value: '6' }),
        ]);
        assert.deepEqual(
          answers.map(({ status }) => status),
          ['rejected', 'fulfilled'],
        );
        assert.equal(await store.admin.cursor('pulled'), null);
        await store.messages.accept([message('cursor 5')], { channel: 'pulled', value: '7' });
        assert.equal(await store.admin.cursor('pulled'), '7');
      }),
    );

    it(
      'hands out unread messages in order of acceptance, by shard and after an ordinal',
      withStore(open, async store => {
        const rows = Array.from({ length: 30 }, (_, place) => message(`m${place}`, { shard: place % 3 }));
        for (const row of rows) await store.messages.accept([row]);
        const all = await store.messages.unread('all', 0, 100);
        assert.deepEqual(numbers(all), numbers(rows));
        assert.ok(all.every((row, place) => place === 0 || row.ordinal > (all[place - 1]?.ordinal ?? 0)));
        assert.ok(all.every(row => Number.isInteger(row.ordinal) && row.ordinal < 2 ** 32));
        const some = await store.messages.unread([0, 2], all[9]?.ordinal ?? 0, 5);
        assert.deepEqual(
          numbers(some),
          numbers(
            rows
              .slice(10)
              .filter(row => row.shard !== 1)
              .slice(0, 5),
          ),
        );
        assert.deepEqual(await store.messages.unread([], 0, 5), []);
      }),
    );

    it(
      'tells its listener of what became durable, and of nothing else',
      withStore(open, async store => {
        let told = 0;
        const heard = new Promise<void>(resolve => {
          store.onAccepted(() => {
            told++;
            resolve();
          });
        });
        await store.admin.setMeta('quiet', '1');
        assert.equal(told, 0);
        await store.messages.accept([message('a')]);
        await heard;
        assert.equal((await store.messages.unread('all', 0, 5)).length, 1);
      }),
    );

    it(
      'counts the attempts of readers that died on a message',
      withStore(open, async (store, opened) => {
        await store.messages.accept([message('a'), message('b')]);
        assert.deepEqual(await store.messages.attempted([numberOf('b')]), [1]);
        assert.deepEqual(await store.messages.attempted([numberOf('a'), numberOf('b')]), [1, 2]);
        const later = await opened.reopen();
        assert.deepEqual(
          (await later.messages.unread('all', 0, 5)).map(row => row.attempts),
          [1, 2],
        );
      }),
    );

    it(
      'shows what became of each message in lists, newest first',
      withStore(open, async store => {
        const names = ['a', 'b', 'c', 'd', 'e'];
        await store.messages.accept(names.map(name => message(name, { channel: name < 'c' ? 'app-1' : 'mail' })));
        await store.decisions.commit(
          [
            decision('a', { kind: 'not-an-appeal', reason: 'test' }),
            decision('b', { kind: 'quarantined', reason: 'text.broken' }),
            decision('c', { kind: 'quarantined', reason: 'reader.died' }),
          ],
          null,
        );
        const list = async (filter: object) => numbers(await store.messages.list({ limit: 10, ...filter }));
        const of = (...wanted: string[]) => wanted.map(numberOf);
        assert.deepEqual(await list({}), of('e', 'd', 'c', 'b', 'a'));
        assert.deepEqual(await list({ state: 'unread' }), of('e', 'd'));
        assert.deepEqual(await list({ state: 'quarantined' }), of('c', 'b'));
        assert.deepEqual(await list({ state: 'decided' }), of('a'));
        assert.deepEqual(await list({ state: 'quarantined', channel: 'mail' }), of('c'));
        assert.deepEqual(await list({ outcome: 'quarantined', channel: 'app-1' }), of('b'));
        assert.deepEqual(await list({ outcome: 'not-an-appeal' }), of('a'));
        const [, second] = await store.messages.list({ limit: 2 });
        assert.deepEqual(await list({ before: second?.ordinal, limit: 2 }), of('c', 'b'));
        assert.deepEqual(await store.messages.counts(), {
          total: 5,
          unread: 2,
          oldestUnread: NOW,
          quarantined: 2,
          byOutcome: { 'not-an-appeal': 1, quarantined: 2 },
        });
      }),
    );

    it(
      'makes a quarantined message unread again, with the next revision, once',
      withStore(open, async store => {
        await store.messages.accept([message('a'), message('b')]);
        await store.messages.attempted([numberOf('a')]);
        await store.decisions.commit([decision('a', { kind: 'quarantined', reason: 'x' })], null);
        assert.equal((await store.messages.get(numberOf('a')))?.attempts, 1);
        assert.equal(await store.messages.reread(numberOf('b'), SYSTEM), false);
        assert.equal(await store.messages.reread('absent', SYSTEM), false);
        assert.equal(await store.messages.reread(numberOf('a'), SYSTEM), true);
        assert.equal(await store.messages.reread(numberOf('a'), SYSTEM), false);
        const row = await store.messages.get(numberOf('a'));
        assert.deepEqual([row?.state, row?.outcome, row?.attempts, row?.revision], ['unread', null, 0, 1]);
        assert.deepEqual(numbers(await store.messages.unread('all', 0, 5)), [numberOf('a'), numberOf('b')]);
        assert.equal((await store.messages.counts()).quarantined, 0);
        const again = decision('a', { kind: 'not-an-appeal', reason: 'empty' });
        assert.deepEqual(await store.decisions.commit([again], null), ['conflict']);
        assert.deepEqual(await store.decisions.commit([{ ...again, revision: 1 }], null), ['committed']);
        assert.equal((await store.admin.auditList(0, 10)).length, 1);
      }),
    );
  });
}
