// Several processes are one service: whoever takes a message in, it is one message, read by one and sent by one.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StoreUnavailable } from '../../../store/errors.ts';
import { loadKeyRing } from '../../../store/key-ring.ts';
import type { Store } from '../../../store/store.ts';
import { partner } from '../../platforms/app.ts';
import { startCaseSystem } from '../../platforms/case-system.ts';
import { withMongo } from '../../servers/mongo-suite.ts';
import { redisBinary, startRedis } from '../../servers/redis.ts';
import { HEAT } from '../heat.ts';
import { type Several, several } from './several.ts';

const appeal = (content: string, phone = '13900001111') => ({
  type: 'appeal.created',
  timestamp: new Date().toISOString(),
  data: { content, contact: { name: '张三', phone } },
});

withMongo('several gateways on one MongoDB', server => {
  const queues = redisBinary() === null ? [false] : [false, true];
  if (queues.length === 1) console.log('left out: several gateways on one Redis: no redis-server is installed');
  for (const onRedis of queues) {
    describe(onRedis ? 'and one Redis' : 'each with a queue of its own', function () {
      // A server that reads every document for every question, on a machine that does other things too.
      this.timeout(240_000);
      let all: Several;
      let target: Awaited<ReturnType<typeof startCaseSystem>>;
      let redis: Awaited<ReturnType<typeof startRedis>> | null = null;
      let database: ReturnType<typeof server.database>;

      beforeEach(async () => {
        database = server.database(`several_${randomBytes(4).toString('hex')}`);
        target = await startCaseSystem();
        redis = onRedis ? await startRedis() : null;
        all = several(database.url, {
          caseSystem: { url: target.url },
          ...(redis === null ? {} : { queue: { redis: redis.url } }),
        });
      });
      afterEach(async () => {
        await all.close();
        await redis?.stop();
        await target.close();
        await database.drop();
      });

      const store = (member: Awaited<ReturnType<Several['start']>>) => member.gateway.foundation.store;
      const drained = (member: Awaited<ReturnType<Several['start']>>) =>
        until(async () => {
          const [messages, outbox] = await Promise.all([
            store(member).messages.counts(),
            store(member).outbox.counts(),
          ]);
          return messages.unread === 0 && outbox.due + outbox.parked + outbox.inFlight === 0;
        }, 'nothing is left to do');

      it('refuse one that has no keys yet, and leave it none that would fit nothing', async () => {
        await all.start('first');
        const own = join(all.folder, 'second', 'keys.json');
        await assert.rejects(all.start('second', 'all', { keys: { file: own } }), { name: 'KeyError' });
        assert.equal(existsSync(own), false);
        // Laid aside, not removed: whoever else began in that folder in the same moment may have sealed by them.
        const [aside] = readdirSync(join(own, '..')).filter(name => name.startsWith('keys.json.unused-'));
        assert.equal(loadKeyRing({ file: join(own, '..', aside ?? 'none') }).profile, 'intl');
      });

      it('make one message of copies that come to each at once, and one ticket of it', async () => {
        const members = await Promise.all([all.start('a'), all.start('b')]);
        const prepared = members[0]!.sender('one').prepare(appeal('新站广场路灯不亮，请维修。'));
        const answers = await Promise.all(
          members.flatMap(member => [1, 2, 3].map(() => member.sender('one').deliver(prepared))),
        );
        assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
        assert.equal(new Set(answers.map(answer => answer.json()['number'])).size, 1);
        await until(() => target.summary().effects > 0, 'it is sent');
        await drained(members[0]!);
        assert.equal((await store(members[1]!).messages.counts()).total, 1);
        assert.deepEqual(target.summary().effectsByKind, { 'ticket.created': 1 });
      });

      it('take over a channel that a command made at one of them, and that it was switched off', async () => {
        const [here, there] = await Promise.all([all.start('a'), all.start('b')]);
        const { foundation } = here!.gateway;
        const key = `whsec_${randomBytes(32).toString('base64')}`;
        await foundation.book.add({ id: 'new', kind: 'app', settings: { secrets: [key] } }, 'clerk');
        const sender = partner({ url: `${there!.gateway.url}/hooks/new`, secret: key });
        await until(async () => (await sender.send(appeal('桥头路口信号灯不亮。'))).status === 202, 'it is open there');
        await foundation.book.enable('new', false, 'clerk');
        await until(
          async () => (await sender.send(appeal('桥头路口信号灯不亮。'))).status === 404,
          'it is closed there',
        );
        sender.close();
      });

      it('tell whoever waits what another process decided', async () => {
        const [intake] = await Promise.all([all.start('in', 'intake'), all.start('read', 'reader')]);
        const answer = await intake.sender('one').told(appeal('光明路下水井盖丢失。'));
        assert.equal(answer.status, 200, answer.text);
        assert.equal((answer.json()['outcome'] as { kind: string }).kind, 'ticket');
      });

      it('share intake, reading and sending by role, and the order of each sender is kept', async () => {
        const [one, two] = await Promise.all([
          all.start('in-1', 'intake'),
          all.start('in-2', 'intake'),
          all.start('read-1', 'reader'),
          all.start('read-2', 'reader'),
          all.start('work-1', 'worker'),
          all.start('work-2', 'worker'),
        ]);
        const numbers = new Map<string, string[]>();
        await Promise.all(
          Array.from({ length: 8 }, async (_, person) => {
            const phone = `1390000${String(1000 + person)}`;
            for (let turn = 0; turn < 4; turn++) {
              const sender = (turn % 2 === 0 ? one : two).sender('one');
              const words = `第${person}区第${turn}号院：${WORDS[(person * 4 + turn) % WORDS.length]}`;
              const answer = await sender.send(appeal(words, phone));
              assert.equal(answer.status, 202);
              numbers.set(phone, [...(numbers.get(phone) ?? []), String(answer.json()['number'])]);
            }
          }),
        );
        await drained(one);
        assert.equal((await store(one).messages.counts()).total, 32);
        const created = target.lines
          .filter(line => line.effect && line.kind === 'ticket.created')
          .map(line => line.ticket);
        assert.equal(new Set(created).size, created.length);
        for (const lane of numbers.values()) {
          const places = lane.map(number => created.indexOf(number)).filter(place => place >= 0);
          assert.deepEqual(
            places,
            [...places].sort((a, b) => a - b),
          );
        }
        const { doubledEffects } = target.summary();
        assert.equal(doubledEffects, 0);
      });

      it('link before dispatch what two of them decided in the same instant, though the store was away at first', async () => {
        let away = 3;
        const decorateStore = (store: Store): Store => {
          const lease: Store['admin']['lease'] = async (name, ...rest) => {
            if (name === 'desk' && away-- > 0) throw new StoreUnavailable('store.mongo_unreachable', 'away');
            return store.admin.lease(name, ...rest);
          };
          return { ...store, admin: { ...store.admin, lease } };
        };
        const members = await Promise.all([
          all.start('a', 'reader', {}, { decorateStore }),
          all.start('b', 'reader', {}, { decorateStore }),
          all.start('in', 'intake'),
        ]);
        const intake = members[2];
        const share = async () => {
          const leases = await store(intake).shared?.leases('shard ', Date.now());
          return new Set(leases?.map(({ owner }) => owner)).size === 2;
        };
        await until(share, 'both have lanes to read');
        let people = 0;
        const sendTwice = async () => {
          const both = WORDS.slice(0, 6).flatMap(words => {
            const phone = `1380000${2000 + people++}`;
            return (['one', 'two'] as const).map(channel => intake.sender(channel).send(appeal(words, phone)));
          });
          assert.deepEqual(new Set((await Promise.all(both)).map(({ status }) => status)), new Set([202]));
          await until(async () => (await store(intake).messages.counts()).unread === 0, 'all are read');
        };
        await sendTwice();
        const worker = await all.start('send', 'worker');
        await drained(worker);
        // Whose lanes they fall into is chance: it may be one process that reads both of every pair.
        while (away >= 0) {
          await sendTwice();
          await drained(worker);
        }
        assert.deepEqual(target.summary().effectsByKind, { 'ticket.created': people, 'ticket.followed-up': people });
        assert.deepEqual((await store(worker).messages.counts()).byOutcome, { ticket: people, repeat: people });
      });

      it('bring what different people tell of one incident together, decided by two of them in the same instant', async () => {
        const [reads, , intake] = await Promise.all([
          all.start('a', 'reader'),
          all.start('b', 'reader'),
          all.start('in', 'intake'),
        ]);
        const sent = await Promise.all(
          HEAT.map((words, i) =>
            intake.sender(i % 2 === 0 ? 'one' : 'two').send(appeal(words, `1360000${String(4000 + i)}`)),
          ),
        );
        const numbers = sent.map(answer => String(answer.json()['number']));
        const together = async () => {
          const rows = await Promise.all(numbers.map(number => store(reads).tickets.get(number)));
          return rows.every(row => row !== null && row.incident !== null && row.incident === rows[0]?.incident);
        };
        await until(together, 'all are of one incident');
        const [incident, ...others] = await store(reads).incidents.list({ limit: 10 });
        assert.deepEqual([incident?.tickets, others], [HEAT.length, []]);
      });

      it('take over the reading of one that is gone, and finish what is under way when told to stop', async () => {
        const [stays, goes] = await Promise.all([all.start('stays'), all.start('goes')]);
        const sends = Array.from({ length: 30 }, (_, i) =>
          stays.sender('one').send(appeal(`${WORDS[i % WORDS.length]}（${i}号楼）`, `1370000${3000 + i}`)),
        );
        const from = performance.now();
        await goes.close();
        assert.ok(performance.now() - from < 25_000);
        await Promise.all(sends);
        await drained(stays);
        const { byOutcome } = await store(stays).messages.counts();
        assert.equal(
          Object.values(byOutcome).reduce((sum, count) => sum + count, 0),
          30,
        );
        assert.equal(target.summary().doubledEffects, 0);
      });
    });
  }
});

async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never came about: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

const WORDS = [
  '小区门口路灯连续三天不亮，晚上出行不便，请维修。',
  '楼下烧烤店油烟直排，夜里噪声扰民，请环保部门查处。',
  '供暖温度只有十四度，老人孩子受冻，请供热公司处理。',
  '公交五路车早高峰间隔太长，等了四十分钟，请增加班次。',
  '自来水发黄有异味，已经一周，请检测水质。',
  '工地夜间施工打桩到凌晨两点，影响休息，请制止。',
  '人行道地砖破损积水，行人摔倒，请修补。',
  '物业多收电梯费，不给发票，请物价部门核查。',
];
