// Split settings: channels in files of their own, wrong ones told with their own file, line and path; and what no schema can say.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: settings files refer to variables in just this way
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { glimpseDataFolder, type LoadedConfig, loadConfig } from '../../config/load.ts';

/** The user of no rights, by the number that most systems give it. */
const NOBODY = 65_534;

describe('settings in several files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-split-'));
    mkdirSync(join(folder, 'channels'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  }

  function load(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): LoadedConfig {
    write({ 'huisu.yaml': 'data: ./data\n', ...files });
    return loadConfig({ file: join(folder, 'huisu.yaml'), env, cwd: folder });
  }

  function problemsOf(files: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv = {}): readonly ConfigProblem[] {
    try {
      load(files, env);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    throw new Error('the settings were taken');
  }

  const place = ({ file, line, path }: ConfigProblem) => [file.slice(folder.length + 1), line, path];

  describe('channels in files of their own', () => {
    it('stand behind those of the settings file, in the order of the files’ names, one or several to a file', () => {
      const loaded = load(
        {
          'huisu.yaml': 'channels: [{ id: a, kind: app }]\n',
          'channels/20-two.yaml': '- { id: d, kind: app }\n- { id: e, kind: app }\n',
          'channels/10-one.yml': 'id: c\nkind: app\nsettings: { secrets: ["${S}"] }\n',
          'channels/30-none.yaml': '# id: f\n',
        },
        { S: 'x' },
      );
      assert.deepEqual(
        loaded.config.channels.map(({ id }) => id),
        ['a', 'c', 'd', 'e'],
      );
      assert.equal(loaded.reference(['channels', 1, 'settings', 'secrets', 0]), '${S}');
      assert.deepEqual(loaded.config.channels[1]?.settings, { secrets: ['x'] });
      const { file, line, path } = loaded.locate(['channels', 3, 'kind']);
      assert.deepEqual([file, line, path], [join(folder, 'channels/20-two.yaml'), 2, '$[1].kind']);
    });

    it('are read whatever the capitals of their ending', () => {
      const { config } = load({
        'channels/Mail.YAML': 'id: m\nkind: mailbox\n',
        'channels/App.Yml': 'id: a\nkind: app\n',
      });
      assert.deepEqual(
        config.channels.map(({ id }) => id),
        ['a', 'm'],
      );
    });

    it('need no folder, and no settings file needs them', () => {
      rmSync(join(folder, 'channels'), { recursive: true });
      assert.deepEqual(load({}).config.channels, []);
      assert.equal(loadConfig({ env: {}, cwd: folder }).channelFolder, null);
    });

    it('are not read from copies that editors leave behind', () => {
      const { config } = load({
        'channels/a.yaml': 'id: a\nkind: app\n',
        'channels/a.yaml~': 'id: a\nkind: app\n',
        'channels/.a.yaml.swp': 'x',
        'channels/.#a.yaml': 'x',
        'channels/README.md': 'x',
      });
      assert.equal(config.channels.length, 1);
    });

    it('are told of with their own file, line and path, all wrong files at once', () => {
      const problems = problemsOf({
        'channels/a.yaml': 'id: a\nkidn: app\n',
        'channels/b.yaml': '- { id: b, kind: app }\n- { id: "9", kind: app }\n',
      });
      assert.deepEqual(problems.map(place).sort(), [
        ['channels/a.yaml', 1, '$.kind'],
        ['channels/a.yaml', 2, '$.kidn'],
        ['channels/b.yaml', 2, '$[1].id'],
      ]);
      assert.match(problems.find(({ code }) => code === 'config.unknown_key')?.zh ?? '', /是不是想写“kind”/);
      const broken = problemsOf({
        'channels/a.yaml': 'id: [\n',
        'channels/b.yaml': 'text',
        'channels/c.yaml': 'id: "${GONE}"',
      });
      assert.deepEqual([...new Set(broken.map(({ file }) => file.slice(-6)))], ['a.yaml', 'b.yaml', 'c.yaml']);
    });

    it('may not use an id that another file has, and both files are named', () => {
      const [twice] = problemsOf({
        'huisu.yaml': 'channels:\n  - { id: a, kind: app }\n',
        'channels/b.yaml': 'id: a\nkind: app\n',
      });
      assert.equal(twice?.code, 'config.channel_twice');
      assert.deepEqual(place(twice as ConfigProblem), ['channels/b.yaml', 1, '$']);
      assert.match(twice?.zh ?? '', /huisu\.yaml:2/);
      assert.match(twice?.en ?? '', /huisu\.yaml:2/);
    });

    it('say so when their folder cannot be read', () => {
      write({ 'huisu.yaml': 'log: { level: warn }\n' });
      // Root may read every folder, so that it has to be somebody else for a moment.
      const isRoot = process.getuid?.() === 0;
      if (isRoot) chmodSync(folder, 0o755);
      chmodSync(join(folder, 'channels'), 0);
      if (isRoot) process.seteuid?.(NOBODY);
      try {
        const load = () => loadConfig({ file: join(folder, 'huisu.yaml'), env: {}, cwd: folder });
        assert.throws(load, (error: unknown) => {
          assert.ok(error instanceof ConfigError, String(error));
          return error.problems[0]?.code === 'config.unreadable';
        });
      } finally {
        if (isRoot) process.seteuid?.(0);
        chmodSync(join(folder, 'channels'), 0o700);
      }
    });

    it('are looked at along with every file that is named for a secret, those missing too', () => {
      const seen: string[] = [];
      write({
        'huisu.yaml': 'keys: { file: "${file:where}" }\n',
        where: 'keys.json',
        'channels/a.yaml': 'id: a\nkind: app\nsettings: { x: "${file:gone}" }\n',
      });
      assert.throws(() =>
        loadConfig({ file: join(folder, 'huisu.yaml'), env: {}, seen: file => void seen.push(file) }),
      );
      assert.deepEqual(
        seen.map(file => file.slice(folder.length + 1)),
        ['huisu.yaml', 'where', 'channels/a.yaml', 'channels/gone'],
      );
    });
  });

  describe('listening', () => {
    const listen = (settings: string, env: NodeJS.ProcessEnv = {}) => ({
      text: { 'huisu.yaml': `listen: ${settings}\n` },
      env,
    });

    it('on an outer address in plain HTTP is refused, with the ways out', () => {
      for (const host of ['0.0.0.0', '192.0.2.1', '"::"', 'gateway.example.gov.cn']) {
        const [problem] = problemsOf(listen(`{ host: ${host} }`).text);
        assert.equal(problem?.code, 'config.plain_listen', host);
        assert.equal(problem?.path, '$.listen.host');
        for (const way of ['127.0.0.1', 'listen.tls', 'listen.trustedProxies', 'listen.plain', 'HUISU_PLAIN']) {
          assert.ok(problem.zh.includes(way) && problem.en.includes(way), way);
        }
      }
      assert.equal(problemsOf({}, { HUISU_HOST: '0.0.0.0' })[0]?.file, '$HUISU_HOST');
    });

    it('is allowed on this machine, with TLS, behind a named proxy, and where plain text is meant', () => {
      for (const settings of [
        '{ host: localhost }',
        '{ host: "::1" }',
        '{ host: 127.0.0.53 }',
        '{ host: 0.0.0.0, trustedProxies: [10.0.0.0/8] }',
        '{ host: 0.0.0.0, tls: { certFile: a, keyFile: b } }',
        '{ host: 0.0.0.0, plain: true }',
      ]) {
        assert.ok(load(listen(settings).text).config, settings);
      }
      assert.equal(load({}, { HUISU_HOST: '0.0.0.0', HUISU_PLAIN: 'true' }).config.listen.plain, true);
    });

    it('takes certificates from where the settings file stands', () => {
      const { tls } = load(listen('{ tls: { certFile: ./a.pem, keyFile: /etc/b.pem } }').text).config.listen;
      assert.deepEqual(tls, {
        ...{ certFile: join(folder, 'a.pem'), keyFile: '/etc/b.pem', caFile: null },
        minVersion: 'TLSv1.2',
      });
    });
  });

  describe('the data folder', () => {
    it('can be made out in a file that is wrong elsewhere, so that its gateway can be asked', () => {
      write({ 'huisu.yaml': 'data: ./mine\nlisten: { prot: 1 }\nx: [\n' });
      const file = join(folder, 'huisu.yaml');
      assert.equal(glimpseDataFolder({ file, env: {}, cwd: folder }), join(folder, 'mine'));
      assert.equal(glimpseDataFolder({ file, env: { HUISU_DATA: 'other' }, cwd: folder }), join(folder, 'other'));
      write({ 'huisu.yaml': 'data: "${WHERE}"\n' });
      assert.equal(glimpseDataFolder({ file, env: {}, cwd: folder }), null);
      write({ 'huisu.yaml': 'listen: 7\n' });
      assert.equal(glimpseDataFolder({ file, env: {}, cwd: folder }), join(folder, 'huisu-data'));
    });
  });
});
