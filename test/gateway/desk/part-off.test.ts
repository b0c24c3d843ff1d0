// A message that was gathered into the wrong conversation: a ticket of its own, and the other one without its words, files and author.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { loadIncidents } from '../../../config/load-incidents.ts';
import { attachmentsOf, loadAttachment } from '../../../gateway/attachment-bytes.ts';
import { DeskError } from '../../../gateway/desk/desk-error.ts';
import { viewTicket } from '../../../gateway/desk/ticket-view.ts';
import type { CommitRow, Store } from '../../../store/store.ts';
import { openIdentity, openTicketContent } from '../../../store/ticket-seal.ts';
import { appealBody, type Partner, partner } from '../../platforms/app.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { type Running, runGateway } from '../running.ts';

const LAMP = '幸福路12号楼道灯坏了三天，请尽快派人维修';
const BUS = '二道江区鸭园镇公交车早班总是不来，请增加班次';
const BRIBE = '我要举报东昌区民主街道工作人员张某收受贿赂';
const WANG = { name: '王桂芬', phone: '13800001014' };
/** Not seen to be another person than one who names a phone. */
const LI = { name: '李长顺', email: 'li@example.cn' };

interface Sent {
  readonly kind: string;
  readonly ticket: string;
  readonly message: string;
  readonly data: {
    readonly appeal?: { readonly type: string; readonly content: string };
    readonly requester?: { readonly name: string } | null;
  };
}

