// A gateway whose MongoDB is cut off or takes nothing that is written: it says so in one way everywhere, takes nothing in, and goes on by
// itself.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Command } from '../../../gateway/cli/command.ts';
import { statusCommand } from '../../../gateway/cli/status.ts';
import type { Finding } from '../../../gateway/cli/status-finding.ts';
import { EXIT } from '../../../gateway/desk/desk-error.ts';
import { appealBody } from '../../platforms/app.ts';
import { type FaultyLink, openFaultyLink } from '../../servers/mongo-faults.ts';
import { type MongoSuite, withMongo } from '../../servers/mongo-suite.ts';
import { openWeakLink, type WeakLink } from '../../servers/weak-link.ts';
import { type Member, type Several, several } from '../reading/several.ts';

/** A deadline of a probe that is not in a hurry. */
const PROBE_MS = 15_000;
const CALL = { by: 'tester', signal: new AbortController().signal, progress: () => undefined };
const status = statusCommand as Extract<Command, { readonly kind: 'one' }>;

const appeal = (content: string) => appealBody({ externalId: '', title: '', content });

/** With a gateway behind a connection to MongoDB that does what it is told; everything is put right and away afterwards. */
async function behindFaultyLink(
  server: MongoSuite,
  run: (link: FaultyLink, member: Member) => Promise<void>,
): Promise<void> {
  const database = server.database(`away_${randomBytes(4).toString('hex')}`);
  const link = await openFaultyLink(database.url);
  const all = several(link.url, {});
  try {
    await run(link, await all.start('a'));
  } finally {
    link.refuseWrites(null);
    link.stall(false);
    await all.close();
    await link.close();
    await database.drop();
  }
}

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
    while ((await fetch(new URL('/readyz', member.gateway.url))).status !== 200);
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
    const known = await status.run(member.gateway.context, {}, CALL);
    assert.equal(status.exit?.(known), EXIT.unavailable);
    const said = status.text?.(known, 'en') ?? '';
    for (const words of [
      /^The store does not answer, since 20.*MongoDB cannot be reached\..*store\.url 127/,
      /^Nothing is acknowledged meanwhile/m,
      /^Before that, at 20.*: 0 messages unread/m,
      /^· open channels: one, two$/m,
      new RegExp(
        `^· this process \\(${process.pid}, role all\\) runs since 20.* and listens on ${member.gateway.url}$`,
        'm',
      ),
    ]) {
      assert.match(said, words);
    }
    assert.deepEqual([known['messages'], known['outbox'], known['stuck']], [null, null, 1]);
    link.heal();
    link.cut();
    // Told what became of it: the readers are back as well.
    let taken = await sender.told(appeal('民主路的垃圾没人清运。'));
    while (taken.status !== 200) taken = await sender.told(appeal('民主路的垃圾没人清运。'));
    const whole = await status.run(member.gateway.context, {}, CALL);
    assert.deepEqual([whole['store'], status.exit?.(whole)], [null, EXIT.ok]);
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

withMongo('a gateway whose MongoDB answers every question and takes nothing', server => {
  it('is not ready, and says so in /readyz, the metrics, status and the log, until writes are taken again', () =>
    behindFaultyLink(server, async (link, member) => {
      const page = async (path: string) => (await fetch(new URL(path, member.gateway.url))).text();
      const ready = async (status: number): Promise<string> => {
        for (;;) {
          const answer = await fetch(new URL('/readyz', member.gateway.url));
          const text = await answer.text();
          if (answer.status === status) return text;
        }
      };
      await ready(200);
      link.refuseWrites({ code: 14031, codeName: 'OutOfDiskSpace', errmsg: 'available disk space is too low' });
      const refused = await member.sender('one').send(appeal('新站广场路灯不亮，请维修。'));
      assert.equal(refused.status, 503);
      // Nobody has to send anything for it to be known.
      const why = await ready(503);
      assert.match(why, /store\.unwritable.*store\.mongo_failed, store\.url 127\.0\.0\.1:\d+: OutOfDiskSpace/);
      assert.match(await page('/metrics'), /^huisu_store_up 0$/m);
      const { findings } = (await status.run(member.gateway.context, {}, CALL)) as { findings: Finding[] };
      assert.deepEqual(
        findings.filter(({ stuck }) => stuck).map(({ code }) => code),
        ['store.unwritable'],
      );
      link.refuseWrites(null);
      await ready(200);
      assert.match(await page('/metrics'), /^huisu_store_up 1$/m);
      const told = await member.sender('one').told(appeal('新站广场路灯不亮，请维修。'));
      assert.equal(told.status, 200);
      const codes = member.logged.map(line => (JSON.parse(line) as { code: string }).code);
      const about = codes.filter(code => code === 'store.unwritable' || code === 'store.writable');
      assert.deepEqual(about, ['store.unwritable', 'store.writable']);
    })).timeout(90_000);
});

withMongo('a gateway whose MongoDB is there and answers nothing', server => {
  it('answers probes within seconds all the same, and says so', () =>
    behindFaultyLink(server, async (link, { gateway }) => {
      const page = (path: string) => fetch(new URL(path, gateway.url), { signal: AbortSignal.timeout(PROBE_MS) });
      assert.equal((await page('/readyz')).status, 200);
      link.stall(true);
      const [ready, metrics] = await Promise.all([page('/readyz'), page('/metrics')]);
      assert.equal(ready.status, 503);
      assert.match(await ready.text(), /store\.no_answer/);
      assert.match(await metrics.text(), /^huisu_store_up 0$/m);
      link.stall(false);
      while ((await page('/readyz')).status !== 200);
    })).timeout(90_000);
});
