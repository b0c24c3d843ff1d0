// Attachments on a running gateway: by URL, in the request or inline, their bytes reach the case system with the ticket.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Arguments } from '../../gateway/cli/command.ts';
import { callControl } from '../../gateway/control.ts';
import { openFile } from '../../store/ticket-seal.ts';
import { appealBody, sha256 } from '../platforms/app.ts';
import { type CaseSystemSimulator, type JournalLine, startCaseSystem } from '../platforms/case-system.ts';
import { until } from './dispatch/workbench.ts';
import { openReadingBench, type ReadingBench, type Told } from './reading/reading-bench.ts';

const pictureOf = (name: string) => readFileSync(new URL(`./dispatch/pictures/${name}`, import.meta.url));
const PHOTO = Buffer.from('the bytes of a photo, 现场照片'.repeat(100));

interface SentFile {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number | null;
  readonly sha256: string | null;
  readonly base64?: string;
  readonly withheld?: string;
}

interface Sent {
  readonly kind: string;
  readonly ticket: string;
  readonly message: string;
  readonly data: { readonly appeal: { readonly attachments: readonly SentFile[] } };
}

describe('attachments', function () {
  this.timeout(60_000);
  let bench: ReadingBench;
  let simulator: CaseSystemSimulator;
  let files: Server;
  let serve: (request: IncomingMessage, response: ServerResponse) => void;
  let base: string;

  beforeEach(async () => {
    simulator = await startCaseSystem();
    files = createServer((request, response) => serve(request, response));
    // They are asked for again after just the time for which a server otherwise keeps a connection.
    files.keepAliveTimeout = 60_000;
    await new Promise<void>(resolve => files.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    serve = (_request, response) => response.setHeader('content-type', 'image/png').end(PHOTO);
  });
  afterEach(async () => {
    await bench.close();
    await simulator.close();
    files.closeAllConnections();
    await new Promise(resolve => files.close(resolve));
  });

  async function open(more: { waitMinutes?: number; allow?: boolean; kb?: number; identity?: boolean } = {}) {
    const { waitMinutes = 10, allow = true, kb = 2000, identity = false } = more;
    bench = await openReadingBench({
      caseSystem: {
        url: simulator.url,
        inlineAttachmentsKb: kb,
        forwardIdentity: identity,
        deadlines: { total: 5 },
      },
      dispatch: { attachmentWaitMinutes: waitMinutes },
      intake: { minFreeMb: 0, minFreePercent: 0, attachmentServers: allow ? [new URL(base).host] : [] },
    });
  }

  async function sent(kind: string, about: Told): Promise<Sent> {
    const matches = (line: JournalLine) => line.kind === kind && (line.body as Sent).message === about.number;
    await until(() => simulator.lines.some(matches), `${kind} of ${about.number}`);
    return simulator.lines.find(matches)?.body as Sent;
  }

  function bytesOf(body: Sent): (Buffer | null)[] {
    return body.data.appeal.attachments.map(({ base64 }) =>
      base64 === undefined ? null : Buffer.from(base64, 'base64'),
    );
  }

  async function told(data: Record<string, unknown>, options = {}): Promise<Told> {
    const answer = await bench.sender.told(appealBody(data), options);
    assert.equal(answer.status, 200, answer.text);
    return answer.json() as unknown as Told;
  }

  const byUrl = (path = '/photo.png') => ({ name: 'photo.png', url: `${base}${path}` });

  /** The first request fails, the others get the photo; answers how many there were. */
  function serveSecond(): () => number {
    let asked = 0;
    serve = (_request, response) => {
      if (asked++ === 0) response.writeHead(503).end();
      else response.end(PHOTO);
    };
    return () => asked;
  }

  it('by URL, by multipart and inline go with the ticket, byte for byte', async () => {
    await open();
    const file = Buffer.from('a file of the same request');
    const appeal = await told(
      {
        attachments: [
          byUrl(),
          { name: '说明.txt', base64: Buffer.from('写在里面').toString('base64') },
          { name: 'b.bin', sha256: sha256(file) },
        ],
      },
      { files: [{ name: 'b.bin', mediaType: 'application/octet-stream', bytes: file }] },
    );
    const body = await sent('ticket.created', appeal);
    assert.deepEqual(bytesOf(body), [PHOTO, Buffer.from('写在里面'), file]);
    assert.equal(simulator.lines.filter(line => line.kind === 'ticket.corrected').length, 0);
  });

  it('of a follow-up go with it', async () => {
    await open();
    const first = await told({});
    await sent('ticket.created', first);
    const again = await told({ content: '幸福路12号路灯不亮三天了，附照片', attachments: [byUrl()] });
    assert.deepEqual(again.outcome, { kind: 'repeat', of: first.number });
    assert.deepEqual(bytesOf(await sent('ticket.followed-up', again)), [PHOTO]);
  });

  it('of several parts of a conversation stand in the order of the parts', async () => {
    await open();
    const inline = (text: string) => ({ name: `${text}.txt`, base64: Buffer.from(text).toString('base64') });
    const part = { conversation: 'k', attachments: [inline('one'), byUrl('/two')] };
    const [first] = await Promise.all([bench.sender.send(appealBody(part))]);
    await told({ content: '补充照片', conversation: 'k', last: true, attachments: [inline('three')] });
    const body = await sent('ticket.created', { ...(first?.json() as unknown as Told) });
    assert.deepEqual(bytesOf(body), [Buffer.from('one'), PHOTO, Buffer.from('three')]);
  });

  it('are not fetched from inner addresses unless the settings name the server', async () => {
    await open({ allow: false });
    let asked = 0;
    serve = (_request, response) => {
      asked++;
      response.end(PHOTO);
    };
    const appeal = await told({ attachments: [byUrl()] });
    // Refused for good, so the ticket waits no longer.
    assert.deepEqual(bytesOf(await sent('ticket.created', appeal)), [null]);
    const [row] = await bench.gateway.context.store.admin.attachments(appeal.number);
    assert.deepEqual([row?.state, row?.cause], ['failed', 'attachment.address_refused']);
    assert.equal(asked, 0);
  });

  it('that lead elsewhere are not followed, and those that are refused are given up', async () => {
    await open();
    let asked = 0;
    serve = (request, response) => {
      asked++;
      if (request.url === '/moved') response.writeHead(302, { location: `${base}/photo.png` }).end();
      else response.writeHead(404).end();
    };
    const appeal = await told({ attachments: [byUrl('/moved'), byUrl('/gone')] });
    assert.deepEqual(bytesOf(await sent('ticket.created', appeal)), [null, null]);
    assert.equal(asked, 2);
  });

  it('that come late follow their ticket by a correction, once', async () => {
    await open({ waitMinutes: 0 });
    const asked = Promise.withResolvers<ServerResponse>();
    serve = (_request, response) => asked.resolve(response);
    const appeal = await told({ attachments: [byUrl()] });
    assert.deepEqual(bytesOf(await sent('ticket.created', appeal)), [null]);
    (await asked.promise).end(PHOTO);
    assert.deepEqual(bytesOf(await sent('ticket.corrected', appeal)), [PHOTO]);
    const { store } = bench.gateway.context;
    const entries = await store.outbox.list({ ticket: appeal.number, limit: 10 });
    assert.deepEqual(
      entries.map(entry => entry.kind),
      ['ticket.created', 'ticket.corrected'],
    );
    assert.equal((await store.tickets.get(appeal.number))?.revision, 1);
  });

  it('hold up no urgent ticket: it goes at once, and they follow by a correction', async () => {
    await open();
    const asked = Promise.withResolvers<ServerResponse>();
    serve = (_request, response) => asked.resolve(response);
    const content = '幸福路12号楼道里闻到很浓的煤气味，有人已经晕倒，快派人来';
    const appeal = await told({ title: '煤气泄漏', content, attachments: [byUrl()] });
    assert.equal((await bench.gateway.context.store.tickets.get(appeal.number))?.urgency, '紧急');
    assert.deepEqual(bytesOf(await sent('ticket.created', appeal)), [null]);
    (await asked.promise).end(PHOTO);
    assert.deepEqual(bytesOf(await sent('ticket.corrected', appeal)), [PHOTO]);
  });

  it('are asked for again after a failure, while the ticket waits and others go', async () => {
    await open();
    const asked = serveSecond();
    const waiting = await told({ attachments: [byUrl()] });
    const free = await told({
      content: '江南大街99号井盖缺失，夜里危险',
      title: '井盖',
      contact: { phone: '13800138099' },
    });
    await sent('ticket.created', free);
    assert.ok(!simulator.lines.some(line => line.ticket === waiting.number));
    assert.deepEqual(bytesOf(await sent('ticket.created', waiting)), [PHOTO]);
    assert.equal(asked(), 2);
  });

  it('are asked for again in time although the clock was set back by a day meanwhile', async () => {
    await open();
    serveSecond();
    const waiting = await told({ attachments: [byUrl()] });
    const { admin } = bench.gateway.context.store;
    await until(async () => (await admin.attachments(waiting.number))[0]?.attempts === 1, 'it has failed once');
    bench.setBack(86_400_000);
    assert.deepEqual(bytesOf(await sent('ticket.created', waiting)), [PHOTO]);
  });

  it('are fetched after a restart in the middle', async () => {
    await open();
    const asked = Promise.withResolvers<void>();
    serve = () => asked.resolve();
    const appeal = await told({ attachments: [byUrl()] });
    await asked.promise;
    await bench.stop(0);
    serve = (_request, response) => response.end(PHOTO);
    await bench.start();
    assert.deepEqual(bytesOf(await sent('ticket.created', appeal)), [PHOTO]);
  });

  it('too large for the body go by name only', async () => {
    await open({ kb: 1 });
    const appeal = await told({
      attachments: [byUrl(), { name: 's.txt', base64: Buffer.from('small').toString('base64') }],
    });
    assert.deepEqual(bytesOf(await sent('ticket.created', appeal)), [null, Buffer.from('small')]);
  });

  const inline = (name: string, bytes: Uint8Array) => ({ name, base64: Buffer.from(bytes).toString('base64') });

  /** Code of what was refused. */
  async function attachment(args: Arguments): Promise<string | undefined> {
    const client = await callControl(join(bench.folder, 'data'));
    assert.ok(client !== null);
    let code: string | undefined;
    for await (const reply of client.run('tickets attachment', args, 'clerk'))
      if ('failure' in reply) code = reply.failure.code;
    client.close();
    return code;
  }

  it('of an accusation go as what they show: not with whose phone took them and where, nor as files that name their author', async () => {
    await open();
    const letter = Buffer.from('%PDF-1.7 /Author (OUYANG)');
    serve = (_request, response) => response.end(pictureOf('screen.png'));
    const accusation = {
      title: '举报违规收费',
      content: '举报某停车场工作人员违规收费不开票据，请查处',
      attachments: [
        inline('欧阳测试的手机.jpg', pictureOf('phone.jpg')),
        byUrl(),
        inline('举报信（欧阳测试）.pdf', letter),
      ],
    };
    const appeal = await told(accusation);
    assert.equal((await bench.gateway.context.store.tickets.get(appeal.number))?.type, '举报');
    const body = await sent('ticket.created', appeal);
    const [phone, screen, pdf] = body.data.appeal.attachments;
    for (const file of [phone, screen]) {
      const bytes = Buffer.from(file?.base64 ?? '', 'base64');
      assert.ok(bytes.length > 500 && !bytes.includes('OUYANG') && !bytes.includes('欧阳'), file?.name);
      assert.deepEqual([file?.size, file?.sha256, file?.withheld], [bytes.length, sha256(bytes), undefined]);
    }
    assert.deepEqual([pdf?.name, pdf?.base64, pdf?.withheld], ['附件3.pdf', undefined, 'metadata']);
    assert.ok(!JSON.stringify(body).includes('欧阳'));

    const again = await told({
      ...accusation,
      content: `${accusation.content}，补充照片`,
      attachments: accusation.attachments.slice(0, 1),
    });
    assert.deepEqual(again.outcome, { kind: 'repeat', of: appeal.number });
    const [added] = bytesOf(await sent('ticket.followed-up', again));
    assert.ok(added?.equals(Buffer.from(phone?.base64 ?? '', 'base64')));
  });

  it('of an open ticket go without what a photo says of its author, unless the requester goes along', async () => {
    const photos = { attachments: [inline('灯.jpg', pictureOf('phone.jpg')), inline('说明.pdf', PHOTO)] };
    await open();
    const [bare, pdf] = bytesOf(await sent('ticket.created', await told(photos)));
    assert.ok(bare !== undefined && bare !== null && !bare.includes('OUYANG'));
    assert.deepEqual(pdf, PHOTO);
    await bench.close();
    await open({ identity: true });
    assert.deepEqual(bytesOf(await sent('ticket.created', await told(photos))), [pictureOf('phone.jpg'), PHOTO]);
  });

  it('are written to a file by a clerk with a purpose, as they came, after the audit has it; nothing is overwritten', async () => {
    await open();
    const appeal = await told({ confidential: true, attachments: [inline('举报信.pdf', PHOTO), byUrl('/photo')] });
    await sent('ticket.created', appeal);
    const to = join(bench.folder, 'letter.pdf');
    const order = { number: appeal.number, index: 0, to, why: '核对举报材料' };
    const codes: (string | undefined)[] = [];
    for (const change of [{ why: ' ' }, { index: 2 }, {}, {}]) codes.push(await attachment({ ...order, ...change }));
    assert.deepEqual(codes, ['desk.no_purpose', 'desk.no_such_attachment', undefined, 'import.cannot_write']);
    assert.deepEqual([readFileSync(to), statSync(to).mode & 0o777], [PHOTO, 0o600]);
    const fetched = join(bench.folder, 'photo');
    assert.equal(await attachment({ ...order, index: 1, to: fetched }), undefined);
    assert.deepEqual(readFileSync(fetched), PHOTO);
    const audits = await bench.gateway.context.store.admin.auditList(0, 100);
    assert.deepEqual(
      audits.filter(({ action }) => action === 'identity.read').map(({ by, on, why }) => ({ by, on, why })),
      [0, 1].map(index => ({ by: 'clerk', on: [appeal.number, `attachment.${index}`], why: order.why })),
    );
  });

  it('stay as they came where they are kept', async () => {
    await open();
    serve = (_request, response) => response.end(pictureOf('phone.jpg'));
    const appeal = await told({ confidential: true, attachments: [byUrl()] });
    const [out] = bytesOf(await sent('ticket.created', appeal));
    assert.ok(out !== undefined && out !== null && !out.includes('OUYANG'));
    const { store, cipher } = bench.gateway.context;
    const [row] = await store.admin.attachments(appeal.number);
    const sealed = (await store.blobs.get(row?.blob ?? '')) as Uint8Array;
    const message = await store.messages.get(appeal.number);
    const key = cipher.openDataKey(message?.wrappedContent as Uint8Array);
    const kept = openFile(cipher, key, { number: appeal.number, sha256: 'attachment.0', sealed });
    assert.deepEqual(Buffer.from(kept), pictureOf('phone.jpg'));
  });

  it('leave nothing readable on the disk', async () => {
    await open();
    const appeal = await told({ attachments: [byUrl()] });
    await sent('ticket.created', appeal);
    const { store } = bench.gateway.context;
    const [row] = await store.admin.attachments(appeal.number);
    const sealed = (await store.blobs.get(row?.blob ?? '')) as Uint8Array;
    assert.equal(Buffer.from(sealed).indexOf('the bytes of a photo'), -1);
    assert.deepEqual([row?.size, row?.mediaType], [PHOTO.length, 'image/png']);
  });
});
