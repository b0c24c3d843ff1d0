// After an erasing nothing tells or leads to who it was: rare words go in by every field, and are looked for in all that opens with the keys.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import mongoose from 'mongoose';
import type { Arguments, Row } from '../../../gateway/cli/command.ts';
import type { TicketRow } from '../../../store/store.ts';
import { openDecision, openIdentity, openNote, openTicketContent, sealNote } from '../../../store/ticket-seal.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { withMongo } from '../../servers/mongo-suite.ts';
import { type Running, runGateway } from '../running.ts';

const QUE = {
  name: '阙鹤龄',
  phone: '13977770101',
  callerPhone: '15977770102',
  email: 'que.heling@rare.example',
  idNumber: '220502199003078516',
  openid: 'uRAREopen7',
  address: '东昌区柳岸苑9号楼1单元1203',
  organisation: '柳岸五金行',
};
const SAID = '东昌区江南大街的路灯灭了一排，晚上看不清路。我叫阙鹤龄，电话13977770101，家住柳岸苑9号楼1单元1203。';
const AGAIN = '东昌区江南大街的路灯还是灭了一排，晚上看不清路，没有人修。我是阙鹤龄，另一个电话18677770103。';
const MARKS = [...Object.values(QUE), '18677770103', '柳岸苑', 'QHL-EXT', 'rare-photo', 'RAREBYTES'];
const OTHER = { name: '宁小溪', phone: '13977770909' };
const BUS = '二道江区鸭园镇的公交车每天早上七点那一班总是不来，学生上学迟到，请增加班次。';

interface Engine {
  readonly settings: Readonly<Record<string, unknown>>;
  /** All bytes that lie in a store of its own. */
  bytes(): Promise<Buffer>;
  drop(): Promise<void>;
}

describe('what is left of an erased requester on SQLite', function () {
  this.timeout(120_000);
  leavesNothing(async () => ({ settings: {}, bytes: async () => Buffer.alloc(0), drop: async () => undefined }));
});

withMongo('what is left of an erased requester on MongoDB', server => {
  leavesNothing(async () => {
    const { url, drop } = server.database(`erased_${randomBytes(4).toString('hex')}`);
    return { settings: { store: { url } }, bytes: () => bytesOf(url), drop };
  });
});

withMongo('what is left of an erased requester on MongoDB with identities apart', server => {
  leavesNothing(async () => {
    const [main, apart] = ['main', 'apart'].map(name =>
      server.database(`erased_${name}_${randomBytes(4).toString('hex')}`),
    );
    const urls = [main!.url, apart!.url];
    return {
      settings: { store: { url: urls[0], identityUrl: urls[1] } },
      bytes: async () => Buffer.concat(await Promise.all(urls.map(bytesOf))),
      drop: async () => void (await Promise.all([main!.drop(), apart!.drop()])),
    };
  });
});

async function bytesOf(url: string): Promise<Buffer> {
  const connection = await mongoose.createConnection(url).asPromise();
  try {
    const found: Uint8Array[] = [];
    for (const { name } of await connection.db!.listCollections().toArray()) {
      for await (const doc of connection.collection(name).find()) found.push(mongoose.mongo.BSON.serialize(doc));
    }
    return Buffer.concat(found);
  } finally {
    await connection.close();
  }
}

