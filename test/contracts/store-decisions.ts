// Contract: the commit of decisions, revisions, parts, links and conversations.
import assert from 'node:assert/strict';
import {
  born,
  decided,
  decision,
  entry,
  entryId,
  message,
  NOW,
  numberOf,
  numbers,
  type OpenStore,
  SYSTEM,
  textOf,
  ticketOf,
  withStore,
} from './store-rows.ts';

export function decisionContract(open: OpenStore): void {
  describe('decisions', () => {
    it(
      'commits ticket, outcome and entry together, and all of it is there after opening again',
      withStore(open, async (store, opened) => {
        await decided(store, [ticketOf('a', 'l1', { decision: Buffer.from('why'), audit: SYSTEM })]);
        const later = await opened.reopen();
        const row = await later.messages.get(numberOf('a'));
        assert.deepEqual(
          [row?.state, row?.outcome, row?.decidedAt, textOf(row?.decision ?? null), row?.revision],
          ['decided', { kind: 'ticket', held: false }, NOW, 'why', 1],
        );
        const ticket = await later.tickets.get(numberOf('a'));
        assert.ok(ticket !== null);
        assert.deepEqual(
          [ticket.state, ticket.type, ticket.division, ticket.revision, ticket.lane, ticket.ordinal, ticket.events],
          ['queued', '投诉', '220502', 0, row?.lane, row?.ordinal, []],
        );
        assert.deepEqual(
          [ticket.born, ticket.identity, ticket.wrappedIdentity, ticket.wrappedContent, ticket.facts].map(textOf),
          ['born a', 'identity a', 'wrapped identity a', textOf(row?.wrappedContent ?? null), 'facts a'],
        );
        assert.equal((await later.outbox.get(entryId('a', 'ticket.created')))?.state, 'due');
        assert.deepEqual(await later.messages.unread('all', 0, 5), []);
      }),
    );

    it(
      'lets what was quarantined become a ticket by a later decision, one that joins another as well',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        await store.messages.accept([message('q'), message('r')]);
        const lost = (name: string) => decision(name, { kind: 'quarantined', reason: 'x' });
        await store.decisions.commit([lost('q'), lost('r')], null);
        const made = { number: numberOf('q'), at: NOW, by: 'clerk', kind: 'made-appeal', state: 'queued' } as const;
        const own = { revision: 1, outbox: [entry('q', 'ticket.created', { revision: 1 })], events: [made] };
        const joined = {
          ...{ number: numberOf('r'), revision: 1, decidedAt: NOW, ticket: born('r', { state: 'joined' }) },
          events: [{ ...made, number: numberOf('r'), state: 'joined' as const }],
        };
        const rows = [ticketOf('q', 'l', own), decision('r', { kind: 'repeat', of: numberOf('a') }, joined)];
        assert.deepEqual(await store.decisions.commit(rows, null), ['committed', 'committed']);
        const { quarantined, byOutcome } = await store.messages.counts();
        assert.deepEqual([quarantined, byOutcome['ticket'], byOutcome['repeat']], [0, 2, 1]);
        assert.deepEqual(await store.messages.list({ state: 'quarantined', limit: 5 }), []);
        const states = await Promise.all(
          ['q', 'r'].map(async name => (await store.tickets.get(numberOf(name)))?.state),
        );
        assert.deepEqual(states, ['queued', 'joined']);
        assert.deepEqual((await store.tickets.counts()).byState, { queued: 2, joined: 1 });
        assert.deepEqual(
          (await store.messages.joined(numberOf('a'))).map(({ number }) => number),
          [numberOf('r')],
        );
        assert.equal(await store.messages.reread(numberOf('q'), SYSTEM), false);
      }),
    );

    it(
      'takes the next revision of a message only, and a refused row leaves no trace',
      withStore(open, async store => {
        await store.messages.accept([message('a'), message('b')]);
        const first = ticketOf('a', 'l');
        const rows = [
          { ...first, revision: 1 },
          decision('absent', { kind: 'quarantined', reason: 'x' }),
          first,
          first,
          ticketOf('b', 'l'),
        ];
        assert.deepEqual(await store.decisions.commit(rows, null), [
          'conflict',
          'conflict',
          'committed',
          'conflict',
          'committed',
        ]);
        assert.equal((await store.outbox.counts()).due, 2);
        const wrong = {
          ...ticketOf('a', 'l'),
          revision: 2,
          outbox: [entry('a', 'ticket.corrected', { revision: 2 })],
          audit: SYSTEM,
        };
        assert.deepEqual(await store.decisions.commit([wrong], null), ['conflict']);
        assert.equal(await store.outbox.get(entryId('a', 'ticket.corrected', 2)), null);
        assert.deepEqual(await store.admin.auditList(0, 5), []);
      }),
    );

    it(
      'rewrites the born part at a later revision and leaves alone what the ticket has lived through',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        await store.tickets.add(
          {
            number: numberOf('a'),
            at: NOW + 1,
            by: 'case-system',
            kind: 'accepted',
            state: 'accepted',
            step: '受理',
            caseNumber: 'C1',
          },
          [],
          null,
        );
        const corrected = decision(
          'a',
          { kind: 'ticket', held: false },
          {
            revision: 1,
            ticket: born('a', {
              type: '求助',
              born: Buffer.from('corrected'),
              identityKeys: ['cd'.repeat(16)],
              state: 'held',
            }),
          },
        );
        assert.deepEqual(await store.decisions.commit([corrected], null), ['committed']);
        const ticket = await store.tickets.get(numberOf('a'));
        assert.deepEqual(
          [
            ticket?.type,
            textOf(ticket?.born ?? null),
            ticket?.revision,
            ticket?.state,
            ticket?.step,
            ticket?.caseNumber,
            ticket?.events.length,
          ],
          ['求助', 'corrected', 1, 'accepted', '受理', 'C1', 1],
        );
        assert.deepEqual(numbers(await store.tickets.list({ identityKey: 'cd'.repeat(16), limit: 5 })), [
          numberOf('a'),
        ]);
        assert.equal((await store.tickets.counts()).total, 1);
      }),
    );

    it(
      'joins a repeat to its ticket, and takes it away again when that is undone',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l'), decision('b', { kind: 'repeat', of: numberOf('a') })]);
        assert.deepEqual([...(await store.tickets.followUps([numberOf('a'), numberOf('b')]))], [[numberOf('a'), 1]]);
        assert.deepEqual(numbers(await store.messages.joined(numberOf('a'))), [numberOf('b')]);
        const undone = ticketOf('b', 'l', { revision: 1, outbox: [entry('b', 'ticket.created', { revision: 1 })] });
        assert.deepEqual(await store.decisions.commit([undone], null), ['committed']);
        assert.equal((await store.tickets.followUps([numberOf('a')])).size, 0);
        assert.deepEqual(await store.messages.joined(numberOf('a')), []);
        assert.deepEqual((await store.messages.counts()).byOutcome, { ticket: 2 });
        const linked = decision('b', { kind: 'repeat', of: numberOf('a') }, { revision: 2 });
        assert.deepEqual(await store.decisions.commit([linked], null), ['committed']);
        const kept = await store.tickets.get(numberOf('b'));
        assert.deepEqual(
          [kept?.born, kept?.identity, kept?.wrappedIdentity].map(bytes => textOf(bytes ?? null)),
          ['born b', 'identity b', 'wrapped identity b'],
        );
      }),
    );

    it(
      'gathers the parts of a conversation with their lead, or nothing at all',
      withStore(open, async store => {
        await store.messages.accept(['lead', 'p1', 'p2', 'other'].map(name => message(name)));
        await store.decisions.commit([decision('other', { kind: 'not-an-appeal', reason: 'test' })], null);
        const lead = (parts: string[]) =>
          ticketOf('lead', 'l', { parts: parts.map(numberOf), conversation: 'ab'.repeat(16) });
        assert.deepEqual(await store.decisions.commit([lead(['p1', 'other'])], null), ['conflict']);
        assert.deepEqual(await store.decisions.commit([lead(['p1', 'absent'])], null), ['conflict']);
        assert.deepEqual(await store.decisions.commit([lead(['p1', 'lead'])], null), ['conflict']);
        assert.equal((await store.messages.get(numberOf('p1')))?.state, 'unread');
        assert.equal(await store.decisions.conversation('ab'.repeat(16)), null);

        assert.deepEqual(await store.decisions.commit([lead(['p1', 'p2'])], null), ['committed']);
        assert.deepEqual((await store.messages.get(numberOf('p2')))?.outcome, { kind: 'part', of: numberOf('lead') });
        assert.deepEqual(numbers(await store.messages.joined(numberOf('lead'))), [numberOf('p1'), numberOf('p2')]);
        assert.equal((await store.tickets.followUps([numberOf('lead')])).size, 0);
        assert.equal(await store.decisions.conversation('ab'.repeat(16)), numberOf('lead'));
        const part = decision('p1', { kind: 'not-an-appeal', reason: 'test' });
        assert.deepEqual(await store.decisions.commit([part], null), ['conflict']);
        assert.deepEqual((await store.messages.counts()).byOutcome, { 'not-an-appeal': 1, part: 2, ticket: 1 });
      }),
    );

    it(
      'finds the newest message of a conversation',
      withStore(open, async store => {
        const conversation = 'ef'.repeat(16);
        await decided(store, [ticketOf('a', 'l', { conversation }), ticketOf('b', 'l', { conversation })]);
        assert.equal(await store.decisions.conversation(conversation), numberOf('b'));
        assert.equal(await store.decisions.conversation('00'.repeat(16)), null);
      }),
    );

    it(
      'gives the first ticket of an incident its incident, once, and counts incidents of two or more',
      withStore(open, async store => {
        const of = (name: string, incident: string, first: string) =>
          ticketOf(name, 'l', { ticket: born(name, { incident }), gathers: [first] });
        await decided(store, [ticketOf('a', 'l')]);
        assert.equal((await store.tickets.counts()).incidents, 0);
        await decided(store, [of('b', numberOf('a'), numberOf('a')), of('c', numberOf('a'), numberOf('a'))]);
        assert.equal((await store.tickets.get(numberOf('a')))?.incident, numberOf('a'));
        assert.equal((await store.tickets.counts()).incidents, 1);
        await decided(store, [of('d', 'elsewhere', numberOf('a'))]);
        assert.equal((await store.tickets.get(numberOf('a')))?.incident, numberOf('a'));
        assert.deepEqual(
          numbers(await store.tickets.list({ incident: numberOf('a'), limit: 9 })),
          ['c', 'b', 'a'].map(numberOf),
        );
        assert.equal((await store.tickets.counts()).incidents, 1);
      }),
    );

    it(
      'remembers for good which messages and tickets are not the same, from either side',
      withStore(open, async (store, opened) => {
        await decided(store, [
          ticketOf('a', 'l'),
          decision('b', { kind: 'repeat', of: numberOf('a') }),
          ticketOf('c', 'l'),
        ]);
        const undone = ticketOf('b', 'l', {
          revision: 1,
          outbox: [],
          notSame: [numberOf('a'), numberOf('c'), 'absent'],
        });
        assert.deepEqual(await store.decisions.commit([undone], null), ['committed']);
        const rows = await (await opened.reopen()).candidates.since(0, 9);
        const apart = rows.map(row => [row.number, [...(row.notSame ?? [])].sort()]);
        const both = [numberOf('a'), numberOf('c')].sort();
        assert.deepEqual(apart, [
          [numberOf('a'), [numberOf('b')]],
          [numberOf('b'), both],
          [numberOf('c'), [numberOf('b')]],
        ]);
      }),
    );

    it(
      'makes undispatched entries void with the decision, and refuses it once one is under way or delivered',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l'), ticketOf('b', 'l')]);
        const linked = (name: string) =>
          decision(
            name,
            { kind: 'repeat', of: numberOf('b') },
            { revision: 1, voids: [entryId(name, 'ticket.created')] },
          );
        assert.deepEqual(await store.decisions.commit([linked('a')], null), ['committed']);
        const entryA = await store.outbox.get(entryId('a', 'ticket.created'));
        assert.equal(entryA?.state, 'void');
        assert.notEqual(entryA?.cause, null);
        const [claimed] = await store.outbox.claim(NOW, 5, 1000);
        assert.equal(claimed?.id, entryId('b', 'ticket.created'));
        assert.deepEqual(await store.decisions.commit([linked('b')], null), ['conflict']);
        assert.ok(claimed !== undefined);
        await store.outbox.finish(claimed.id, claimed.token, { at: NOW, caseNumber: null });
        assert.deepEqual(await store.decisions.commit([linked('b')], null), ['conflict']);
        assert.equal((await store.outbox.get(claimed.id))?.state, 'done');
      }),
    );

    it(
      'adds events of other tickets in the same step, and refuses the row where one does not fit',
      withStore(open, async store => {
        await decided(store, [ticketOf('a', 'l')]);
        await store.messages.accept([message('b'), message('c')]);
        const event = {
          number: numberOf('a'),
          at: NOW,
          by: 'system',
          kind: 'joined',
          state: 'joined' as const,
          expect: ['queued' as const],
        };
        const repeat = (name: string) => decision(name, { kind: 'repeat', of: numberOf('a') }, { events: [event] });
        assert.deepEqual(await store.decisions.commit([repeat('b'), repeat('c')], null), ['committed', 'conflict']);
        assert.equal((await store.tickets.get(numberOf('a')))?.state, 'joined');
        assert.equal((await store.messages.get(numberOf('c')))?.state, 'unread');
      }),
    );

    it(
      'refuses the decisions of one who has lost the lease',
      withStore(open, async store => {
        await store.messages.accept([message('a'), message('b')]);
        const stale = await store.admin.lease('decider', 'one', NOW, 1000);
        const fresh = await store.admin.lease('decider', 'two', NOW + 2000, 1000);
        assert.deepEqual(await store.decisions.commit([ticketOf('a', 'l')], stale), ['lost-lease']);
        assert.deepEqual(await store.decisions.commit([ticketOf('a', 'l')], 'nonsense'), ['lost-lease']);
        assert.equal((await store.messages.get(numberOf('a')))?.state, 'unread');
        assert.deepEqual(await store.decisions.commit([ticketOf('a', 'l')], fresh), ['committed']);
      }),
    );
  });
}
