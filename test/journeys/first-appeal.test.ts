// From an empty folder to a first appeal, and every way in which a start can fail: said in words, with its exit code.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { appealBody, partner } from '../platforms/app.ts';
import { openPlace, type Place, START } from './process.ts';

const run = promisify(execFile);
const UNAVAILABLE = 69;
const CONFIG = 78;

describe('a first appeal', function () {
  this.timeout(60_000);
  let place: Place;
  /** Half a minute goes by until it is gone, in which the others are looked at. */
  let stuck: Awaited<ReturnType<typeof stuckAtItsEnd>>;

  before(async () => {
    stuck = await stuckAtItsEnd();
  });
  after(() => stuck.place.remove());
  beforeEach(() => {
    place = openPlace();
  });
  afterEach(() => place.remove());

  async function startAndStop(): Promise<void> {
    const gateway = place.run(START);
    await gateway.started;
    gateway.child.kill('SIGTERM');
    assert.equal(await gateway.ended, 0);
  }

  it('is taken by the printed lines, pasted into bash', async function () {
    for (const tool of ['bash', 'openssl', 'curl']) {
      if (
        await run(tool, ['--version']).then(
          () => false,
          () => tool !== 'openssl',
        )
      ) {
        console.log(`      skipped: there is no ${tool} here`);
        this.skip();
      }
    }
    const gateway = place.run(START);
    const { url, firstChannel, pid } = await gateway.started;
    const health = await fetch(`${url}/healthz`);
    assert.equal(health.status, 200);
    assert.equal(pid, gateway.child.pid);
    assert.ok(firstChannel);

    const printed = gateway.stdout();
    const lines = printed.slice(printed.indexOf("secret='"), printed.indexOf('\n{"url"'));
    const sent = await run('bash', ['-c', lines.replace("prefer: wait=5'", "prefer: wait=0'")]);
    const answer = JSON.parse(sent.stdout) as Record<string, unknown>;
    assert.equal(answer['status'], 'accepted');
    assert.match(String(answer['number']), /^\d{6}[0-9A-Z]{11}$/);
    const waited = JSON.parse((await run('bash', ['-c', lines])).stdout) as {
      status: string;
      outcome: { kind: string };
    };
    assert.equal(waited.status, 'read');
    assert.ok(['ticket', 'repeat'].includes(waited.outcome.kind));

    assert.ok(!gateway.stderr().includes(firstChannel.secret), 'the secret is not in the log');
    assert.ok(!gateway.stderr().includes('13800138000'));
    for (const file of ['huisu-keys.json', 'huisu-data/huisu.db']) {
      assert.equal(statSync(join(place.folder, file)).mode & 0o077, 0, `${file} is its owner's alone`);
    }
  });

  it('shows its secret at the first start only, and keeps it valid', async () => {
    const first = place.run(START);
    const { firstChannel } = await first.started;
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
    const second = place.run(START);
    const { url, firstChannel: again } = await second.started;
    assert.equal(again, null);
    assert.ok(!second.stdout().includes('whsec_'));
    const sender = partner({ url: `${url}/hooks/${firstChannel?.id}`, secret: firstChannel?.secret ?? '' });
    assert.equal((await sender.send(appealBody())).status, 202);
    sender.close();
  });

  it('is not taken twice by two processes on one folder: the second says so and ends', async () => {
    const first = place.run(START);
    const { url } = await first.started;
    const second = place.run(START);
    assert.equal(await second.ended, UNAVAILABLE);
    assert.match(second.stderr(), /数据目录/);
    assert.match(second.stderr(), /data folder/i);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    first.child.kill('SIGKILL');
    await first.ended;
    // Nothing is left locked after a kill.
    await startAndStop();
  });

  it('waits for its keys: a lost key file is never replaced by a new one', async () => {
    await startAndStop();
    const keys = join(place.folder, 'huisu-keys.json');
    renameSync(keys, `${keys}.lost`);
    const without = place.run(START);
    assert.equal(await without.ended, CONFIG);
    assert.match(without.stderr(), /密钥/);
    assert.match(without.stderr(), /key/i);
    assert.ok(!existsSync(keys), 'no new keys over old data');
    renameSync(`${keys}.lost`, keys);
    await startAndStop();
  });

  it('is not taken under the wrong keys', async () => {
    await startAndStop();
    const other = openPlace();
    try {
      const gateway = other.run(START);
      await gateway.started;
      gateway.child.kill('SIGTERM');
      await gateway.ended;
      const foreign = readFileSync(join(other.folder, 'huisu-keys.json'), 'utf8');
      rmSync(join(place.folder, 'huisu-keys.json'));
      const wrong = place.run(START, { HUISU_KEYS: foreign });
      assert.equal(await wrong.ended, CONFIG);
      assert.match(wrong.stderr(), /密钥/);
    } finally {
      await other.remove();
    }
  });

  it('says that the port is in use', async () => {
    const taken = createServer();
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    place.settings({ listen: { port } });
    const gateway = place.run(START);
    assert.equal(await gateway.ended, UNAVAILABLE);
    assert.match(gateway.stderr(), new RegExp(`127\\.0\\.0\\.1:${port}`));
    assert.match(gateway.stderr(), /占用/);
    assert.match(gateway.stderr(), /in use/);
    await new Promise(resolve => taken.close(resolve));
  });

  it('says what a misspelt or wrong setting should be, with file and place', async () => {
    place.settings({ lisen: { port: 0 } });
    const misspelt = place.run(START);
    assert.equal(await misspelt.ended, CONFIG);
    assert.match(misspelt.stderr(), /huisu\.yaml/);
    assert.match(misspelt.stderr(), /lisen/);
    assert.match(misspelt.stderr(), /listen/);
    assert.match(misspelt.stderr(), /did you mean|是否要写/i);
    place.settings({ listen: { port: 'eighty' } });
    const wrong = place.run(START);
    assert.equal(await wrong.ended, CONFIG);
    assert.match(wrong.stderr(), /port|端口/);
    place.settings('listen: [unclosed');
    const broken = place.run(START);
    assert.equal(await broken.ended, CONFIG);
    assert.match(broken.stderr(), /huisu\.yaml/);
    const missing = place.run(['start', '--config', 'nowhere.yaml']);
    assert.equal(await missing.ended, CONFIG);
    assert.match(missing.stderr(), /nowhere\.yaml/);
    assert.ok(!existsSync(join(place.folder, 'huisu-data')), 'nothing was made before the settings were right');
  });

  it('that was received before SIGTERM is answered, under load too', async () => {
    const gateway = place.run(START);
    const { firstChannel } = await gateway.started;
    const sender = partner({ url: firstChannel?.url ?? '', secret: firstChannel?.secret ?? '' });
    const answered: number[] = [];
    let cut = 0;
    let begun = 0;
    let ending = false;
    let told = false;
    const load = Array.from({ length: 16 }, async () => {
      while (!ending) {
        begun++;
        await sender.send(appealBody({ content: `第${begun}盏路灯不亮` })).then(
          answer => answered.push(answer.status),
          // A connection that was refused or closed before anything was received of the request.
          error => {
            if (['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes((error as NodeJS.ErrnoException).code ?? '')) cut++;
            else throw error;
          },
        );
        // Told once: a second signal means that nobody wants to wait any longer.
        if (answered.length >= 300 && !told) told = gateway.child.kill('SIGTERM');
        if (cut > 0) ending = true;
      }
    });
    await Promise.all(load);
    sender.close();
    assert.equal(await gateway.ended, 0);
    const taken = answered.filter(status => status === 202).length;
    assert.ok(taken >= 300);
    assert.deepEqual(new Set(answered.filter(status => status !== 202 && status !== 429)), new Set());

    const listed = place.run(['status', '--config', 'huisu.yaml', '--json']);
    assert.equal(await listed.ended, 0);
    const status = JSON.parse(listed.stdout().trim().split('\n').at(-1) ?? '') as { messages: { total: number } };
    assert.equal(status.messages.total, taken, 'what was answered is what is there');
  });

  it('ends at once at a second signal, and loses nothing by it', async () => {
    const gateway = place.run(START);
    const { firstChannel } = await gateway.started;
    const sender = partner({ url: firstChannel?.url ?? '', secret: firstChannel?.secret ?? '' });
    const answer = await sender.send(appealBody());
    const number = answer.json()['number'];
    sender.close();
    gateway.child.kill('SIGINT');
    gateway.child.kill('SIGINT');
    await gateway.ended;
    const shown = place.run(['messages', 'show', String(number), '--config', 'huisu.yaml', '--json']);
    assert.equal(await shown.ended, 0);
    assert.ok(shown.stdout().includes(String(number)));
  });

  it('is kept where the gateway is told to stop and something in it never ends: it goes within 25 s all the same', async () => {
    const { gateway, number, gone } = stuck;
    const { code, ms } = await gone;
    assert.equal(code, 0);
    assert.ok(ms < 26_000, `${ms} ms`);
    assert.match(gateway.stderr(), /"code":"gateway\.slow_stop"/);
    const shown = stuck.place.run(['messages', 'show', number, '--config', 'huisu.yaml', '--json']);
    assert.equal(await shown.ended, 0);
  });
});

/** A gateway that has taken an appeal, is told to stop, and has a thread that cannot be ended, as one in a call of the system that does
 *  not come back. */
async function stuckAtItsEnd() {
  const place = openPlace();
  const file = join(place.folder, 'stuck.mjs');
  const source = `import { Worker } from 'node:worker_threads';
    Worker.prototype.terminate = () => new Promise(() => undefined);
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message?.kind !== 'close' && message?.type !== 'close') post.call(this, message, ...rest);
    };`;
  writeFileSync(file, source);
  const gateway = place.run(START, { NODE_OPTIONS: `--import=${file}` });
  const { firstChannel } = await gateway.started;
  const sender = partner({ url: firstChannel?.url ?? '', secret: firstChannel?.secret ?? '' });
  const { number } = (await sender.send(appealBody())).json() as { number: string };
  sender.close();
  const told = performance.now();
  gateway.child.kill('SIGTERM');
  const gone = gateway.ended.then(code => ({ code, ms: performance.now() - told }));
  return { place, gateway, number, gone };
}
