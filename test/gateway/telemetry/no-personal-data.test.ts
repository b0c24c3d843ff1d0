// Seeded identities go through a whole gateway, by good ways and bad; none may be found in what it logs, counts or keeps.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { COMMANDS } from '../../../gateway/cli/commands.ts';
import { runCommand } from '../../../gateway/control.ts';
import { type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';
import { type Running, runGateway } from '../running.ts';

/** Made up, each unlike anything else in the test, with valid check digits where there are any. */
const SEEDS = {
  name: '欧阳靖瑶',
  phone: '13912345678',
  callerPhone: '15987654321',
  email: 'ouyang.jingyao@mail.example.com',
  idNumber: '220502199003078516',
  address: '东昌区民主街道银杏佳苑17号楼3单元602',
  openid: 'oQ7xSeededOpenid93',
};
/** Said in the text itself. */
const IN_TEXT = { phone: '18643219876', plate: '吉EK7391', landlord: '司徒冠霆' };

/** The ways in which a value could hide in bytes. */
function shapes(value: string): Buffer[] {
  const utf8 = Buffer.from(value);
  const escaped = [...value]
    .map(character =>
      character.charCodeAt(0) < 128 ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .join('');
  // A base64 of it inside a longer text depends on the offset; what lies wholly inside is the same.
  const base64 = [0, 1, 2].map(offset =>
    Buffer.concat([Buffer.alloc(offset), utf8])
      .toString('base64')
      .slice(offset === 0 ? 0 : 4, -4),
  );
  const texts = [escaped, encodeURIComponent(value), utf8.toString('hex'), ...base64].map(text => Buffer.from(text));
  return [utf8, iconv.encode(value, 'gbk'), Buffer.from(value, 'utf16le'), ...texts].filter(shape => shape.length >= 6);
}

const HAYSTACK = [...Object.values(SEEDS), ...Object.values(IN_TEXT)].flatMap(value =>
  shapes(value).map(shape => ({ value, shape })),
);

function assertClean(bytes: Buffer, where: string): void {
  for (const { value, shape } of HAYSTACK) assert.ok(!bytes.includes(shape), `${value} stands in ${where}`);
}

describe('identities', function () {
  this.timeout(60_000);
  let cases: CaseSystemSimulator;
  let running: Running;
  before(async () => {
    cases = await startCaseSystem({ faults: { script: ['html', '422', '500', null], repeat: true } });
    running = await runGateway({
      caseSystem: { url: cases.url, retry: { steps: [0.05], every: 0.05, hours: 0.0001 } },
    });
    await sendAll();
  });
  after(async () => {
    await running.close();
    await cases.close();
  });

  async function sendAll(): Promise<void> {
    const content = `东昌区江南大街的路灯不亮，车牌${IN_TEXT.plate}的车差点撞到人，请打${IN_TEXT.phone}联系房东${IN_TEXT.landlord}。`;
    for (let i = 0; i < 3; i++) await running.appeal(`${content}第${i}次反映。`, SEEDS);
    await running.appeal('我要举报银杏佳苑物业经理贪污维修资金。', SEEDS);
    await running.send({
      type: 'appeal.created',
      timestamp: new Date().toISOString(),
      data: { content, contact: { ...SEEDS, [SEEDS.phone]: SEEDS.name } },
    });
    const { url } = running.gateway;
    const bad = { method: 'POST', body: JSON.stringify(SEEDS) };
    await fetch(`${url}/hooks/app-1`, bad);
    await fetch(`${url}/hooks/app-1`, {
      ...bad,
      headers: { 'webhook-id': SEEDS.phone, 'webhook-timestamp': '1', 'webhook-signature': SEEDS.idNumber },
    });
    await fetch(`${url}/hooks/${SEEDS.openid}`, bad);
    await fetch(`${url}/${encodeURIComponent(SEEDS.name)}?phone=${SEEDS.phone}`, bad);
    await fetch(`${url}/case-system/events`, bad);
    const { store } = running.gateway.context;
    await running.until(async () => {
      const { due, inFlight } = await store.outbox.counts();
      return due + inFlight === 0;
    });
  }

  it('are in no log line, whatever went wrong', () => {
    assert.ok(running.logged.length > 3);
    assertClean(Buffer.from(running.logged.join('')), 'the log');
  });

  it('are in no metric, no readiness reason and no answer to a stranger', async () => {
    for (const path of [
      '/metrics',
      '/readyz',
      '/healthz',
      '/openapi.json',
      `/problems/${SEEDS.openid.toLowerCase()}`,
    ]) {
      assertClean(Buffer.from(await (await fetch(running.gateway.url + path)).text()), path);
    }
  });

  it('are in no list and no view of the command line unless asked for', async () => {
    const { store } = running.gateway.context;
    const [ticket] = await store.tickets.list({ limit: 1 });
    const [entry] = await store.outbox.list({ state: 'dead', limit: 1 });
    const [channel] = await running.gateway.context.book.all();
    const arguments_ = {
      ...{ number: ticket?.number, entry: entry?.id, id: channel?.id },
      folder: join(running.folder, 'backup'),
    };
    const byCaller = { phone: SEEDS.phone, why: `回电 ${SEEDS.phone}` };
    const skipped = new Set([
      'tickets release',
      'tickets refuse',
      'tickets link',
      'tickets unlink',
      'tickets correct',
      'incidents merge',
      'incidents split',
      // They ask for a reason, a file or somebody's number first.
      'tickets hold',
      'tickets unhold',
      'erase',
      'import',
      'unseal',
      'tickets attachment',
      'messages original',
      'messages appeal',
      'messages no-appeal',
      'quarantine replay',
      'dead-letters replay',
      'keys rotate',
      'keys save',
      'channels add',
      'channels secret new',
      'channels secret rotate',
      'channels enable',
      'channels disable',
      'channels remove',
      'case-system try',
      // It needs what clerks have decided, and shows figures only.
      'repeats train',
      'repeats put-back',
    ]);
    const shown: string[] = [];
    for (const command of COMMANDS) {
      const nothing =
        (command.name === 'dead-letters show' && entry === undefined) ||
        (command.name === 'incidents show' && (ticket?.incident ?? null) === null);
      if (skipped.has(command.name) || nothing) continue;
      const send = (reply: unknown) => void shown.push(JSON.stringify(reply));
      await runCommand(
        command,
        running.gateway.context,
        { args: command.name === 'tickets find' ? byCaller : arguments_, by: 'tester' },
        new AbortController().signal,
        send,
      );
    }
    assert.ok(shown.length > 20);
    assertClean(Buffer.from(shown.join('\n')), 'what commands show');
  });

  it('are in no byte on disk: database, log of the database, blobs', () => {
    const data = join(running.folder, 'data');
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    assert.ok(files.length >= 3);
    for (const file of files) assertClean(readFileSync(join(file.parentPath, file.name)), file.name);
  });

  it('are found by this test where they are (so that it can be believed)', () => {
    assert.throws(() => assertClean(Buffer.from(`x${SEEDS.phone}y`), 'here'));
    assert.throws(() => assertClean(Buffer.from(Buffer.from(`abc${SEEDS.email}def`).toString('base64')), 'here'));
    assert.throws(() => assertClean(iconv.encode(`某${SEEDS.name}`, 'gbk'), 'here'));
  });
});
