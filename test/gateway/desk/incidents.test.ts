// Incidents on a running gateway: what a clerk merges and splits moves at once, is audited, undone and remembered.
import assert from 'node:assert/strict';
import type { Arguments, Row } from '../../../gateway/cli/command.ts';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { createIncidentDesk } from '../../../gateway/desk/incident-desk.ts';
import type { Store } from '../../../store/store.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { HEAT } from '../heat.ts';
import { type Running, runGateway } from '../running.ts';

const LAMP = '东昌区江南大街与滨江西路交汇处往北三百米，路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。';
const person = (n: number) => ({ name: '王桂芬', phone: `1380000${String(1000 + n)}` });

describe('incidents', function () {
  this.timeout(60_000);
  let running: Running;
  beforeEach(async () => {
    running = await runGateway({});
  });
  afterEach(() => running.close());

  const store = () => running.gateway.context.store;
  const incidentOf = async (number: string) => (await store().tickets.get(number))?.incident ?? null;

  async function one(name: string, args: Arguments): Promise<Row> {
    const command = COMMANDS.find(known => known.name === name);
    if (command?.kind !== 'one') throw new Error(`no command ${name}`);
    const call = { by: 'clerk-1', signal: new AbortController().signal, progress: () => undefined };
    return command.run(running.gateway.context, args, call);
  }
  async function list(args: Arguments = {}): Promise<Row[]> {
    const command = COMMANDS.find(known => known.name === 'incidents list');
    if (command?.kind !== 'list') throw new Error('no list of incidents');
    const call = { by: 'clerk-1', signal: new AbortController().signal, progress: () => undefined };
    const rows: Row[] = [];
    for await (const row of command.run(running.gateway.context, args, call)) rows.push(row);
    return rows;
  }
  const refused = (code: string) => (error: unknown) => error instanceof DeskError && error.code === code;

  /** An incident of as many tickets, by as many people. */
  async function heat(many: number): Promise<string[]> {
    const numbers: string[] = [];
    for (const [n, text] of HEAT.slice(0, many).entries()) numbers.push((await running.appeal(text, person(n))).number);
    for (const number of numbers) assert.equal(await incidentOf(number), numbers[0], 'one incident from the beginning');
    return numbers;
  }

  it('are marked for supervision and flagged as a burst once many people tell of one thing, in list, ticket and status', async () => {
    const [first] = await heat(HEAT.length);
    const [line, ...rest] = await list({ supervised: true, burst: true });
    assert.deepEqual(rest, []);
    assert.deepEqual([line?.['incident'], line?.['tickets'], line?.['supervised']], [first, 5, ['people']]);
    assert.deepEqual(line?.['burst'], { tickets: 5, usual: 0 });
    const ticket = await one('tickets show', { number: first as string });
    assert.equal(ticket['supervised'], true);
    assert.deepEqual(ticket['burst'], { tickets: 5, usual: 0 });
    const { findings } = (await one('status', {})) as { findings: { code: string; count: number }[] };
    const told = findings.filter(({ code }) => code === 'burst' || code === 'supervised');
    assert.deepEqual(told.map(({ code, count }) => [code, count]).sort(), [
      ['burst', 1],
      ['supervised', 1],
    ]);
  });

  it('take in what a clerk merges, and give it back when that is undone; both are audited', async () => {
    const [first, second] = await heat(2);
    const { number: lamp } = await running.appeal(LAMP, person(9));
    assert.equal(await incidentOf(lamp), null);
    const merged = await one('incidents merge', { number: lamp, into: second as string });
    assert.deepEqual(merged, { incident: first, from: null, moved: [lamp] });
    const shown = await one('incidents show', { number: lamp });
    assert.equal(shown['incident'], first);
    assert.deepEqual(
      (shown['members'] as Row[]).map(row => row['number']),
      [first, second, lamp],
    );
    assert.equal((shown['moves'] as Row[])[0]?.['kind'], 'incident-merged');
    await assert.rejects(
      one('incidents merge', { number: lamp, into: first as string }),
      refused('desk.same_incident'),
    );
    const undone = await one('incidents split', { number: first as string, merged: lamp });
    assert.deepEqual(undone, { incident: lamp, from: first, moved: [lamp] });
    assert.equal(await incidentOf(lamp), lamp);
    const records = await store().admin.auditList(0, 1000);
    assert.deepEqual(
      records.filter(({ action }) => action.startsWith('incident.')).map(({ action, by, on }) => [action, by, on]),
      [
        ['incident.merge', 'clerk-1', [lamp, first]],
        ['incident.split', 'clerk-1', [first, lamp]],
      ],
    );
  });

  it('keep their name where the ticket they are named after is split off, and later messages go where the likest ticket is', async () => {
    const numbers = await heat(3);
    const [first, second, third] = numbers as [string, string, string];
    await assert.rejects(
      one('incidents split', { number: first, tickets: numbers.join(',') }),
      refused('desk.whole_incident'),
    );
    const { number: lamp } = await running.appeal(LAMP, person(9));
    await assert.rejects(one('incidents split', { number: first, tickets: lamp }), refused('desk.not_in_incident'));
    const split = await one('incidents split', { number: first, tickets: first });
    assert.deepEqual(split, { incident: second, from: first, moved: [second, third] });
    assert.deepEqual([await incidentOf(first), await incidentOf(third)], [first, second]);
    assert.deepEqual(await list(), [await lineOf(second)]);
    // The reader has the tickets in memory; a decision after the split follows it.
    const again = await running.appeal(HEAT[2] as string, person(7));
    assert.equal(await incidentOf(again.number), second);
    const back = await one('incidents merge', { number: second, into: first });
    assert.equal(back['incident'], first);
    assert.equal(await incidentOf(again.number), first);
  });

  describe('at the case system', () => {
    let simulator: CaseSystemSimulator;
    let cases: Running;
    before(async () => {
      simulator = await startCaseSystem();
    });
    after(() => simulator.close());
    beforeEach(async () => {
      await running.close();
      running = cases = await runGateway({ caseSystem: { url: simulator.url, deadlines: { total: 5 } } });
    });

    /** Of each entry that it got about this ticket: its kind, and the incident it named. */
    const told = (number: string) =>
      simulator.lines
        .filter(line => line.ticket === number && line.effect)
        .map(({ kind, body }) => [kind, (body as { data: { incident: string | null } }).data.incident]);
    const dispatched = (number: string) =>
      cases.until(async () => (await store().tickets.get(number))?.state === 'dispatched');

    it('stand as they are now: what a clerk merges or splits is sent once more where it has gone, and nothing else is', async () => {
      const [first, second] = (await heat(2)) as [string, string];
      const { number: lamp } = await cases.appeal(LAMP, person(9));
      await Promise.all([first, second, lamp].map(dispatched));
      assert.deepEqual([told(second), told(lamp)], [[['ticket.created', first]], [['ticket.created', null]]]);
      await one('incidents merge', { number: lamp, into: second });
      await cases.until(() => told(lamp).length === 2);
      assert.deepEqual(told(lamp)[1], ['ticket.corrected', first]);
      await one('incidents split', { number: first, tickets: lamp });
      await cases.until(() => told(lamp).length === 3);
      assert.deepEqual(told(lamp)[2], ['ticket.corrected', lamp]);
      assert.deepEqual([told(first).length, told(second).length], [1, 1], 'the others stay where they were');
    });
  });

  describe('with tickets that have not gone', () => {
    /** The desk on a store in which something happens before tickets are moved. */
    const deskWith = (before: () => Promise<void>) => {
      const { cipher, now } = running.gateway.context;
      const move: Store['incidents']['move'] = async change => {
        await before();
        return store().incidents.move(change);
      };
      return createIncidentDesk({ store: { ...store(), incidents: { ...store().incidents, move } }, cipher, now });
    };
    const corrections = async (number: string) =>
      (await store().outbox.list({ ticket: number, kind: 'ticket.corrected', limit: 9 })).length;

    it('send nothing for them: they go as they are by then', async () => {
      const { number: first } = await running.appeal(HEAT[0] as string, person(0));
      const { number: lamp } = await running.appeal(LAMP, person(9));
      await one('incidents merge', { number: lamp, into: first });
      assert.equal(await corrections(lamp), 0);
    });

    const goes = async () => {
      const { outbox } = store();
      for (const entry of await outbox.claim(Date.now(), 9, 60_000))
        await outbox.finish(entry.id, entry.token, { at: Date.now(), caseNumber: `CASE-${entry.ticket}` });
    };

    it('are not told again for what is brought together without a clerk', async () => {
      const { number: first } = await running.appeal(HEAT[0] as string, person(0));
      const { number: lamp } = await running.appeal(LAMP, person(9));
      await goes();
      await deskWith(async () => undefined).merge(lamp, first, 'system');
      assert.deepEqual([await incidentOf(lamp), await corrections(lamp)], [first, 0]);
    });

    it('have those corrected that go in the very moment in which they are moved', async () => {
      const { number: first } = await running.appeal(HEAT[0] as string, person(0));
      const { number: lamp } = await running.appeal(LAMP, person(9));
      await deskWith(goes).merge(lamp, first, 'clerk-1');
      assert.deepEqual([await corrections(lamp), await corrections(first)], [1, 0]);
      const fails = async () => assert.fail('the power is cut');
      await assert.rejects(deskWith(fails).split(first, [lamp], 'clerk-1'), /power/);
      assert.deepEqual(
        [await incidentOf(lamp), await corrections(lamp)],
        [first, 2],
        'told once for nothing, never too little',
      );
      await one('incidents split', { number: first, tickets: lamp });
      assert.deepEqual([await incidentOf(lamp), await corrections(lamp)], [lamp, 3]);
    });
  });

  async function lineOf(incident: string): Promise<Row | undefined> {
    return (await list()).find(row => row['incident'] === incident);
  }
});
