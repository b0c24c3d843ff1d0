// What a clerk corrected and what a clerk proposed outlive restarts, rotated keys, a backup put back and a move to MongoDB.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig } from '../../../config/load.ts';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { startGateway } from '../../../gateway/compose.ts';
import type { Changes } from '../../../gateway/desk/changes.ts';
import { proposalOf, proposedTickets } from '../../../gateway/desk/lowering.ts';
import { type Foundation, openFoundation } from '../../../gateway/foundation.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { openNote, openTicketContent } from '../../../store/ticket-seal.ts';
import { partner } from '../../platforms/app.ts';
import { withMongo } from '../../servers/mongo-suite.ts';
import { type Running, runGateway } from '../running.ts';

const ENTRY = resolve(import.meta.dirname, '../../../gateway/main.ts');
const LAMP = '东昌区江南大街路灯灭了一排，多次举报无人处理，我要举报路灯不亮，请安排检修。';
/** Where the clerk said it is, and no accusation: what may be one joins nothing that is open. */
const AGAIN = '二道江区江南大街路灯灭了一排，多次反映无人处理，请安排检修。';
const BUS = '二道江区鸭园镇公交车早班总是不来，我要举报公交公司，请增加班次。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const OPENED: Changes = { type: '投诉', confidential: false };
const WORDS = '江南大街与滨江路口';
/** Any other than reading would say. */
const CORRECTED: Changes = { division: '220503', urgency: '紧急', scene: WORDS };

const onFatal = (error: Error) => {
  throw error;
};

type Kept = Pick<Foundation, 'store' | 'cipher'>;

/** What was corrected, in the clear, with the reason. */
async function correctionOf({ store, cipher }: Kept, number: string) {
  const row = (await store.tickets.get(number))!;
  const { appeal, place, handling, confidential, revision } = openTicketContent(cipher, row);
  const { eventId, note, by } = row.events.find(({ kind }) => kind === 'corrected')!;
  const key = cipher.openDataKey(row.wrappedContent);
  const reason = openNote(cipher, key, { number, eventId: eventId as string, sealed: note as Uint8Array });
  return {
    row: [row.type, row.urgency, row.division, row.revision],
    appeal,
    place,
    handling,
    confidential,
    revision,
    by,
    reason,
  };
}

withMongo('what clerks corrected', server => {
  let running: Running;
  let corrected: string;
  let proposed: string;
  let before: Awaited<ReturnType<typeof correctionOf>>;

  beforeEach(async function () {
    this.timeout(60_000);
    running = await runGateway();
    const { desk } = running.gateway.context;
    corrected = (await running.appeal(LAMP, WANG)).number;
    proposed = (await running.appeal(BUS, { name: '李长顺', phone: '13800001027' })).number;
    await desk.correct(corrected, CORRECTED, '电线落地', 'zhang');
    await desk.correct(corrected, OPENED, '只是催修', 'zhang');
    await desk.approve(corrected, null, 'li');
    await desk.correct(proposed, OPENED, '只是建议增加班次', 'zhang');
    before = await correctionOf(running.gateway.context, corrected);
    assert.deepEqual(before.row, ['投诉', '紧急', '220503', 2]);
    assert.deepEqual([before.place.text, before.reason], [WORDS, '电线落地']);
  });
  afterEach(() => running.close());

  const inFolder = (...path: string[]) => join(running.folder, ...path);
  const huisu = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    new Promise<string>((settle, fail) => {
      const env = { PATH: process.env['PATH'], HOME: running.folder, LANG: 'en_US.UTF-8', ...more };
      execFile(process.execPath, [ENTRY, ...args], { cwd: running.folder, env }, (error, out, err) =>
        error === null ? settle(out) : fail(new Error(`${out}${err}`)),
      );
    });
  async function call(command: string, args: Readonly<Record<string, string>>): Promise<void> {
    for (const reply of await running.call(command, args)) assert.ok(!('failure' in reply), JSON.stringify(reply));
  }

  /** All is there, the proposal can be carried out, and the chain of records is whole. */
  async function assertKept(kept: Kept & Pick<Foundation, 'desk'>): Promise<void> {
    assert.deepEqual(await correctionOf(kept, corrected), before);
    const waiting = proposalOf(kept.cipher, (await kept.store.tickets.get(proposed))!, Date.now());
    assert.deepEqual([waiting?.by, waiting?.changes, waiting?.reason], ['zhang', OPENED, '只是建议增加班次']);
    const listed = await proposedTickets({ ...kept, now: Date.now });
    assert.deepEqual(
      listed.map(({ number }) => number),
      [proposed],
    );
    await kept.desk.approve(proposed, null, 'li');
    assert.deepEqual((await kept.store.tickets.get(proposed))?.confidential, false);
    await kept.desk.correct(corrected, { type: '举报' }, '确系举报', 'li');
    assert.deepEqual((await kept.store.tickets.get(corrected))?.confidential, true);
    assert.equal((await kept.store.admin.auditVerify()).broken, null);
  }

  async function assertKeptIn(name: string, settings: string): Promise<void> {
    writeFileSync(inFolder(name), settings);
    const foundation = await openFoundation(loadConfig({ file: inFolder(name), env: {} }), { env: {}, onFatal });
    try {
      await assertKept(foundation);
    } finally {
      await foundation.close();
    }
  }

  it('outlives a restart, after which what comes of the same matter joins it and changes nothing of it', async () => {
    await running.gateway.close(5000);
    const log = createLog({ level: 'error', destination: { write: line => assert.fail(line) } });
    const config = loadConfig({ file: inFolder('huisu.yaml'), env: {} });
    const gateway = await startGateway(config, { log, commands: COMMANDS, env: {}, onFatal });
    const { id, secret } = running.gateway.firstChannel as { id: string; secret: string };
    const sender = partner({ url: `${gateway.url}/hooks/${id}`, secret });
    try {
      const data = { content: AGAIN, contact: WANG };
      const answer = await sender.told({ type: 'appeal.created', timestamp: new Date().toISOString(), data });
      const { outcome } = answer.json() as { readonly outcome: unknown };
      assert.deepEqual(outcome, { kind: 'repeat', of: corrected });
      await assertKept(gateway.context);
    } finally {
      sender.close();
      await gateway.close(5000);
    }
  }).timeout(60_000);

  it('outlives rotated keys, a backup put back, and the move to MongoDB', async () => {
    const { store, ring } = running.gateway.context;
    const old = ring.sealing.content?.at(-1)?.id;
    await call('keys rotate', { name: 'content' });
    await call('keys rotate', { name: 'identity' });
    await running.until(async () => {
      const rows = await Promise.all([corrected, proposed].map(number => store.tickets.get(number)));
      return rows.every(row => Buffer.from(row?.wrappedContent ?? []).toString('hex', 2, 10) !== old);
    });
    assert.deepEqual(await correctionOf(running.gateway.context, corrected), before);
    await call('backup', { folder: inFolder('backup') });
    await running.gateway.close(5000);
    await huisu(['restore', 'backup', '--data', 'restored', '--keys', 'keys.json', '--json']);
    const database = server.database(`corrected_${randomBytes(4).toString('hex')}`);
    await huisu(['migrate', '--config', 'huisu.yaml', '--from', 'sqlite', '--to', 'mongo'], {
      HUISU_MONGO: database.url,
    });
    await assertKeptIn('restored.yaml', 'data: ./restored\nkeys: { file: ./keys.json }\n');
    await assertKeptIn('moved.yaml', `data: ./moved\nkeys: { file: ./keys.json }\nstore: { url: '${database.url}' }\n`);
    await database.drop();
  }).timeout(120_000);
});
