// Contract: what is added to a ticket's life, and finding tickets.
import assert from 'node:assert/strict';
import { Conflict } from '../../store/errors.ts';
import type { SealedTicket, TicketEvent } from '../../store/store.ts';
import {
  born,
  decided,
  decision,
  entry,
  entryId,
  NOW,
  numberOf,
  numbers,
  type OpenStore,
  SYSTEM,
  textOf,
  ticketOf,
  withStore,
} from './store-rows.ts';

function event(name: string, more: Partial<TicketEvent>): TicketEvent {
  return { number: numberOf(name), at: NOW, by: 'case-system', kind: 'progress', ...more };
}

export function ticketContract(open: OpenStore): void {
  describe('tickets', () => {
    it(
      'keeps every event in order, with its note, and moves the ticket',
      withStore(open, async (store, opened) => {
        await decided(store, [ticketOf('a', 'l')]);
        const { tickets } = store;
        await tickets.add(
          event('a', { kind: 'accepted', state: 'accepted', step: '受理', caseNumber: 'C1' }),
          [],
          null,
        );
        await tickets.add(event('a', { at: NOW + 1, supervised: true, note: Buffer.from('note') }), [], null);
        const ticket = await (await opened.reopen()).tickets.get(numberOf('a'));
        assert.ok(ticket !== null);
        assert.deepEqual(
          [ticket.state, ticket.step, ticket.caseNumber, ticket.supervised, ticket.closedAt],
          ['accepted', '受理', 'C1', true, null],
        );
        const [first, second] = ticket.events;
        assert.deepEqual(first, event('a', { kind: 'accepted', state: 'accepted', step: '受理', caseNumber: 'C1' }));
        assert.equal(textOf(second?.note ?? null), 'note');
        assert.equal(second?.supervised, true);
      }),
    );

    it(
      'gives the part of a ticket that goes out as the whole has it',
      withStore(open, async store => {
        const incident = numberOf('a');
        await decided(store, [
          ticketOf('a', 'l', { ticket: born('a', { incident }) }),
          decision('b', { kind: 'not-an-appeal', reason: 'test' }),
        ]);
        const accepted = event('a', { kind: 'accepted', state: 'accepted', caseNumber: 'C1' });
        await store.tickets.add(accepted, [], null);
        const sealed = await store.tickets.sealed(numberOf('a'));
        const whole = await store.tickets.get(numberOf('a'));
        assert.ok(sealed !== null && whole !== null);
        assert.equal(sealed.caseNumber, 'C1');
        const plain = (row: SealedTicket) => [row.number, row.type, row.confidential, row.incident, row.caseNumber];
        assert.equal(sealed.incident, incident);
        const bytes = (row: SealedTicket) =>
          [row.born, row.wrappedContent, row.identity, row.wrappedIdentity].map(part => textOf(part));
        assert.deepEqual([plain(sealed), bytes(sealed)], [plain(whole), bytes(whole)]);
        assert.ok(bytes(sealed).every(text => text !== ''));
        assert.equal(await store.tickets.sealed(numberOf('b')), null, 'no ticket');
        assert.equal(await store.tickets.sealed('nobody'), null);
      }),
    );

    it(
      'takes an event of one id once a ticket, whatever it says the second time',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l'), ticketOf('b', 'l')]);
        const closed = event('a', { eventId: 'e1', state: 'closed' });
        assert.equal(await store.tickets.add(closed, [], SYSTEM), 'added');
        assert.equal(
          await store.tickets.add({ ...closed, state: 'accepted', expect: ['held'] }, [], SYSTEM),
          'duplicate',
        );
        assert.equal(await store.tickets.add({ ...closed, number: numberOf('b') }, [], null), 'added');
        assert.equal(await store.tickets.add({ ...closed, number: 'absent' }, [], null), 'missing');
        const ticket = await store.tickets.get(numberOf('a'));
        assert.deepEqual([ticket?.state, ticket?.events.length], ['closed', 1]);
        assert.equal((await store.admin.auditList(0, 9)).length, 1);
      }),
    );

    it(
      'refuses a change that the ticket is not in a state for, leaving everything as it was',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l', { ticket: born('a', { state: 'held' }), outbox: [] })]);
        const release = event('a', { by: 'clerk', kind: 'released', state: 'queued', expect: ['held'] });
        const outbox = [entry('a', 'ticket.created')];
        assert.equal(await store.tickets.add(release, outbox, SYSTEM), 'added');
        await assert.rejects(store.tickets.add(release, [entry('a', 'ticket.withdrawn')], SYSTEM), Conflict);
        assert.equal((await store.outbox.get(entryId('a', 'ticket.created')))?.state, 'due');
        assert.equal(await store.outbox.get(entryId('a', 'ticket.withdrawn')), null);
        assert.equal((await store.tickets.get(numberOf('a')))?.events.length, 1);
        assert.equal((await store.admin.auditList(0, 9)).length, 1);
      }),
    );

    it(
      'remembers when a ticket was closed, and forgets it when it is opened again',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        await store.tickets.add(event('a', { at: NOW + 5, state: 'closed', step: '办结' }), [], null);
        assert.equal((await store.tickets.get(numberOf('a')))?.closedAt, NOW + 5);
        await store.tickets.add(event('a', { at: NOW + 6, kind: 'note' }), [], null);
        assert.equal((await store.tickets.get(numberOf('a')))?.closedAt, NOW + 5);
        await store.tickets.add(event('a', { at: NOW + 9, state: 'accepted' }), [], null);
        const ticket = await store.tickets.get(numberOf('a'));
        assert.deepEqual([ticket?.closedAt, ticket?.state, ticket?.step], [null, 'accepted', '办结']);
        const [candidate] = await store.candidates.since(0, 1);
        assert.equal(candidate?.state, 'accepted');
      }),
    );

    it(
      'lists tickets newest first by what they are, and by the blind index of who appeals',
      withStore(open, async store => {
        const phone = 'ab'.repeat(16);
        await decided(store, [
          ticketOf('a', 'l', { ticket: born('a', { channel: 'mail', identityKeys: [phone] }) }),
          ticketOf('b', 'l', { ticket: born('b', { type: '举报', division: null, confidential: true }) }),
          ticketOf('c', 'l', { ticket: born('c', { urgency: '紧急', identityKeys: ['cd'.repeat(16), phone] }) }),
          ticketOf('d', 'l', { ticket: born('d', { state: 'held' }) }),
        ]);
        const list = async (filter: object) => numbers(await store.tickets.list({ limit: 10, ...filter }));
        const of = (...names: string[]) => names.map(numberOf);
        assert.deepEqual(await list({}), of('d', 'c', 'b', 'a'));
        assert.deepEqual(await list({ identityKey: phone }), of('c', 'a'));
        assert.deepEqual(await list({ identityKey: phone, channel: 'mail' }), of('a'));
        assert.deepEqual(await list({ state: 'held' }), of('d'));
        assert.deepEqual(await list({ type: '举报' }), of('b'));
        assert.deepEqual(await list({ urgency: '紧急', state: 'queued' }), of('c'));
        assert.deepEqual(await list({ division: '220502' }), of('d', 'c', 'a'));
        const [first] = await store.tickets.list({ limit: 1 });
        assert.deepEqual(await list({ before: first?.ordinal, limit: 2 }), of('c', 'b'));
        const reported = await store.tickets.get(numberOf('b'));
        assert.deepEqual([reported?.confidential, reported?.identityKeys], [true, []]);
        assert.deepEqual((await store.tickets.get(numberOf('c')))?.identityKeys, ['cd'.repeat(16), phone]);
        assert.deepEqual(await store.tickets.counts(), {
          total: 4,
          held: 1,
          byState: { held: 1, queued: 3 },
          incidents: 0,
        });
      }),
    );
  });
}
