// Clean text: what citizens' bytes and markup become before anything is read out of them.
import assert from 'node:assert/strict';
import { cleanText, cut } from '../../normalizer/text.ts';
import { read } from './rules.ts';

describe('text', () => {
  describe('cleans', () => {
    const rows: readonly [string, string, string][] = [
      ['tabs, line ends and ideographic spaces', '\n\t\t　　路灯坏了\t\r\n\r\n\t请修\n', '路灯坏了\n请修'],
      [
        'full-width digits and letters, not punctuation',
        '电话１３８ＡＢ，【急】（在家）！',
        '电话138AB，【急】（在家）！',
      ],
      ['spreadsheet escapes', '第一行_x000D_第二行_x000d_', '第一行\n第二行'],
      ['left-over entities once', 'A&nbsp;B&lt;C&amp;lt;&#26234;', 'A B<C&lt;智'],
      ['zero-width, bidirectional and control characters', '路\u200b灯\u202e坏\u0007了\ufeff', '路灯坏了'],
      ['traditional characters', '通化縣供熱不達標，暖氣不熱', '通化县供热不达标，暖气不热'],
      ['words that only look traditional stay', '乾隆年间的瞭望塔很著名', '乾隆年间的瞭望塔很著名'],
      ['Kangxi radicals of copied PDFs', '⼤⼈', '大人'],
      ['mathematical letters that hide a number', '𝟏𝟑𝟖', '138'],
      ['units and circled digits stay', '①30㎡②20℃', '①30㎡②20℃'],
      ['piled-up marks', 'a\u0301\u0301\u0301\u0301\u0301', 'á\u0301'],
      ['markup inside plain text', '第一段</p><br/>第二段', '第一段\n第二段'],
      ['comparison signs are no markup', '面积<100且>50', '面积<100且>50'],
    ];
    for (const [title, raw, expected] of rows) it(title, () => assert.equal(cleanText(raw, 1000).text, expected));

    it('HTML into lines, without scripts, styles and hidden heads', () => {
      const html =
        '<html><head><title>x</title></head><body><style>p{}</style><p>你好&nbsp;！</p><script>alert(1)</script>' +
        '<table><tr><td>甲</td><td>乙</td></tr></table>完</body>';
      assert.equal(cleanText(html, 1000, 'html').text, '你好 ！\n甲 乙\n完');
    });
    it('unpaired surrogates and broken bytes are noted', () => {
      const { text, problems } = cleanText('a\ud800b\ufffd', 1000);
      assert.equal(text, 'a\ufffdb\ufffd');
      assert.deepEqual(problems, ['text.broken-bytes', 'text.unpaired-surrogate']);
    });
    it('cuts what is too long between characters and notes it', () => {
      const { text, problems } = cleanText('😀'.repeat(40), 9);
      assert.equal(text, '😀'.repeat(4));
      assert.deepEqual(problems, ['text.too-long']);
    });
    it('tags that nobody sees go', () => assert.equal(cleanText('a\u{E0041}\u{E007F}b', 100).text, 'ab'));
    it('Korean keeps its Han characters', () => assert.equal(cleanText('안녕하세요 縣', 100).text, '안녕하세요 縣'));
  });

  it('is cut between characters as people see them', () => {
    const family = '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}';
    const rows: readonly [string, number, string][] = [
      ['路灯不亮', 2, '路灯'],
      ['路灯', 2, '路灯'],
      ['路\u{20BB7}灯', 2, '路'],
      ['路\u{20BB7}灯', 3, '路\u{20BB7}'],
      [`好${family}的`, 5, '好'],
      [`好${family}的`, 9, `好${family}`],
      ['好👍🏽的', 3, '好'],
      ['旗🇨🇳的', 3, '旗'],
      ['字葛\u{E0100}的', 2, '字'],
      ['cafe\u0301好', 4, 'caf'],
      [`a${'\u0301'.repeat(200)}`, 100, `a${'\u0301'.repeat(99)}`],
      // Marks of two units each, piled up without end: not one of them is halved.
      [`a${'\u{1D165}'.repeat(100)}`, 100, `a${'\u{1D165}'.repeat(49)}`],
    ];
    for (const [text, length, kept] of rows) assert.equal(cut(text, length), kept, JSON.stringify(text));
    const long = `${'字'.repeat(99)}${family}`;
    assert.equal(cleanText(long, 101).text, `${'字'.repeat(99)}\u{1F468}`);
    assert.equal(cleanText(long, 100).text, '字'.repeat(99));
  });
});

describe('a page', () => {
  it('shows its words though nobody has closed its head', () => {
    const page = '<html><head><meta charset="utf-8"><title>标题</title><style>p{}</style><p>路灯不亮</p></html>';
    assert.equal(cleanText(page, 100, 'html').text, '路灯不亮');
  });
});

describe('a draft', () => {
  const file = (n: number) => ({ name: `${n}.jpg`, source: { kind: 'inline' as const, base64: 'QQ==' } });

  it('keeps so many files, tells of more, and knows their sizes', () => {
    const { attachments, problems } = read('路灯不亮', {
      attachments: Array.from({ length: 51 }, (_, n) => file(n)),
    }).appeal;
    assert.deepEqual([attachments.length, attachments[0]?.size, problems], [50, 1, ['attachments.too-many']]);
    const whole = read('路灯不亮', { attachments: Array.from({ length: 50 }, (_, n) => file(n)) }).appeal;
    assert.deepEqual([whole.attachments.length, whole.problems], [50, []]);
  });

  it('asks nobody about a place that is not told of', () => {
    assert.equal(read('路灯坏了').appeal.asks?.includes('place'), false);
  });
});
