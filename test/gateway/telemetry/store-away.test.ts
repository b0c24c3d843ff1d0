// A gateway whose network to MongoDB swallows everything: it says so in one way everywhere, takes nothing in, and goes on by itself.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { withMongo } from '../../servers/mongo-suite.ts';
import { openWeakLink, type WeakLink } from '../../servers/weak-link.ts';
import { type Member, type Several, several } from '../reading/several.ts';

const appeal = (content: string) => ({
  type: 'appeal.created',
  timestamp: new Date().toISOString(),
  data: { content, contact: { name: '张三', phone: '13900001111' } },
});

withMongo('a gateway whose network to MongoDB swallows everything', server => {
  let database: ReturnType<typeof server.database>;
  let link: WeakLink;
  let all: Several;
  let member: Member;
  let host: string;

  before(async () => {
    database = server.database(`away_${randomBytes(4).toString('hex')}`);
    const url = new URL(database.url);
    link = await openWeakLink({ host: url.hostname, port: Number(url.port) });
    host = `127.0.0.1:${link.port}`;
    url.host = host;
    all = several(url.href, {});
    member = await all.start('a');
  });
  after(async () => {
    link.heal();
    await all.close();
    await link.close();
    await database.drop();
  });

  it('refuses with 503, names the place in /readyz and the log, has no defect, and reads on when the network is back', async () => {
    const sender = member.sender('one');
    assert.equal((await sender.told(appeal('新站广场路灯不亮，请维修。'))).status, 200);
    link.hang();
    const [refused, probe] = await Promise.all([
      sender.send(appeal('江南大街的井盖丢了，请补上。')),
      fetch(new URL('/readyz', member.gateway.url)),
    ]);
    assert.deepEqual([refused.status, refused.json()['code']], [503, 'intake.store_unavailable']);
    const { reasons } = (await probe.json()) as { reasons: { code: string; en: string }[] };
    assert.equal(probe.status, 503);
    const why = reasons.find(({ code }) => code === 'store.unavailable')?.en ?? '';
    assert.ok(why.includes(`store.mongo_unreachable, store.url ${host}`), why);
    link.heal();
    link.cut();
    // Told what became of it: the readers are back as well.
    let taken = await sender.told(appeal('民主路的垃圾没人清运。'));
    while (taken.status !== 200) taken = await sender.told(appeal('民主路的垃圾没人清运。'));
    const message = await member.gateway.foundation.store.messages.get(String(taken.json()['number']));
    assert.deepEqual([message?.outcome?.kind, message?.attempts], ['ticket', 0]);
    const lines = member.logged.map(line => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.filter(({ level, code }) => level === 'error' || String(code).endsWith('bug')),
      [],
    );
    const places = lines.map(({ error }) => (error as { place?: string } | undefined)?.place);
    assert.ok(
      places.some(place => place?.startsWith(`store.url ${host}`)),
      member.logged.join(''),
    );
  }).timeout(90_000);
});