describe('a part of a conversation', function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator;
  let running: Running;
  let sender: Partner;
  let files: Server;
  let fileBase: string;
  let served: string[];

  beforeEach(async () => {
    cases = await startCaseSystem();
    served = [];
    files = createServer((request, response) => {
      served.push(request.url ?? '');
      response.setHeader('content-type', 'image/png').end(`the bytes of ${request.url}`);
    });
    await new Promise<void>(resolve => files.listen(0, '127.0.0.1', resolve));
    fileBase = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    sender.close();
    await running.close();
    await cases.close();
    files.closeAllConnections();
    await new Promise(resolve => files.close(resolve));
  });

  async function start(withCases = true, decorateStore?: (store: Store) => Store): Promise<void> {
    running = await runGateway(
      {
        ...(withCases ? { caseSystem: { url: cases.url, forwardIdentity: true } } : {}),
        intake: { minFreeMb: 0, minFreePercent: 0, attachmentServers: [new URL(fileBase).host] },
      },
      [],
      decorateStore === undefined ? {} : { decorateStore },
    );
    const { id, secret } = running.gateway.firstChannel as { id: string; secret: string };
    await running.call('channels set', { id, settings: JSON.stringify({ attachmentHosts: ['127.0.0.1'] }) });
    sender = partner({ url: `${running.gateway.url}/hooks/${id}`, secret });
  }

  const desk = () => running.gateway.context.desk;
  const store = () => running.gateway.context.store;
  const ticket = async (number: string) => (await store().tickets.get(number))!;
  const content = async (number: string) => openTicketContent(running.gateway.context.cipher, await ticket(number));
  const outcome = async (number: string) => (await store().messages.get(number))?.outcome;
  const sent = () => cases.lines.map(line => line.body as unknown as Sent);
  const arrived = (count: number) => running.until(() => cases.lines.length === count);
  const refused = (code: string) => (error: DeskError) => error instanceof DeskError && error.code === code;

  /** Parts of one conversation, of which the last ends it; answers their numbers. */
  async function converse(...parts: readonly Readonly<Record<string, unknown>>[]): Promise<string[]> {
    const numbers: string[] = [];
    for (const [place, data] of parts.entries()) {
      const last = place === parts.length - 1;
      const body = appealBody({ externalId: '', title: '', contact: {}, conversation: 'k', last, ...data });
      const answer = await sender.send(body);
      assert.equal(answer.status, 202, answer.text);
      numbers.push(String(answer.json()['number']));
    }
    await running.until(async () => (await outcome(numbers[0] as string)) != null);
    return numbers;
  }

  it('becomes a ticket of its own; the other loses its words and whoever wrote them, and the case system hears of both once', async () => {
    await start();
    const [lead = '', part = ''] = await converse({ content: LAMP, contact: WANG }, { content: BUS, contact: LI });
    await arrived(1);
    assert.deepEqual(
      [sent()[0]?.data.appeal?.content, await outcome(part)],
      [`${LAMP}\n${BUS}`, { kind: 'part', of: lead }],
    );
    const [told] = await running.call('tickets unlink', { number: part, from: lead }, 'clerk-1');
    assert.deepEqual(told, {
      result: { number: part, revision: 1, state: 'queued', entries: ['ticket.created', 'ticket.corrected'] },
    });
    await arrived(3);
    const bodies = sent()
      .slice(1)
      .map(({ kind, ticket: about, data }) => [kind, about, data.appeal?.content, data.requester?.name]);
    assert.deepEqual(bodies, [
      ['ticket.created', part, BUS, LI.name],
      ['ticket.corrected', lead, LAMP, WANG.name],
    ]);
    assert.equal((await content(lead)).appeal.content, LAMP);
    assert.deepEqual(await outcome(part), { kind: 'ticket', held: false });
    assert.deepEqual((await ticket(lead)).events.map(({ kind, by }) => [kind, by]).at(-1), ['part-undone', 'clerk-1']);
    const { context } = running.gateway;
    const shown = await viewTicket({ ...context, rules: loadIncidents(context.loaded.config.rules) }, lead, null);
    const step = (shown['history'] as { kind: string; note: string }[]).find(({ kind }) => kind === 'part-undone');
    assert.equal(step?.note, part);
    const records = (await store().admin.auditList(0, 100)).filter(({ by }) => by === 'clerk-1');
    assert.deepEqual(
      records.map(({ action, on }) => [action, on]),
      [
        ['message.part-off', [part, lead]],
        ['ticket.part-undone', [lead, part]],
      ],
    );
    await assert.rejects(desk().unlink(part, lead, 'clerk-1'), refused('desk.not_linked'));
  });

  it('takes the identity of whoever wrote it along, where the rest says nothing of its author', async () => {
    await start();
    const [lead = '', part = ''] = await converse({ content: LAMP }, { content: BUS, contact: LI });
    await arrived(1);
    assert.equal(sent()[0]?.data.requester?.name, LI.name);
    await running.call('tickets unlink', { number: part, from: lead });
    const { cipher } = running.gateway.context;
    assert.deepEqual(
      [openIdentity(cipher, await ticket(lead)).email, openIdentity(cipher, await ticket(part)).email],
      [null, LI.email],
    );
    assert.deepEqual((await ticket(lead)).identityKeys, []);
    // Others are compared with what each says now.
    assert.deepEqual((await running.appeal(BUS, LI)).outcome, { kind: 'repeat', of: part });
  });

  it('is joined again by a link, and parted by undoing that, as often as a clerk changes their mind', async () => {
    await start();
    const [lead = '', part = ''] = await converse({ content: LAMP, contact: WANG }, { content: BUS, contact: WANG });
    await arrived(1);
    await desk().unlink(part, lead, 'clerk-1');
    await arrived(3);
    await desk().link(part, lead, 'clerk-2');
    await arrived(5);
    await desk().unlink(part, lead, 'clerk-3');
    await arrived(7);
    assert.deepEqual(
      sent()
        .slice(3)
        .map(({ kind, ticket: about }) => [kind, about]),
      [
        ['ticket.withdrawn', part],
        ['ticket.followed-up', lead],
        ['ticket.link-undone', lead],
        ['ticket.created', part],
      ],
    );
    assert.equal((await content(part)).appeal.content, BUS);
  });

  it('leaves what waits to go with the words that are left, and says nothing of it', async () => {
    await start(false);
    const [lead = '', part = ''] = await converse({ content: LAMP, contact: WANG }, { content: BUS, contact: WANG });
    const answer = await desk().unlink(part, lead, 'clerk-1');
    assert.deepEqual(answer.entries, ['ticket.created']);
    assert.equal((await content(lead)).appeal.content, LAMP);
  });

  it('takes no protection away that its conversation had, and nothing that a clerk has put right', async () => {
    await start(false);
    const [lead = '', part = ''] = await converse({ content: LAMP, contact: WANG }, { content: BRIBE, contact: WANG });
    assert.deepEqual([(await ticket(lead)).type, (await ticket(lead)).confidential], ['举报', true]);
    await desk().correct(lead, { category: '0403' }, '归错类', 'clerk-1');
    await desk().unlink(part, lead, 'clerk-1');
    const [rest, own] = [await ticket(lead), await ticket(part)];
    assert.deepEqual(
      [rest.type, rest.confidential, rest.category, own.type, own.confidential],
      ['举报', true, '0403', '举报', true],
    );
  });

  it('comes off a conversation that followed up another ticket, whose case is told anew', async () => {
    await start();
    const earlier = await running.appeal(LAMP, WANG);
    const [lead = '', part = ''] = await converse(
      { content: LAMP, contact: WANG },
      { content: '另外门禁也坏了', contact: WANG },
    );
    assert.deepEqual(await outcome(lead), { kind: 'repeat', of: earlier.number });
    await arrived(2);
    await assert.rejects(desk().unlink(part, part, 'c'), refused('desk.not_linked'));
    const answer = await desk().unlink(part, earlier.number, 'clerk-1');
    assert.equal(answer.number, part);
    await running.until(() => cases.lines.length >= (answer.state === 'held' ? 4 : 5));
    const about = sent()
      .filter(({ ticket: of }) => of === earlier.number)
      .slice(2);
    assert.deepEqual(
      about.map(({ kind, message, data }) => [kind, message, data.appeal?.content]),
      [
        ['ticket.link-undone', lead, undefined],
        ['ticket.followed-up', lead, LAMP],
      ],
    );
    assert.equal((await content(part)).appeal.content, '另外门禁也坏了');
  });

  it('takes its files along as they were fetched, and the others stay where they were', async () => {
    await start(false);
    const file = (name: string) => ({ name, url: `${fileBase}/${name}` });
    const [lead = '', part = '', third = ''] = await converse(
      { content: LAMP, contact: WANG, attachments: [file('one.png')] },
      {
        content: BUS,
        contact: LI,
        attachments: [file('two.png'), { name: 'in.txt', mediaType: 'text/plain', base64: 'aW4=' }],
      },
      {
        content: '请尽快',
        attachments: [{ name: 'own.txt', mediaType: 'text/plain', base64: 'b3du' }, file('three.png')],
      },
    );
    assert.deepEqual(await outcome(third), { kind: 'part', of: lead });
    const kept = async (number: string) =>
      (await store().admin.attachments(number)).map(({ index, state, cause }) => [index, state, cause ?? '']);
    await running.until(async () => (await kept(lead)).filter(([, state]) => state === 'kept').length === 3);
    // Links of platforms live for a while only.
    files.removeAllListeners('request');
    files.on('request', (_request, response) => response.writeHead(404).end());
    await desk().unlink(part, lead, 'clerk-1');
    const bytes = async (number: string) => {
      const { context } = running.gateway;
      const message = (await store().messages.get(number))!;
      const found = await attachmentsOf(context, message);
      const loaded = await Promise.all(found.map((one, index) => loadAttachment(context, number, index, one)));
      return found.map(({ name }, index) => [name, Buffer.from(loaded[index] ?? []).toString()]);
    };
    assert.deepEqual(await bytes(lead), [
      ['one.png', 'the bytes of /one.png'],
      ['own.txt', 'own'],
      ['three.png', 'the bytes of /three.png'],
    ]);
    assert.deepEqual(await bytes(part), [
      ['two.png', 'the bytes of /two.png'],
      ['in.txt', 'in'],
    ]);
    assert.deepEqual(await kept(part), [[0, 'kept', '']]);
    assert.deepEqual(await kept(lead), [
      [0, 'kept', ''],
      [1, 'failed', 'attachment.parted'],
      [4, 'kept', ''],
    ]);
  });

  it('leaves a file alone that is still on its way for the rest', async () => {
    await start(false);
    const asked = Promise.withResolvers<() => void>();
    files.removeAllListeners('request');
    files.on('request', (request, response) => {
      const answer = () => void response.setHeader('content-type', 'image/png').end('bytes');
      if (request.url === '/three.png') asked.resolve(answer);
      else answer();
    });
    const file = (name: string) => ({ name, url: `${fileBase}/${name}` });
    const inline = { name: 'in.txt', mediaType: 'text/plain', base64: 'aW4=' };
    const [lead = '', part = ''] = await converse(
      { content: LAMP, contact: WANG, attachments: [file('one.png')] },
      { content: BUS, contact: LI, attachments: [file('two.png')] },
      { content: '照片在附件里', contact: WANG, attachments: [file('three.png'), inline] },
    );
    const answer = await asked.promise;
    await desk().unlink(part, lead, 'clerk-1');
    answer();
    const settled = (number: string) =>
      running.until(async () => (await store().admin.attachments(number)).every(({ state }) => state !== 'wanted'));
    await settled(lead);
    // One round of fetching is over before the next one begins.
    const other = { externalId: '', title: '', content: BUS, contact: LI, attachments: [file('four.png')] };
    const later = String((await sender.told(appealBody(other))).json()['number']);
    await running.until(async () => (await store().admin.attachments(later))[0]?.state === 'kept');
    const rows = await store().admin.attachments(lead);
    const states = rows.map(({ index, state, cause }) => [index, state, cause]);
    assert.deepEqual(states, [
      [0, 'kept', null],
      [1, 'failed', 'attachment.parted'],
      [2, 'kept', null],
    ]);
  });

  it('is in one ticket at least whenever the process ends, and the same command does the rest', async () => {
    let half = true;
    const cutOff = (inner: Store): Store => ({
      ...inner,
      decisions: {
        ...inner.decisions,
        // As on a store that writes row by row: the process ends behind the first one.
        commit: async (rows: readonly CommitRow[], fence) => {
          if (!half || rows.length !== 2 || rows[0]?.audit?.action !== 'message.part-off')
            return inner.decisions.commit(rows, fence);
          half = false;
          await inner.decisions.commit(rows.slice(0, 1), fence);
          throw new Error('the process ends here');
        },
      },
    });
    await start(true, cutOff);
    const [lead = '', part = ''] = await converse({ content: LAMP, contact: WANG }, { content: BUS, contact: LI });
    await arrived(1);
    await assert.rejects(desk().unlink(part, lead, 'clerk-1'), /the process ends here/);
    assert.deepEqual(
      [(await content(lead)).appeal.content, (await content(part)).appeal.content],
      [`${LAMP}\n${BUS}`, BUS],
    );
    const answer = await desk().unlink(part, lead, 'clerk-1');
    assert.deepEqual([answer.number, answer.entries], [part, ['ticket.corrected']]);
    assert.equal((await content(lead)).appeal.content, LAMP);
    await arrived(3);
    await assert.rejects(desk().unlink(part, lead, 'clerk-1'), refused('desk.not_linked'));
  });
});
