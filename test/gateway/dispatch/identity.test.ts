// Who appealed goes to the case system only where that is configured, never with an accusation, and never without a trace.
import assert from 'node:assert/strict';
import { openWorkbench, PHONE, REQUESTER, type TicketOptions, type Workbench } from './workbench.ts';

/** Everything that would tell who it was. */
const TELLING = [
  PHONE,
  REQUESTER.name,
  REQUESTER.email,
  REQUESTER.idNumber,
  'oXtest0001',
  REQUESTER.address,
  '139****5678',
] as const;
const CONTENT = `我叫欧阳测试，住在东昌区某小区9栋，电话${PHONE}，邮箱 ouyang@example.cn，身份证220502199003071234，举报某局长。`;

/** What else a body says of handling here. */
const PLAIN = { method: '转办', deadlines: [] };

describe('identity on its way to the case system', () => {
  let bench: Workbench;
  afterEach(() => bench.close());

  async function sent(options: TicketOptions, settings: Readonly<Record<string, unknown>>) {
    bench = await openWorkbench();
    const [number = ''] = await bench.tickets([options]);
    await bench.followUp(number, `补充：我的电话是${PHONE}。`);
    await bench.dispatch(settings);
    await bench.drained();
    const bodies = bench.simulator.lines.map(line => line.body as { kind: string; data: Record<string, unknown> });
    const audits = (await bench.store.admin.auditList(0, 100)).filter(record => record.action === 'identity.forward');
    return { number, bodies, text: JSON.stringify(bodies), created: bodies[0]?.data ?? {}, audits };
  }

  it('stays here by default; numbers in the text are masked', async () => {
    const { created, text, audits } = await sent({}, {});
    assert.equal(created['requester'], null);
    assert.equal(created['requesterWithheld'], 'not-configured');
    assert.ok(!text.includes(PHONE));
    assert.ok(text.includes('139****5678'));
    assert.equal(audits.length, 0);
  });

  it('goes along where configured, field by field, and every time is in the audit before', async () => {
    const { number, created, audits } = await sent({}, { forwardIdentity: true });
    assert.deepEqual(created['requester'], REQUESTER);
    assert.equal(created['requesterWithheld'], null);
    assert.equal(audits.length, 1);
    assert.deepEqual(audits[0]?.on, [number]);
    assert.match(
      audits[0]?.why ?? '',
      /^http:\/\/127\.0\.0\.1:\d+ name,sex,callerPhone,phone,email,idKind,idNumber,openid,address$/,
    );
    assert.ok(!JSON.stringify(audits).includes(PHONE));
  });

  const never: readonly (readonly [string, TicketOptions, string])[] = [
    ['an accusation (举报)', { type: '举报' }, 'accusation'],
    ['a confidential ticket', { confidential: true }, 'confidential'],
    ['an anonymous one', { anonymous: true }, 'anonymous'],
  ];
  for (const [what, options, reason] of never) {
    it(`never goes with ${what}, whatever is configured, not even in its text, title or file names`, async () => {
      const title = `举报：电话${PHONE.slice(0, 8)}…`;
      const { created, text, audits } = await sent({ ...options, content: CONTENT, title }, { forwardIdentity: true });
      assert.equal(created['requester'], null);
      assert.equal(created['requesterWithheld'], reason);
      for (const word of TELLING) assert.ok(!text.includes(word ?? ''), `${word} went out`);
      assert.ok(!text.includes(PHONE.slice(0, 8)), 'a number cut off in the title went out');
      assert.ok(text.includes('附件1.jpg'));
      assert.equal(audits.length, 0);
    });
  }

  it('does not go with an accusation by the print of a file, the second of writing or where a phone stood', async () => {
    const place = { longitude: 125.941267, latitude: 41.728834, datum: 'GCJ02' };
    const of = ({ source, appeal, place: scene }: Record<string, unknown>) => {
      const [{ size, sha256 } = { size: 0, sha256: '' }] = (
        appeal as { attachments: { size: number; sha256: string }[] }
      ).attachments;
      const { longitude, latitude } = scene as { longitude: number; latitude: number };
      return [(source as { sentAt: string | null }).sentAt === null, size, sha256, longitude, latitude];
    };
    const accusing = await sent({ type: '举报', place }, {});
    assert.deepEqual(of(accusing.created), [true, null, null, 125.941, 41.729]);
    await bench.close();
    const ordinary = await sent({ place }, {});
    assert.deepEqual(of(ordinary.created), [false, 10, 'ab', 125.941267, 41.728834]);
  });

  it('is masked in a title, a file name and a place as well, where the content names nobody', async () => {
    const { text } = await sent(
      {
        content: '路灯不亮，请维修。',
        title: '13700137000 反映路灯',
        titlePersonal: [{ kind: 'phone', start: 0, end: 11 }],
        file: '照片13600136000.jpg',
        placeText: '幸福路（15500155000）',
      },
      {},
    );
    for (const phone of ['13700137000', '13600136000', '15500155000']) assert.ok(!text.includes(phone), phone);
    assert.ok(text.includes('137****7000 反映路灯'));
    assert.ok(text.includes('照片136****6000.jpg'));
  });

  it('does not go with an accusation by another way of writing it, nor by the id of the mail it came with', async () => {
    const { text, created } = await sent(
      {
        type: '举报',
        title: '李小红举报某局',
        titlePersonal: [{ kind: 'name', start: 0, end: 3 }],
        content: '请联系1391234 5678、139.1234.5678、一三九一二三四五六七八，或微信w13912345678x。合同金额20240501元。',
        externalIds: { messageId: '20240501.1@ouyang-pc.chem-works.example.cn', order: 'X-7' },
      },
      {},
    );
    for (const rest of ['1391234', '1234.5678', '一三九一', '12345678', '李小红', 'chem-works']) {
      assert.ok(!text.includes(rest), `${rest} went out: ${text}`);
    }
    assert.ok(text.includes('合同金额20240501元'), text);
    assert.deepEqual((created['source'] as Record<string, unknown>)['externalIds'], { order: 'X-7' });
  });

  it('does not go with an accusation by where its author lives or what they are called elsewhere', async () => {
    const home = { estate: '某小区', houseNumber: '9栋', text: '东昌区某小区9栋', longitude: 125.9, latitude: 41.7 };
    const said = '举报某某局科长王五收受红包，他住在豪华别墅区。我是职工';
    for (const content of [
      `${said}，家住东昌区某小区9栋，微信号ouyang_88，QQ：87654321。`,
      `${said}，我住在东昌区某小区9栋302，我的微信：ouyang_88，qq是87654321。`,
    ]) {
      const { created, text } = await sent(
        {
          type: '举报',
          content,
          title: '举报某某局',
          subject: '某某局',
          place: home,
          requester: { organisation: '某某局' },
        },
        {},
      );
      const { appeal, place } = created as { appeal: Record<string, string>; place: Record<string, unknown> };
      for (const rest of ['某小区', '9栋', '】302', 'ouyang_88', '87654321', '125.9'])
        assert.ok(!text.includes(rest), rest);
      assert.deepEqual([appeal['subject'], appeal['title']], ['某某局', '举报某某局']);
      assert.ok(appeal['content']?.includes('他住在豪华别墅区'), appeal['content']);
      assert.equal(place['division'], '220502');
      if (content.includes('302')) break;
      await bench.close();
    }
  });

  it('does not go with an accusation by anything beside its text, nor with what follows it', async () => {
    const home = { estate: '某小区', houseNumber: '9栋', text: '某小区9栋' };
    bench = await openWorkbench();
    const [number = ''] = await bench.tickets([
      {
        ...{ type: '举报', content: '举报某局科长受贿。', title: '举报某局', place: home },
        subject: `${REQUESTER.name}的科长`,
        occurredText: `打过${PHONE}以后`,
        externalIds: { order: PHONE },
        mediaType: `image/jpeg; name="${REQUESTER.name}.jpg"`,
      },
    ]);
    await bench.followUp(number, '补充：他又收了。', 'follow', { place: home });
    await bench.dispatch();
    await bench.drained();
    assert.equal(bench.simulator.lines.length, 2);
    const text = JSON.stringify(bench.simulator.lines.map(({ body }) => body));
    for (const rest of [PHONE, REQUESTER.name ?? '', '某小区', '9栋'])
      assert.ok(!text.includes(rest), `${rest} went out: ${text}`);
  });

  it('is asked of no unit that a restricted ticket is about, whether it leads or helps', async () => {
    const handling = { unit: '某局', coUnits: ['某局', '某所'], accused: ['某局'] };
    const restricted = await sent({ type: '举报', handling }, {});
    assert.deepEqual(restricted.created['handling'], { ...handling, unit: null, coUnits: ['某所'], ...PLAIN });
    await bench.close();
    const ordinary = await sent({ handling }, {});
    assert.deepEqual(ordinary.created['handling'], { ...handling, ...PLAIN });
  });

  it('does not go with what an anonymous author says of their own flat in passing', async () => {
    const { created, text } = await sent(
      {
        anonymous: true,
        title: '匿名反映砖厂冒黑烟，住某小区9栋2单元501，希望匿…',
        content: '匿名反映砖厂冒黑烟，住某小区9栋2单元501，希望匿名。',
        place: {
          estate: '某小区',
          houseNumber: '9栋2单元',
          text: '东昌区某小区9栋2单元',
          longitude: 125.9,
          latitude: 41.7,
        },
      },
      {},
    );
    for (const rest of ['某小区', '9栋', '501', '125.9']) assert.ok(!text.includes(rest), `${rest} went out: ${text}`);
    assert.equal((created['place'] as Record<string, unknown>)['division'], '220502');
  });

  it('keeps the scene of an accusation, which is not where its author lives', async () => {
    const scene = { road: '新华大街', houseNumber: '38号', text: '新华大街38号' };
    const { created } = await sent(
      { type: '举报', content: '举报新华大街38号的饭店用地沟油，我家住某小区9栋。', title: '举报', place: scene },
      {},
    );
    const { place } = created as { place: Record<string, unknown> };
    assert.deepEqual([place['road'], place['houseNumber'], place['text']], ['新华大街', '38号', '新华大街38号']);
  });

  it('is not kept with a dead letter where it goes along, either', async () => {
    const words = `诉求人${REQUESTER.name}（${PHONE}）信息有误`;
    bench = await openWorkbench({ refusal: words, faults: { script: ['422'] } });
    await bench.tickets([{}]);
    await bench.dispatch({ forwardIdentity: true });
    await bench.drained();
    const [dead] = await bench.store.outbox.list({ state: 'dead', limit: 1 });
    assert.match(dead?.cause ?? '', /诉求人【姓名】（.*）信息有误/);
    assert.ok(!dead?.cause?.includes(PHONE));
  });

  it('is not kept with a dead letter, though the other side repeats it', async () => {
    bench = await openWorkbench({ dialect: 'code', faults: { script: ['business-reject'] } });
    await bench.tickets([{}]);
    await bench.dispatch({
      success: { statuses: [200], path: 'code', values: ['0000'], caseNumber: 'data.orderNo', message: 'message' },
    });
    await bench.drained();
    const [dead] = await bench.store.outbox.list({ state: 'dead', limit: 1 });
    assert.match(dead?.cause ?? '', /0001: 必填字段缺失 \*\*\*$/);
  });
});
