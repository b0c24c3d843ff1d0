// Texts nobody expects, through a whole gateway with its shipped limits: each a ticket in time, none a crash, none mistaken for another.
import assert from 'node:assert/strict';
import { openReadingBench, type ReadingBench } from './reading-bench.ts';

/** As much as one original of this channel may hold; three bytes a Chinese character. */
const MEGABYTE = 1_000_000;
const filled = (unit: string): string => unit.repeat(Math.floor(MEGABYTE / Buffer.byteLength(unit)));

const TEXTS: Readonly<Record<string, string>> = {
  'one character': '水',
  'one letter': 'x',
  'one mark': '？',
  'one emoji': '😡',
  'emoji only': '😡😡👎💧🚰❓❗',
  Korean: '통화시 동창구 강남대가에 가로등이 모두 꺼졌습니다. 빨리 고쳐 주세요.',
  pinyin: 'wo jia zai dong chang qu, yi ge xing qi mei you shui le, qing bang mang jie jue',
  'a megabyte of one character': filled('水'),
  'a megabyte of one letter': filled('x'),
  'a megabyte of figures': filled('1'),
  'a megabyte of emoji': filled('😡'),
  'a megabyte of Korean': filled('통화시 가로등 '),
  'a megabyte of pinyin': filled('mei you shui le '),
  'a megabyte of appeals': filled('东昌区江南大街路灯灭了一排，晚上接孩子放学一点亮都没有，请安排检修。'),
};

describe('texts nobody expects', function () {
  this.timeout(120_000);
  let bench: ReadingBench;
  before(async () => {
    bench = await openReadingBench({ reading: { parsers: 1 } });
  });
  after(() => bench.close());

  for (const [title, text] of Object.entries(TEXTS)) {
    it(`${title}: a ticket within the time limit, twice, by two people`, async () => {
      for (const from of ['one', 'two']) {
        const [told] = await bench.read([{ id: `${title} ${from}`, from, text }]);
        assert.equal(told?.outcome.kind, 'ticket', JSON.stringify(told?.outcome));
      }
    });
  }

  it('no parser died of any of them, and none was quarantined', async () => {
    assert.deepEqual(
      bench.logged.filter(({ code }) =>
        ['reading.parser_died', 'reading.bug', 'reading.parse_failed'].includes(String(code)),
      ),
      [],
    );
    assert.equal((await bench.gateway.context.store.messages.counts()).quarantined, 0);
  });

  it('one character, one letter or emoji alone are no repeat of anything', async () => {
    const tickets = await bench.gateway.context.store.tickets.list({ limit: 1000 });
    const brief = tickets.slice(-2 * 5);
    assert.deepEqual(
      brief.map(({ incident, closedRepeatOf }) => [incident, closedRepeatOf]),
      brief.map(() => [null, null]),
    );
  });
});
