// The command line as a person types it: beside a running gateway and without one, what it prints and how it ends.
import assert from 'node:assert/strict';
import { type ExecFileException, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { firstAppeal } from '../../gateway/cli/first-appeal.ts';
import { operator } from '../../gateway/cli/operator.ts';
import { runtimeFault } from '../../gateway/runtime.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ENTRY = join(ROOT, 'gateway/main.ts');
const LINE_BOX = join(ROOT, 'docs/adapters/example/line-box.ts');

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The last line of standard output as JSON. */
  readonly result: Record<string, unknown>;
  /** Every line of standard output as JSON. */
  readonly rows: Record<string, unknown>[];
}

describe('huisu', function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-cli-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const environment = (more: NodeJS.ProcessEnv = {}) => ({
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: tmpdir(),
    HUISU_PORT: '0',
    LANG: 'zh_CN.UTF-8',
    ...more,
  });

  function huisu(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return new Promise(settle => {
      execFile(
        process.execPath,
        [ENTRY, ...args],
        { cwd: folder, env: environment(env) },
        (error: ExecFileException | null, out, err) => {
          const parsed = () =>
            out
              .trim()
              .split('\n')
              .filter(line => line !== '')
              .map(line => JSON.parse(line) as Record<string, unknown>);
          settle({
            code: typeof error?.code === 'number' ? error.code : 0,
            out,
            err,
            get result() {
              return JSON.parse(out.trim().split('\n').at(-1) as string) as Record<string, unknown>;
            },
            get rows() {
              return parsed();
            },
          });
        },
      );
    });
  }

  /** A gateway in a process of its own; resolves with the object it prints when it is ready. */
  async function gateway(
    env: NodeJS.ProcessEnv = {},
    work: (started: { url: string; firstChannel: { secret: string } | null; out: string[] }) => Promise<void>,
  ): Promise<{ code: number | null; err: string }> {
    const child = spawn(process.execPath, [ENTRY, 'start'], {
      cwd: folder,
      env: environment(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    const ended = new Promise<number | null>(settle => child.once('exit', settle));
    const out: string[] = [];
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        out.push(line);
        if (!line.startsWith('{')) continue;
        await work({ ...JSON.parse(line), out });
        break;
      }
    } finally {
      child.kill('SIGTERM');
    }
    return { code: await ended, err };
  }

  it('starts with nothing configured, prints the first secret once, and takes the pasted first appeal', async () => {
    let secret = '';
    const ended = await gateway({}, async started => {
      secret = started.firstChannel?.secret as string;
      const pasted = started.out
        .slice(started.out.findIndex(line => line.startsWith('secret=')))
        .filter(line => !line.startsWith('{'))
        .join('\n');
      const answer = await new Promise<string>((settle, fail) =>
        execFile('bash', ['-c', pasted], (error, out) => (error ? fail(error) : settle(out))),
      );
      assert.match(answer, /"number":"\d{6}[0-9A-Z]{11}"/);
      assert.match(answer, /"kind":"ticket"/);
    });
    assert.equal(ended.code, 0);
    assert.match(ended.err, /已生成开发用密钥/);
    assert.ok(!ended.err.includes(secret), 'the secret is in the log');
    await gateway({}, async started => assert.equal(started.firstChannel, null));
  });

  it('takes the first appeal of the README, in both languages the same lines', () => {
    const block = (file: string) => /```bash\n([\s\S]*?)\n```/.exec(readFileSync(join(ROOT, file), 'utf8'))?.[1];
    assert.equal(block('README.md'), firstAppeal('http://127.0.0.1:8012/hooks/app-1', 'whsec_…'));
    assert.equal(block('README.zh-CN.md'), block('README.md'));
  });

  it('ends in silence where whoever reads its words has read enough', async () => {
    const child = spawn(process.execPath, [ENTRY, 'check'], {
      ...{ cwd: folder, env: environment({}), stdio: ['ignore', 'pipe', 'pipe'] },
    });
    child.stdout?.destroy();
    let err = '';
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    const code = await new Promise<number | null>(settle => child.once('close', settle));
    assert.deepEqual([code, err], [0, '']);
  });

  it('does the same beside a running gateway and without one', async () => {
    const shown: unknown[] = [];
    await gateway({}, async () => {
      shown.push((await huisu(['channels', 'list', '--json'])).rows.map(({ id, kind }) => [id, kind]));
      assert.equal((await huisu(['status'])).result['running'], true);
    });
    shown.push((await huisu(['channels', 'list', '--json'])).rows.map(({ id, kind }) => [id, kind]));
    assert.deepEqual(shown, [[['app-1', 'app']], [['app-1', 'app']]]);
    assert.equal((await huisu(['status'])).result['running'], false);
  });

  it('keeps its control socket for its owner alone, also where the path is too long for a socket', async function () {
    if (process.platform === 'win32') this.skip();
    const deep = join(folder, 'a'.repeat(120));
    mkdirSync(deep);
    for (const data of [join(folder, 'data'), join(deep, 'data')]) {
      await gateway({ HUISU_DATA: data }, async () => {
        const short = data.length < 100;
        const socket = short ? join(data, 'control.sock') : readFileSync(join(data, 'control.path'), 'utf8');
        assert.equal(statSync(socket).mode & 0o777, 0o600);
        assert.equal((await huisu(['status'], { HUISU_DATA: data })).result['running'], true);
      });
    }
  });

  it('adds channels, rotates their secrets and switches them off while the gateway runs', async () => {
    await gateway({}, async ({ url }) => {
      const added = await huisu(['channels', 'add', 'tongtongban']);
      assert.match(String(added.result['secret']), /^whsec_/);
      assert.equal(added.result['url'], `${url}/hooks/tongtongban`);
      assert.equal((await fetch(`${url}/hooks/tongtongban`, { method: 'POST', body: '{}' })).status, 401);
      const rotated = await huisu(['channels', 'secret', 'rotate', 'tongtongban']);
      assert.notEqual(rotated.result['secret'], added.result['secret']);
      await huisu(['channels', 'disable', 'tongtongban']);
      assert.equal((await fetch(`${url}/hooks/tongtongban`, { method: 'POST', body: '{}' })).status, 404);
      const listed = await huisu(['channels', 'list']);
      assert.match(listed.out, /渠道 +类型 +状况/);
      assert.ok(!listed.out.includes(String(rotated.result['secret'])));
      const wrong = await huisu(['channels', 'enable', 'tongtonban']);
      assert.equal(wrong.code, 65);
      assert.match(wrong.err, /tongtongban/);
    });
  });

  it('changes settings of a channel that is there, and takes out one that was never used', async () => {
    const settings = { host: '127.0.0.1', port: 9, tls: 'none', user: 'szxx@example.cn', password: 'wrong' };
    await gateway({}, async () => {
      const add = ['channels', 'add', 'mayor', '--kind', 'mailbox', '--settings', JSON.stringify(settings)];
      assert.equal((await huisu(add)).result['url'], null, 'nobody is to call it');
      const refused = await huisu(['channels', 'set', 'mayor', '--settings', '{"pasword":"right"}']);
      assert.equal(refused.code, 78);
      assert.match(refused.err, /pasword[\s\S]*password/);
      const change = JSON.stringify({ port: 10, password: 'right', user: 'qzjd@example.cn' });
      const changed = await huisu(['channels', 'set', 'mayor', '--settings', change]);
      const shown = changed.result['settings'] as Record<string, unknown>;
      assert.deepEqual([shown['host'], shown['port'], shown['user']], ['127.0.0.1', 10, 'qzjd@example.cn']);
      assert.ok(!changed.out.includes('right'));
      await huisu(['channels', 'set', 'mayor', '--settings', '{"port":null}']);
      const listed = async () => (await huisu(['channels', 'list', '--json'])).rows;
      const mayor = (await listed()).find(({ id }) => id === 'mayor');
      assert.ok(mayor !== undefined && !Object.hasOwn(mayor['settings'] as object, 'port'));
      assert.equal((await huisu(['channels', 'remove', 'mayor'])).code, 0);
      assert.deepEqual(
        (await listed()).map(({ id }) => id),
        ['app-1'],
      );
    });
    const actions = (await huisu(['audit', 'list', '--json'])).rows.map(({ action }) => action);
    assert.ok(['channel.add', 'channel.set', 'channel.remove'].every(action => actions.includes(action)));
  });

  it('switches off a channel that cannot be opened, and says of it why, not that there is none', async () => {
    writeFileSync(join(folder, 'with.yaml'), JSON.stringify({ adapters: [LINE_BOX] }));
    const box = ['channels', 'add', 'box', '--kind', 'line-box', '--settings', '{"token":"made-up-token-0001"}'];
    assert.equal((await huisu([...box, '--config', 'with.yaml'])).code, 0);
    // Its adapter is gone.
    const findings = async () =>
      ((await huisu(['status', '--json'])).result['findings'] as Record<string, unknown>[]).map(({ code }) => code);
    assert.ok((await findings()).includes('channel-down'));
    const changed = await huisu(['channels', 'set', 'box', '--settings', '{}', '--json']);
    assert.equal((changed.result['failure'] as Record<string, unknown>)['code'], 'channel.no_kind');
    assert.equal((await huisu(['channels', 'disable', 'box'])).code, 0);
    assert.ok(!(await findings()).includes('channel-down'));
    assert.equal((await huisu(['channels', 'list', '--json'])).rows[0]?.['state'], 'disabled');
  });

  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: settings files refer to variables in just this way
  it('tells for a channel of the settings file which variable to change', async () => {
    writeFileSync(
      join(folder, 'mine.yaml'),
      'channels:\n  - { id: mine, kind: app, settings: { secrets: ["${MY_SECRET}"] } }\n'
        .replaceAll('"$', "'$")
        .replaceAll('}"]', "}']"),
    );
    const env = { HUISU_CONFIG: 'mine.yaml', MY_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
    await gateway(env, async started => {
      assert.equal(started.firstChannel, null);
      const answer = await huisu(['channels', 'secret', 'rotate', 'mine'], env);
      assert.equal(answer.code, 65);
      assert.match(answer.err, /\$\{MY_SECRET\}/);
      assert.match((await huisu(['channels', 'disable', 'mine'], env)).err, /channels\[0\]\.enabled/);
    });
  });

  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: as above

  it('does not start while an id stands in the settings file and in the store', async () => {
    await gateway({}, async () => undefined);
    writeFileSync(
      join(folder, 'twice.yaml'),
      `channels:\n  - { id: app-1, kind: app, settings: { secrets: [whsec_${Buffer.alloc(32, 7).toString('base64')}] } }\n`,
    );
    const answer = await huisu(['start', '--config', 'twice.yaml']);
    assert.equal(answer.code, 78);
    assert.match(answer.err, /twice\.yaml:2.*app-1/);
  });

  it('says who types it by sudo, by the name that is said in front of the account, or by the account', () => {
    const account = operator({});
    assert.notEqual(account, '');
    assert.equal(operator({ SUDO_USER: 'zhang', HUISU_OPERATOR: 'li' }), 'zhang');
    assert.equal(operator({ SUDO_USER: '', HUISU_OPERATOR: ' li\u202e (root) ' }), `li root (${account})`);
    assert.equal(operator({ HUISU_OPERATOR: ' ' }), account);
  });

  it('shows tickets masked, and unmasks one field for a purpose that is in the audit before', async () => {
    await gateway({}, async ({ out, firstChannel, url }) => {
      const pasted = out
        .slice(out.findIndex(line => line.startsWith('secret=')))
        .filter(line => !line.startsWith('{'))
        .join('\n');
      assert.ok(firstChannel !== null && url !== '');
      await new Promise<void>((settle, fail) =>
        execFile('bash', ['-c', pasted], error => (error ? fail(error) : settle())),
      );
      const [row] = (await huisu(['tickets', 'list', '--json'])).rows;
      const number = String(row?.['number']);
      const masked = await huisu(['tickets', 'show', number.toLowerCase()]);
      assert.doesNotMatch(masked.out, /13800138000/);
      assert.equal((masked.result['requester'] as Record<string, unknown>)['phone'], '138****8000');
      const purposeless = await huisu(['tickets', 'show', number, '--reveal', 'phone']);
      assert.equal(purposeless.code, 65);
      const asked = ['tickets', 'show', number, '--reveal', 'phone', '--why', '回访'];
      const open = await huisu(asked, { SUDO_USER: 'zhang', HUISU_OPERATOR: 'li' });
      assert.match(String((open.result['requester'] as Record<string, unknown>)['phone']), /13800138000$/);
      const record = (await huisu(['audit', 'list', '--json'])).rows.at(-1);
      assert.deepEqual(
        [record?.['action'], record?.['on'], record?.['why'], record?.['by']],
        ['identity.read', [number, 'phone'], '回访', 'zhang'],
      );
      // Who looked at this one, and what was done last.
      const on = (
        await huisu(['audit', 'list', '--json', '--on', String(number).toLowerCase(), '--action', 'identity'])
      ).rows;
      assert.deepEqual(
        on.map(({ seq }) => seq),
        [record?.['seq']],
      );
      const whole = (await huisu(['audit', 'list', '--json'])).rows;
      assert.deepEqual((await huisu(['audit', 'list', '--json', '--last', '2'])).rows, whole.slice(-2));
      assert.deepEqual((await huisu(['audit', 'list', '--json', '--by', 'nobody'])).rows, []);
      const { result } = await huisu(['audit', 'verify']);
      assert.deepEqual([result['broken'], result['head']], [null, `${whole.at(-1)?.['seq']}:${whole.at(-1)?.['mac']}`]);
      assert.equal((await huisu(['audit', 'verify', '--head', String(result['head'])])).code, 0);
      const foreign = String(result['head']).replace(/:.*/, `:${'0'.repeat(64)}`);
      assert.equal((await huisu(['audit', 'verify', '--head', foreign])).code, 65);
      assert.equal((await huisu(['audit', 'verify', '--head', 'x'])).code, 64);
    });
  });

  it('says what is wrong in both languages, the asked one first, and ends with the code for it', async () => {
    await huisu(['channels', 'add', 'tongtongban']);
    const zh = await huisu(['tickets', 'show', 'nonsense']);
    assert.equal(zh.code, 65);
    assert.match(zh.err, /不是有效的编号[\s\S]*no valid number/);
    assert.equal(zh.out, '');
    const told = await huisu(['tickets', 'show', 'nonsense', '--json']);
    assert.equal((told.result['failure'] as Record<string, unknown>)['code'], 'cli.bad_number');
    const unread = await huisu(['check', '--json', '--config', 'none.yaml']);
    assert.equal((unread.result['failure'] as Record<string, unknown>)['code'], 'config.unreadable');
    const en = await huisu(['tickets', 'show', 'nonsense', '--lang', 'en']);
    assert.match(en.err, /no valid number[\s\S]*不是有效的编号/);
    for (const [args, said] of [
      [['channels', 'add', '--json'], /用法有误（missing required argument 'id'）/],
      [['nothing', '--json'], /unknown command 'nothing'/],
      [['channels', '--json'], /--help/],
      [['status', '--lang', 'fr', '--json'], /'fr' is invalid/],
    ] as const) {
      const { code, exit, zh: words } = (await huisu(args)).result['failure'] as Record<string, unknown>;
      assert.deepEqual([code, exit], ['cli.usage', 64]);
      assert.match(String(words), said);
    }
    assert.equal((await huisu(['tickets', 'list', '--limit', 'x', '--json'])).out, '');
    for (const args of [
      ['tickets', 'shwo'],
      ['tickets', 'show'],
      ['tickets', 'list', '--limit', 'x'],
      ['tickets', 'list', '--state', 'x'],
      ['nothing'],
    ]) {
      assert.equal((await huisu(args)).code, 64, args.join(' '));
    }
  });

  it('checks the settings without making anything', async () => {
    const fine = await huisu(['check']);
    assert.equal(fine.code, 0);
    assert.equal(fine.result['ok'], true);
    assert.throws(() => statSync(join(folder, 'huisu-data')));
    writeFileSync(join(folder, 'bad.yaml'), 'listen: { prot: 1 }\nchannels:\n  - { id: a, kind: ap, settings: {} }\n');
    const box = 'kind: mailbox, settings: { host: imap.example.cn, user: szxx, password: made-up }';
    writeFileSync(join(folder, 'twice.yaml'), `channels:\n  - { id: a, ${box} }\n  - { id: b, ${box} }\n`);
    assert.match((await huisu(['check', '--config', 'twice.yaml'])).out, /渠道 a 与 b 收取同一来源/);
    const bad = await huisu(['check', '--config', 'bad.yaml']);
    assert.equal(bad.code, 78);
    assert.match(bad.err, /bad\.yaml:1:11 \$\.listen\.prot .*“port”/);
    writeFileSync(join(folder, 'kind.yaml'), 'channels:\n  - { id: a, kind: ap, settings: {} }\n');
    assert.match((await huisu(['check', '--config', 'kind.yaml'])).err, /kind\.yaml:2.*“app”/);
    writeFileSync(
      join(folder, 'inner.yaml'),
      'channels:\n  - id: a\n    kind: app\n    settings: { secrets: [whsec_short], rate: 3 }\n',
    );
    assert.match(
      (await huisu(['check', '--config', 'inner.yaml'])).err,
      /inner\.yaml:4:\d+ \$\.channels\[0\]\.settings/,
    );
  });

  it('says that the port is in use, and what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise(settle => other.once('listening', settle));
    const { port } = other.address() as { port: number };
    const answer = await huisu(['start'], { HUISU_PORT: String(port) });
    other.close();
    assert.equal(answer.code, 69);
    assert.match(answer.err, new RegExp(`${port}[\\s\\S]*HUISU_PORT`));
  });

  it('shows the first secret at the next start where the one that made it failed, and tells of the keys all the same', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const failed = await huisu(['start'], { HUISU_PORT: String(port) });
    other.close();
    assert.match(failed.err, /已生成开发用密钥/);
    let secret: string | undefined;
    await gateway({}, async ({ firstChannel }) => {
      secret = firstChannel?.secret;
    });
    assert.match(String(secret), /^whsec_/);
    await gateway({}, async ({ firstChannel }) => assert.equal(firstChannel, null));
  });

  it('says that there is nothing yet, instead of making an empty database of a mistyped path', async () => {
    const status = await huisu(['status'], { HUISU_DATA: './hiusu-data' });
    assert.equal(status.code, 69);
    assert.match(status.err, /hiusu-data[\s\S]*huisu start/);
    assert.deepEqual(readdirSync(folder), []);
    const added = await huisu(['channels', 'add', 'tongtongban']);
    assert.match(String(added.result['secret']), /^whsec_/);
    assert.match(added.err, /已生成开发用密钥/);
  });

  it('says that the data folder cannot be used, and why, instead of calling it a defect', async () => {
    writeFileSync(join(folder, 'taken'), '');
    const started = await huisu(['start', '--lang', 'en'], { HUISU_DATA: './taken' });
    assert.equal(started.code, 69);
    assert.match(started.err, /The data folder \S*taken cannot be used \(EEXIST\)[\s\S]*\(store\.folder_unusable\)/);
    // They stay, for the next start: so they are told of now.
    assert.match(started.err, /Development keys were made/);
    mkdirSync(join(folder, 'data', 'lock.db'), { recursive: true });
    const locked = await huisu(['start'], { HUISU_DATA: './data' });
    assert.equal(locked.code, 69);
    assert.match(locked.err, /数据目录 \S*data 不能使用/);
  });

  it('says where the key file cannot be, before anything is made', async () => {
    const missing = await huisu(['start'], { HUISU_KEYS_FILE: './nowhere/keys.json' });
    assert.equal(missing.code, 78);
    assert.match(missing.err, /nowhere\/keys\.json[\s\S]*\(keys\.unwritable_file\)/);
    const inside = await huisu(['start'], { HUISU_KEYS_FILE: './huisu-data/keys.json' });
    assert.equal(inside.code, 78);
    assert.match(inside.err, /\(config\.keys_inside_data\)/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('refuses a second process on the same data folder', async () => {
    await gateway({}, async () => {
      const second = await huisu(['start']);
      assert.equal(second.code, 69);
      assert.match(second.err, /\p{Script=Han}/u);
    });
  });

  it('checks that a data folder that is in use has its key file, as a start would', async () => {
    assert.equal((await huisu(['channels', 'add', 'tongtongban'])).code, 0);
    assert.equal((await huisu(['check'])).code, 0);
    rmSync(join(folder, 'huisu-keys.json'));
    const checked = await huisu(['check']);
    assert.equal(checked.code, 78);
    assert.match(checked.err, /keys\.unreadable_file/);
  });

  it('does not start with a lost key, and says what that means', async () => {
    await gateway({}, async () => undefined);
    rmSync(join(folder, 'huisu-keys.json'));
    const lost = await huisu(['start']);
    assert.equal(lost.code, 78);
    assert.match(lost.err, /keys\./);
  });

  it('makes a key ring for processes that are yet to run, which a start then takes, and never writes over one', async () => {
    const made = await huisu(['keys', 'make', 'ring.json']);
    assert.equal(made.code, 0, made.err);
    const ring = readFileSync(join(folder, 'ring.json'), 'utf8');
    assert.equal(statSync(join(folder, 'ring.json')).mode & 0o777, 0o600);
    assert.equal((await huisu(['keys', 'make', 'ring.json'])).code, 78);
    assert.equal(readFileSync(join(folder, 'ring.json'), 'utf8'), ring);
    const started = await gateway({ HUISU_KEYS_FILE: './ring.json' }, async () => undefined);
    assert.doesNotMatch(started.err, /ring\.json/);
    assert.equal(readFileSync(join(folder, 'ring.json'), 'utf8'), ring);
  });

  it('rotates a key, names keys without showing them, and still opens what the old one sealed', async () => {
    await gateway({}, async () => undefined);
    const before = (await huisu(['keys', 'list', '--json'])).rows;
    const rotated = await huisu(['keys', 'rotate', 'settings']);
    assert.equal(rotated.result['name'], 'settings');
    const after = (await huisu(['keys', 'list', '--json'])).rows;
    assert.equal(after.length, before.length + 1);
    const file = readFileSync(join(folder, 'huisu-keys.json'), 'utf8');
    for (const row of after) assert.ok(row['rotates'] === true || !file.includes(String(row['id'])));
    assert.equal((await huisu(['channels', 'list', '--json'])).rows[0]?.['id'], 'app-1');
    assert.equal((await huisu(['keys', 'rotate', 'dedupe'])).code, 78);
  });

  it('says on which Node and SQLite it cannot run', () => {
    assert.equal(runtimeFault({ node: '24.15.0', sqlite: '3.51.3' }), null);
    assert.equal(runtimeFault({ node: '26.0.0', sqlite: '3.60.0' }), null);
    assert.deepEqual(runtimeFault({ node: '20.20.2' }), { code: 'old-node', version: '20.20.2' });
    assert.deepEqual(runtimeFault({ node: '24.14.9', sqlite: '3.53.0' }), { code: 'old-node', version: '24.14.9' });
    assert.deepEqual(runtimeFault({ node: '24.20.0', sqlite: '3.51.2' }), { code: 'old-sqlite', version: '3.51.2' });
  });
});
