// The embedding service: one more feature while it answers, masked texts only, and nothing missing while it does not.
import assert from 'node:assert/strict';
import { createEmbedder } from '../../../gateway/reading/embedding.ts';
import { likeness, type Meaning } from '../../../normalizer/meaning.ts';
import { openTicketContent } from '../../../store/ticket-seal.ts';
import { type EmbeddingSimulator, startEmbeddings } from '../../platforms/embeddings.ts';
import { type Running, runGateway } from '../running.ts';

const HEAT =
  '东昌区枫林家园小区，暖气不热，屋里只有15度，给暖兴供热公司打电话说管道老化，一直没人来修，请督促尽快检修。';
const COLD =
  '东昌区枫林家园小区老人孩子冻得感冒，请领导过问供热公司。我叫赵铁柱，电话13800001027，身份证220502198001011237。';
const DOG = '东昌区枫林家园小区，有人养了两条大狼狗不拴绳，天天放出来，老太太吓得摔了一跤。';
const WANG = { name: '王桂芬', phone: '13800001014' };
const ZHAO = { name: '赵铁柱', phone: '13800001027' };
/** Knows heat from dogs. */
const vectorOf = (text: string): readonly number[] => (/暖|冻|供热/.test(text) ? [0.9, 0.1, 0] : [0, 0.1, -0.9]);
const SETTINGS = { model: 'small-zh', key: null, deadlineMs: 5000, weight: 20, mean: 0.1 };