function leavesNothing(engineOf: () => Promise<Engine>): void {
  let engine: Engine;
  let cases: CaseSystemSimulator;
  let running: Running;
  let files: Server;
  let host: string;
  beforeEach(async () => {
    engine = await engineOf();
    files = createServer((_, response) => response.setHeader('content-type', 'image/png').end('RAREBYTES'));
    await new Promise<void>(resolve => files.listen(0, '127.0.0.1', resolve));
    host = `localhost:${(files.address() as AddressInfo).port}`;
    const intake = { minFreeMb: 0, minFreePercent: 0, attachmentServers: [host] };
    cases = await startCaseSystem();
    running = await runGateway({ ...engine.settings, intake, caseSystem: { url: cases.url } });
  });
  afterEach(async () => {
    await running.close();
    await cases.close();
    await engine.drop();
    files.closeAllConnections();
    await new Promise(resolve => files.close(resolve));
  });

  const context = () => running.gateway.context;
  const store = () => context().store;
  async function one(command: string, args: Arguments, by = 'tester'): Promise<Row> {
    const replies = await running.call(command, args, by);
    const found = replies.flatMap(reply => ('result' in reply ? [reply.result] : []))[0];
    assert.ok(found !== undefined, JSON.stringify(replies));
    return found;
  }
  async function send(data: object): Promise<{ readonly number: string; readonly outcome: Row }> {
    const answer = await running.send({ type: 'appeal.created', timestamp: new Date().toISOString(), data });
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as { number: string; outcome: Row };
  }
  const report = async (number: string, kind: string, note: string, state: 'accepted' | 'closed') => {
    const { cipher, now } = context();
    const { wrappedContent } = (await store().tickets.get(number)) as TicketRow;
    const sealed = sealNote(cipher, cipher.openDataKey(wrappedContent), { number, eventId: kind, note });
    const event = { number, at: now(), by: 'case-system', kind, state, eventId: kind, note: sealed };
    assert.equal(await store().tickets.add(event, [], null), 'added');
  };

  /** A ticket with a follow-up, in every field of which its author stands, and all that others then wrote about them. */
  async function appealed(): Promise<{ readonly number: string; readonly follow: string }> {
    const attachments = [
      { name: '阙鹤龄的证明.txt', base64: Buffer.from('RAREBYTES 阙鹤龄').toString('base64') },
      { name: 'rare-photo.png', url: `http://${host}/rare-photo.png?who=13977770101` },
    ];
    const { number } = await send({
      ...{ content: SAID, contact: QUE, externalId: 'QHL-EXT-1', attachments, title: '阙鹤龄反映路灯' },
      ...{ subject: '路灯所（阙鹤龄认识）', type: '路灯阙鹤龄', place: { text: '东昌区江南大街' } },
      conversation: 'QHL-EXT-chat',
      last: true,
    });
    const again = await send({ content: AGAIN, contact: QUE, externalId: 'QHL-EXT-2', attachments });
    assert.deepEqual([again.outcome['kind'], again.outcome['of']], ['repeat', number]);
    for (const message of [number, again.number]) {
      await running.until(async () =>
        (await store().admin.attachments(message)).every(({ state, blob }) => state === 'kept' && blob !== null),
      );
    }
    await one('tickets correct', { number, urgency: '复杂', reason: '阙鹤龄来电说明' });
    await one('tickets correct', { number, confidential: 'yes', reason: '阙鹤龄要求保密' });
    await one('tickets correct', { number, confidential: 'no', reason: '阙鹤龄说可以公开' });
    await one('tickets show', { number, reveal: 'phone', why: '回访阙鹤龄 13977770101' });
    await one('tickets hold', { number, reason: '阙鹤龄在打官司' });
    await report(number, 'case-closed', '已电话告知阙鹤龄13977770101', 'closed');
    return { number, follow: again.number };
  }

  async function rawBytes(): Promise<Buffer> {
    const folder = join(running.folder, 'data');
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    return Buffer.concat([
      ...entries.map(({ parentPath, name }) => readFileSync(join(parentPath, name))),
      await engine.bytes(),
    ]);
  }

  /** Where a mark still stands, of everything that opens with the keys and of the bytes themselves. */
  async function left(): Promise<readonly string[]> {
    const { cipher } = context();
    const found: string[] = [];
    const look = (where: string, value: unknown): void => {
      const text = JSON.stringify(value) ?? '';
      for (const mark of MARKS) if (text.includes(mark)) found.push(`${where}: ${mark}`);
    };
    for (const { number } of await store().messages.list({ limit: 100 })) {
      const message = (await store().messages.get(number))!;
      look('a decision', openDecision(cipher, message));
      look('an outcome', message.outcome);
      look('an attachment', await store().admin.attachments(number));
      const ticket = await store().tickets.get(number);
      if (ticket === null) continue;
      look('a ticket', openTicketContent(cipher, ticket));
      look('an identity', openIdentity(cipher, ticket));
      const key = cipher.openDataKey(ticket.wrappedContent);
      for (const { note, kind, eventId = '' } of ticket.events) {
        if (note !== undefined) look(`a note of ${kind}`, openNote(cipher, key, { number, eventId, sealed: note }));
      }
    }
    look('an entry', await store().outbox.list({ limit: 100 }));
    look('a hold', await store().admin.holds());
    look('the audit', await store().admin.auditList(0, 1000));
    const raw = await rawBytes();
    for (const mark of MARKS) if (raw.includes(mark)) found.push(`bytes: ${mark}`);
    return found;
  }

  it('is nothing in any field, note, file or record, and no lane that leads to other messages of theirs', async () => {
    const { number, follow } = await appealed();
    const other = await running.appeal(BUS, OTHER);
    await one('tickets unhold', { number });
    await running.until(async () => {
      const { due, inFlight, parked } = await store().outbox.counts();
      return due + inFlight + parked === 0;
    });
    const before = await Promise.all([number, follow, other.number].map(one => store().messages.get(one)));
    const blobs = (await Promise.all([number, follow].map(one => store().admin.attachments(one)))).flat();
    assert.ok((await left()).length > 10, 'the marks are found where they are');
    const { identity, wrappedIdentity } = (await store().tickets.get(number)) as TicketRow;
    const sealed = [identity, wrappedIdentity].map(bytes => Buffer.from(bytes));

    await one('erase', { phone: QUE.phone, why: '阙鹤龄申请', yes: true });
    assert.deepEqual(await left(), []);
    const raw = await rawBytes();
    for (const bytes of sealed) assert.ok(!raw.includes(bytes), 'its sealed bytes are gone as well');
    for (const { blob } of blobs) assert.equal(await store().blobs.get(blob!), null);
    const after = await Promise.all([number, follow, other.number].map(one => store().messages.get(one)));
    assert.notEqual(after[0]!.lane, before[0]!.lane);
    assert.notEqual(after[1]!.lane, before[1]!.lane);
    assert.notEqual(after[0]!.lane, after[1]!.lane);
    assert.equal(after[2]!.lane, before[2]!.lane);
    assert.ok((await store().outbox.list({ limit: 100 })).every(({ lane }) => lane !== before[1]!.lane));
    assert.equal(openIdentity(context().cipher, (await store().tickets.get(other.number))!).name, OTHER.name);
    assert.equal((await one('audit verify', {}))['broken'], null);

    const { appeal } = openTicketContent(context().cipher, (await store().tickets.get(number))!);
    assert.match(appeal.content, /江南大街的路灯灭了一排/);
    assert.deepEqual(
      appeal.attachments.map(({ name, ref, sha256 }) => [name, ref, sha256]),
      [
        ['附件1.txt', null, null],
        ['附件2.png', null, null],
      ],
    );
  });

  it('is no message that became no ticket, but for one that nobody could read, which is listed', async () => {
    const body = (data: object, type = 'appeal.created') => ({ type, timestamp: new Date().toISOString(), data });
    await running.send(body({ content: '测试 13977770101' }, 'appeal.test'));
    await running.send(body({ content: '测试 13977770909' }, 'appeal.test'));
    const { number } = await running.appeal(SAID, { phone: QUE.phone });
    const none = async () => (await store().messages.list({ outcome: 'not-an-appeal', limit: 9 })).length;
    assert.equal(await none(), 2);
    const order = { phone: QUE.phone, why: 'asked for', open: true };
    const [would] = [(await one('erase', order))['messages'] as string[]];
    assert.equal(would.length, 1);
    const done = await one('erase', { ...order, yes: true });
    assert.deepEqual([done['tickets'], done['messages'], done['unread']], [[number], would, []]);
    assert.deepEqual(await left(), []);
    const kept = await Promise.all(
      (await store().messages.list({ outcome: 'not-an-appeal', limit: 9 })).map(row =>
        store().messages.get(row.number),
      ),
    );
    assert.deepEqual(kept.map(row => row!.wrappedContent.length > 0).sort(), [false, true]);
    assert.equal(await none(), 2);
  });

  it('is gone through once more where an earlier version has left something', async () => {
    const { number } = await appealed();
    await one('tickets unhold', { number });
    await one('erase', { ticket: number, why: 'asked for', yes: true });
    const { revision } = (await store().messages.get(number))!;
    await report(number, 'case-noted', '阙鹤龄又来电', 'closed');
    assert.notDeepEqual(await left(), []);
    await one('erase', { ticket: number, why: 'asked for', yes: true });
    assert.deepEqual(await left(), []);
    assert.equal((await store().messages.get(number))!.revision, revision, 'nothing was left to decide anew');
  });
}
