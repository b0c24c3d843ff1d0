// What clerks make of messages and take back again, at two processes on one MongoDB: each act once, whoever does it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { startCaseSystem } from '../../platforms/case-system.ts';
import { withMongo } from '../../servers/mongo-suite.ts';
import { until } from '../dispatch/workbench.ts';
import { type Several, several } from '../reading/several.ts';

const LAMP = '幸福路12号楼道灯坏了三天，请尽快派人维修';
const BUS = '二道江区鸭园镇公交车早班总是不来，请增加班次';
const WANG = { name: '王桂芬', phone: '13800001014' };

withMongo('two processes with clerks at both', server => {
  describe('on one MongoDB', function () {
    this.timeout(240_000);
    let all: Several;
    let cases: Awaited<ReturnType<typeof startCaseSystem>>;
    let database: ReturnType<typeof server.database>;

    beforeEach(async () => {
      database = server.database(`undone_${randomBytes(4).toString('hex')}`);
      cases = await startCaseSystem();
      all = several(database.url, { caseSystem: { url: cases.url } });
    });
    afterEach(async () => {
      await all.close();
      await cases.close();
      await database.drop();
    });

    const body = (data: Readonly<Record<string, unknown>>, type = 'appeal.created') => ({
      ...{ type, timestamp: new Date().toISOString() },
      data: { contact: WANG, ...data },
    });
    const sent = () => cases.lines.map(({ kind, ticket }) => `${kind} ${ticket}`);
    const arrived = (count: number) =>
      until(() => cases.lines.length === count, `${count} entries, not ${sent().join()}`);
    const lost = (result: PromiseSettledResult<unknown>): boolean =>
      result.status === 'rejected' && result.reason instanceof DeskError;

    it('make an appeal of a test once, and take it back once', async () => {
      const [one, two] = [await all.start('one'), await all.start('two')];
      const desks = [one, two].map(({ gateway }) => gateway.context.desk);
      const told = await one.sender('one').told(body({ content: LAMP }, 'appeal.test'));
      const number = String(told.json()['number']);
      const made = await Promise.allSettled(
        desks.map((desk, at) => desk.makeAppeal(number, '确有此事', `clerk-${at}`)),
      );
      assert.equal(made.filter(lost).length, 1);
      await arrived(1);
      const taken = await Promise.allSettled(desks.map((desk, at) => desk.makeNoAppeal(number, '误点', `clerk-${at}`)));
      assert.equal(taken.filter(lost).length, 1);
      await arrived(2);
      assert.deepEqual(sent(), [`ticket.created ${number}`, `ticket.withdrawn ${number}`]);
      const { store } = two.gateway.foundation;
      assert.equal((await store.tickets.get(number))?.state, 'refused');
      assert.equal((await store.admin.auditVerify()).broken, null);
    });

    it('part a message off its conversation once', async () => {
      const [one, two] = [await all.start('one'), await all.start('two')];
      const part = { conversation: 'k', title: '' };
      const lead = String((await one.sender('one').send(body({ ...part, content: LAMP }))).json()['number']);
      const last = await two.sender('one').told(body({ ...part, content: BUS, last: true }));
      const number = String(last.json()['number']);
      await arrived(1);
      const acts = [one, two].map(({ gateway }, at) => gateway.context.desk.unlink(number, lead, `clerk-${at}`));
      assert.equal((await Promise.allSettled(acts)).filter(lost).length, 1);
      await arrived(3);
      const { store, cipher } = two.gateway.foundation;
      const contents = await Promise.all(
        [lead, number].map(async of => openTicketContent(cipher, (await store.tickets.get(of))!).appeal.content),
      );
      assert.deepEqual(contents, [LAMP, BUS]);
      assert.deepEqual(
        sent().toSorted(),
        [`ticket.corrected ${lead}`, `ticket.created ${lead}`, `ticket.created ${number}`].toSorted(),
      );
      assert.equal((await store.admin.auditVerify()).broken, null);
    });
  });
});