describe('embedding service', function () {
  this.timeout(60_000);
  let service: EmbeddingSimulator;
  let running: Running | null = null;
  beforeEach(async () => {
    service = await startEmbeddings(vectorOf);
  });
  afterEach(async () => {
    await running?.close();
    running = null;
    await service.close();
  });

  const start = async (embedding: object | null) => {
    running = await runGateway({ embedding });
    return running;
  };
  /** Links of a message's ticket, suggested ones too, by the features they carry. */
  async function linksOf(number: string) {
    const { store, cipher } = (running as Running).gateway.context;
    const row = await store.tickets.get(number);
    assert.ok(row);
    return openTicketContent(cipher, row).links;
  }

  it('links what is close in meaning and says so; off, the same messages are decided by the shipped weights alone', async () => {
    await start({ ...SETTINGS, url: service.url });
    const first = await (running as Running).appeal(HEAT, WANG);
    const second = await (running as Running).appeal(COLD, ZHAO);
    const [link] = await linksOf(second.number);
    assert.equal(link?.of, first.number);
    assert.equal(link?.suggested, undefined, JSON.stringify(link));
    assert.equal(link?.features['meaning'], 1);
    assert.ok(link?.reasons.includes('repeat.for:meaning'), link?.reasons.join(' '));
    const third = await (running as Running).appeal(DOG, { name: '李长顺', phone: '13800001030' });
    assert.deepEqual(
      (await linksOf(third.number)).filter(({ suggested }) => suggested !== true),
      [],
    );
    await (running as Running).close();

    const asked = service.requests.length;
    await start(null);
    await (running as Running).appeal(HEAT, WANG);
    const alone = await (running as Running).appeal(COLD, ZHAO);
    for (const { features } of await linksOf(alone.number)) assert.ok(!('meaning' in features));
    assert.deepEqual(
      (await linksOf(alone.number)).filter(({ suggested }) => suggested !== true),
      [],
    );
    assert.equal(service.requests.length, asked);
  });

  it('sends title and content without names, phones and ID numbers, to the address and with the key that are set', async () => {
    await start({ ...SETTINGS, url: `${service.url}/`, key: 'sk-test' });
    await (running as Running).appeal(COLD, ZHAO);
    const [request] = service.requests;
    assert.deepEqual(
      [request?.path, request?.model, request?.authorization, request?.input.length],
      ['/v1/embeddings', 'small-zh', 'Bearer sk-test', 1],
    );
    const sent = service.requests.flatMap(({ input }) => input).join('\n');
    assert.match(sent, /枫林家园/);
    for (const secret of ['赵铁柱', '铁柱', '13800001027', '1027', '220502198001011237', '19800101']) {
      assert.ok(!sent.includes(secret), `${secret} left: ${sent}`);
    }
  });

  it('decides without it while it hangs, and leaves it alone after some failures', async () => {
    service.mood = 'hangs';
    await start({ ...SETTINGS, url: service.url, deadlineMs: 1000 });
    for (let n = 0; n < 6; n++) {
      const { number } = await (running as Running).appeal(`${HEAT}第${n}次反映`, { ...WANG, phone: `1380000200${n}` });
      for (const { features } of await linksOf(number).catch(() => [])) assert.ok(!('meaning' in features));
    }
    await service.givenUp();
    // On a busy machine one may be given up before it was connected.
    const begun = service.connections();
    assert.ok(begun >= 1 && begun <= 3, `${begun} requests`);
  });

  async function asked(texts: readonly string[], more: object = {}) {
    const told: string[] = [];
    const embedder = createEmbedder({
      settings: { ...SETTINGS, url: service.url, ...more },
      report: (code, { reason }) => void told.push(reason === undefined ? code : `${code} ${reason}`),
    });
    return { told, embedder, answers: await embedder.meanings(texts) };
  }

  it('gives each text its own vector, in whatever order they come back', async () => {
    const { answers } = await asked(['暖气', '狗', '供热']);
    assert.equal(likeness(answers[0] as Meaning, answers[2] as Meaning), 1);
    assert.ok((likeness(answers[0] as Meaning, answers[1] as Meaning) as number) < 0.1);
  });

  const broken: readonly (readonly [string, EmbeddingSimulator['mood'], string])[] = [
    ['an error', 'fails', 'http 503'],
    ['an answer that stops in the middle', 'trickles', 'timeout'],
    ['no JSON', { says: '<html>' }, 'no JSON'],
    ['JSON of something else', { says: 'null' }, 'another number of vectors'],
    ['too few vectors', { says: '{"data": []}' }, 'another number of vectors'],
    ['a vector that is none', { says: '{"data": [{"index": 0, "embedding": "AAAA"}]}' }, 'no vector'],
    ['a place that is none', { says: '{"data": [{"index": 7, "embedding": [1]}]}' }, 'no vector'],
    ['an answer without end', { says: `{"data": "${'x'.repeat(9 * 1024 * 1024)}"}` }, 'answer too long'],
  ];
  for (const [title, mood, reason] of broken) {
    it(`takes ${title} for no answer, and tells once`, async () => {
      service.mood = mood;
      // What stops in the middle is waited for; a busy machine may need long for the others.
      const { told, embedder, answers } = await asked(['暖气'], { deadlineMs: mood === 'trickles' ? 500 : 10_000 });
      assert.deepEqual(answers, [null]);
      for (let n = 0; n < 3; n++) assert.deepEqual(await embedder.meanings(['暖气']), [null]);
      assert.deepEqual(told, [`embedding.down ${reason}`]);
      assert.equal(service.requests.length, 3);
    });
  }

  it('takes a vector with figures that are no numbers for none, and keeps the others', async () => {
    service.mood = { says: '{"data": [{"index": 0, "embedding": [1, null]}, {"index": 1, "embedding": [1, 0]}]}' };
    const { told, answers } = await asked(['a', 'b']);
    assert.deepEqual([answers[0], answers[1]?.length, told], [null, 6, []]);
  });

  it('says that nobody listens there', async () => {
    const { url } = service;
    await service.close();
    service = await startEmbeddings(vectorOf);
    const { told, embedder } = await asked(['暖气'], { url });
    for (let n = 0; n < 2; n++) await embedder.meanings(['暖气']);
    assert.deepEqual(told, ['embedding.down ECONNREFUSED']);
  });
});
