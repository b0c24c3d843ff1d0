// The oracle of the crash runs must see every kind of fault it counts.
import assert from 'node:assert/strict';
import type { Obligation } from './kill/ledger.ts';
import { type Evidence, judge, type Verdict } from './kill/oracle.ts';

const obligation = (id: string, lane: string, place: number, ...numbers: string[]): Obligation => ({
  id,
  lane,
  place,
  numbers: new Set(numbers),
  acknowledgements: numbers.length,
  sends: numbers.length,
  refusal: null,
});
const message = (number: string, held = false) => ({ number, state: 'decided', outcome: { kind: 'ticket', held } });
const ticket = (number: string, urgency = '一般', state = 'dispatched') => ({ number, urgency, state });
const entry = (number: string, state = 'done') => ({
  id: `${number}:0:ticket.created`,
  kind: 'ticket.created',
  ticket: number,
  state,
});
const effect = (number: string, revision = 0) => ({
  key: `${number}:${revision}:ticket.created`,
  kind: 'ticket.created',
  ticket: number,
});

/** Two messages of one lane, all as it should be. */
const sound: Evidence = {
  obligations: [obligation('a', 'lane', 0, 'N1'), obligation('b', 'lane', 1, 'N2')],
  messages: [message('N1'), message('N2')],
  tickets: [ticket('N1'), ticket('N2')],
  entries: [entry('N1'), entry('N2')],
  effects: [effect('N1'), effect('N2')],
};

function faults(changes: Partial<Evidence>): Partial<Verdict> {
  const { examples, ...counts } = judge({ ...sound, ...changes });
  const found = Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
  assert.equal(
    examples.length > 0,
    Object.keys(found).some(name => name !== 'doubledEffects'),
  );
  return found;
}

describe('the oracle of the crash runs', () => {
  it('finds nothing wrong where nothing is', () => {
    assert.deepEqual(faults({}), {});
  });
  it('counts one that its platform saw taken and of which no message was made as lost', () => {
    const marked = { ...obligation('c', 'other', 0), acknowledgements: 1 };
    assert.deepEqual(faults({ obligations: [...sound.obligations, marked] }), { lost: 1 });
  });
  it('counts an acknowledged message that is gone as lost', () => {
    const { messages, tickets, entries, effects } = sound;
    const gone = {
      messages: messages.slice(1),
      tickets: tickets.slice(1),
      entries: entries.slice(1),
      effects: effects.slice(1),
    };
    assert.deepEqual(faults(gone), { lost: 1 });
  });
  it('counts an acknowledged message that was never read as lost', () => {
    const unread = { number: 'N1', state: 'unread', outcome: null };
    assert.equal(faults({ messages: [unread, message('N2')] }).lost, 1);
  });
  it('counts a message that joined a missing ticket as lost', () => {
    const joined = { number: 'N1', state: 'decided', outcome: { kind: 'repeat', of: 'N9' } };
    assert.equal(faults({ messages: [joined, message('N2')] }).lost, 1);
  });
  it('counts an id under two numbers as doubled', () => {
    const obligations = [obligation('a', 'lane', 0, 'N1', 'N3'), obligation('b', 'lane', 1, 'N2')];
    assert.equal(faults({ obligations }).doubledMessages, 1);
  });
  it('counts a message that no answer named as doubled', () => {
    assert.equal(faults({ messages: [...sound.messages, message('N3')] }).doubledMessages, 1);
  });
  it('counts a ticket created under two keys as doubled', () => {
    assert.deepEqual(faults({ effects: [...sound.effects, effect('N1', 1)] }), { doubledTickets: 1 });
  });
  it('counts a ticket whose message became a repeat as doubled, unless it has joined the other', () => {
    const messages = [message('N1'), { ...message('N2'), outcome: { kind: 'repeat', of: 'N1' } }];
    assert.deepEqual(faults({ messages }), { doubledTickets: 1 });
    const tickets = [ticket('N1'), ticket('N2', '一般', 'joined')];
    assert.deepEqual(faults({ messages, tickets }), {});
    assert.deepEqual(faults({ tickets }), { doubledTickets: 1 }, 'joined, though its message still is a ticket');
  });
  it('counts a ticket that stands there twice as doubled', () => {
    assert.deepEqual(faults({ tickets: [...sound.tickets, ticket('N2')] }), { doubledTickets: 1 });
  });
  it('counts a second effect of one key as doubled', () => {
    const verdict = faults({ effects: [...sound.effects, effect('N1')] });
    assert.equal(verdict.doubledEffects, 1);
  });
  it('counts a ticket that never reached the case system', () => {
    const { missingEffects } = faults({ effects: [effect('N2')] });
    assert.equal(missingEffects, 2, 'the ticket and its entry that claims to be done');
  });
  it('does not ask for an effect of a held ticket', () => {
    const held = { messages: [message('N1', true), message('N2')], entries: [entry('N2')], effects: [effect('N2')] };
    assert.deepEqual(faults(held), {});
  });
  it('counts the second of a lane that came first', () => {
    assert.deepEqual(faults({ effects: [effect('N2'), effect('N1')] }), { orderInversions: 1 });
  });
  it('lets an urgent ticket overtake its lane', () => {
    const tickets = [ticket('N1'), ticket('N2', '紧急')];
    assert.deepEqual(faults({ tickets, effects: [effect('N2'), effect('N1')] }), {});
  });
  it('counts what was refused, and what still waits in the outbox', () => {
    const refusal = { ...obligation('c', 'other', 0), refusal: '422' };
    const entries = [...sound.entries, entry('N3', 'dead')];
    assert.deepEqual(faults({ obligations: [...sound.obligations, refusal], entries }), { refused: 1, undelivered: 1 });
  });
});
