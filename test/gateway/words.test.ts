// What people read: tables that line up, masks that hold, sentences in both languages.
import assert from 'node:assert/strict';
import { catalogue } from '../../gateway/catalogue.ts';
import { lines } from '../../gateway/cli/describe.ts';
import { cut, jsonLine, table, width } from '../../gateway/cli/table.ts';
import { DeskError } from '../../gateway/desk/desk-error.ts';
import { maskRequester } from '../../gateway/desk/requester-mask.ts';
import { type Language, languageOf, localeFile, say } from '../../gateway/locale.ts';
import type { Requester } from '../../normalizer/ticket.ts';

const NOBODY: Requester = {
  name: null,
  sex: null,
  callerPhone: null,
  phone: null,
  email: null,
  idKind: null,
  idNumber: null,
  openid: null,
  address: null,
  organisation: null,
  replyBy: null,
};

describe('tables', () => {
  it('count a Han character as two cells and a combining mark as none', () => {
    assert.equal(width('汇诉'), 4);
    assert.equal(width('（a）'), 5);
    assert.equal(width('e\u0301'), 1);
    assert.equal(width('𠮷'), 2);
    assert.equal(cut('一二三四五', 7), '一二三…');
  });

  it('line up whatever is in them, with heads in the language asked for', () => {
    const columns = [
      { key: 'a', title: { zh: '编号', en: 'number' } },
      { key: 'b.c', title: { zh: '标题', en: 'title' } },
    ];
    const shown = table(
      columns,
      [{ a: '1', b: { c: '路灯坏了' } }, { a: '汇诉汇诉', b: { c: 'x' } }, { a: 'x\u001b[2J\ny' }],
      'zh',
    );
    assert.match(shown[0] as string, /^编号 {6}标题$/);
    assert.match(shown[1] as string, /^1 {9}路灯坏了$/);
    assert.doesNotMatch(shown.join(''), /\p{Cc}/u, 'a cell moved the cursor');
    assert.match(table(columns, [], 'en')[0] as string, /number {2}title/);
  });

  it('hold nothing that a terminal obeys, nor do lines of JSON, which mean the same', () => {
    const value = { externalId: 'a\u009b31m\u202eb\u2066c\u0000' };
    const column = { key: 'externalId', title: { zh: '编号', en: 'number' } };
    const obeyed = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;
    assert.doesNotMatch(table([column], [value], 'zh').join(''), obeyed);
    assert.doesNotMatch(lines(value, 'zh').join(''), obeyed);
    assert.doesNotMatch(jsonLine(value), obeyed);
    assert.deepEqual(JSON.parse(jsonLine(value)), value);
  });

  it('show each of several values in words, and what stands inside a line of a list', () => {
    const column = { key: 'supervised', title: { zh: '督办', en: 'supervised' }, show: { words: 'supervision' } };
    assert.equal(table([column], [{ supervised: ['people', 'times'] }], 'zh')[1], '多人反映 多次反映');
    assert.deepEqual(lines({ asks: ['category'], history: [{ incident: { from: 'A', to: 'B' } }] }, 'zh'), [
      '请人工核对: 分类',
      '经过:',
      '  - 同一事件 原属 A 归入 B',
    ]);
  });

  it('say in words what could not be read of a ticket', () => {
    assert.deepEqual(lines({ problems: ['text.encrypted', 'text.traditional'] }, 'zh'), [
      `研读中的问题: text.encrypted (内容已加密，网关无法阅读) text.traditional (繁体已转为简体)`,
    ]);
  });

  it('show settings under the names by which they are set', () => {
    assert.deepEqual(lines({ id: 'app-1', settings: { burst: 2, sources: ['10.0.0.0/8'] } }, 'zh'), [
      '编号: app-1',
      '设置:',
      '  burst: 2',
      '  sources: ["10.0.0.0/8"]',
    ]);
  });
});

describe('masks', () => {
  const masked = (requester: Partial<Requester>, whole = false) => maskRequester({ ...NOBODY, ...requester }, whole);

  it('leave of each field enough to talk about it', () => {
    const shown = masked({
      name: '张立民',
      phone: '+8613800138000',
      idNumber: '220502199001011234',
      email: 'zhang.limin@example.com',
      address: '通化市东昌区新站街道枫林家园3号楼2单元',
      openid: 'wechat:oXyz1234567',
    });
    assert.equal(shown.name, '张**');
    assert.equal(shown.phone, '138****8000');
    assert.equal(shown.idNumber, '2205**********1234');
    assert.equal(shown.email, 'z***@example.com');
    assert.equal(shown.address, '通化市东昌区新站街道***');
    assert.equal(shown.openid, 'wechat:oX***');
  });

  it('hide what is too short to be masked in part, and addresses that name no street', () => {
    assert.equal(masked({ phone: '12345' }).phone, '***');
    assert.equal(masked({ address: '枫林家园3号楼2单元' }).address, '***');
    assert.equal(masked({ name: '𠮷野' }).name, '𠮷**');
  });

  it('leave nothing of an informer', () => {
    const shown = masked({ name: '张立民', phone: '13800138000', sex: '男' }, true);
    assert.deepEqual([shown.name, shown.phone, shown.sex, shown.email], ['***', '***', '***', null]);
  });
});

describe('sentences', () => {
  const keysOf = (value: object, prefix = ''): string[] =>
    Object.entries(value).flatMap(([key, below]) =>
      typeof below === 'object' ? keysOf(below as object, `${prefix}${key}.`) : [prefix + key],
    );

  it('say in words where a ticket or message stands that something cannot be done with', () => {
    const { zh, en } = new DeskError('desk.not_held', { number: 'N', state: 'joined' }).sentence;
    assert.match(zh, /已并入/);
    assert.doesNotMatch(zh, /joined/);
    assert.match(en, /joined/);
    assert.match(new DeskError('desk.not_decided', { number: 'N', state: 'unread' }).sentence.zh, /待研读/);
  });

  it('stand in both languages under the same keys, with the same values to fill in', () => {
    const [zh, en] = (['zh', 'en'] as const).map(language => keysOf(localeFile(`${language}.yaml`)).sort());
    assert.deepEqual(zh, en);
    const places = (language: Language, key: string) => (say(language, key).match(/\{\w+\}/g) ?? []).sort();
    for (const key of zh ?? []) assert.deepEqual(places('zh', key), places('en', key), key);
  });

  it('are Chinese unless English is asked for', () => {
    assert.equal(languageOf(undefined, {}), 'zh');
    assert.equal(languageOf(undefined, { LANG: 'en_US.UTF-8' }), 'en');
    assert.equal(languageOf('zh', { LANG: 'en_US.UTF-8' }), 'zh');
  });

  it('explain every code in both languages, with what to do', () => {
    for (const { code, zh, en } of catalogue().values()) {
      for (const text of [zh.title, zh.todo]) assert.match(text, /\p{Script=Han}/u, code);
      for (const text of [en.title, en.todo]) assert.match(text, /[a-z]/, code);
      assert.match(code, /^[a-z][a-z0-9._-]+$/, code);
    }
  });

  it('are put on a line each for one result, values of the locale in words', () => {
    const shown = lines(
      { state: 'held', at: Date.UTC(2026, 2, 1, 4), nested: { phone: null, name: '张**' }, none: [] },
      'zh',
    );
    assert.deepEqual(shown, ['状态: 待审', '时间: 2026-03-01 12:00:00', 'nested:', '  名称: 张**']);
  });
});
