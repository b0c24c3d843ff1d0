// Settings: what a person gets wrong is told with file, place and reason in both languages, and nothing secret with it.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: settings files refer to variables in just this way
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Joi from 'joi';
import { describeConfig } from '../../config/describe.ts';
import { ConfigError, type ConfigProblem, describeProblem } from '../../config/errors.ts';
import { nearest } from '../../config/explain.ts';
import { check, type LoadedConfig, loadConfig, SHIPPED } from '../../config/load.ts';

describe('settings', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'huisu-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function load(text: string | Buffer, env: NodeJS.ProcessEnv = {}): LoadedConfig {
    const file = join(folder, 'huisu.yaml');
    writeFileSync(file, text);
    return loadConfig({ file, env, cwd: folder });
  }

  function problemsOf(text: string | Buffer, env: NodeJS.ProcessEnv = {}): readonly ConfigProblem[] {
    try {
      load(text, env);
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    throw new Error('the settings were taken');
  }

  it('run with no file at all, on this machine only, with no services', () => {
    const { config } = loadConfig({ env: {}, cwd: folder });
    assert.equal(config.listen.host, '127.0.0.1');
    assert.equal(config.caseSystem, null);
    assert.equal(config.data, join(folder, 'huisu-data'));
    assert.equal(config.keys.file, join(folder, 'huisu-keys.json'));
    assert.ok(config.reading.parsers >= 1);
  });

  it('need only what differs from the defaults, down to single values of a group', () => {
    const { config } = load('listen:\n  port: 9000\nreading:\n');
    assert.equal(config.listen.port, 9000);
    assert.equal(config.listen.host, '127.0.0.1');
    assert.equal(config.reading.messageSeconds, 5);
  });

  describe('of the work calendar', () => {
    const calendar = (entry: string) => `calendar:\n  - ${entry}\n`;

    it('take a year as it is announced, with the days at its turn', () => {
      const { config } = load(
        calendar('{ year: 2060, holidays: [2059-12-31..2060-01-02, 2060-04-05], workdays: [2060-01-10] }'),
      );
      assert.deepEqual(config.calendar, [
        { year: 2060, holidays: ['2059-12-31..2060-01-02', '2060-04-05'], workdays: ['2060-01-10'] },
      ]);
    });

    for (const [entry, path, reason] of [
      ['{ year: 2060, holidays: [2060-02-30] }', '$.calendar[0].holidays[0]', /must be a day/],
      ['{ year: 2060, holidays: [2060-05-01..2060-07-01] }', '$.calendar[0].holidays[0]', /up to 31/],
      ['{ year: 2060, holidays: [] }', '$.calendar[0].holidays', /at least 1/],
      ['{ year: 2060, holidays: [2061-05-01] }', '$.calendar[0]', /not of 2060/],
      ['{ year: 2060, holidays: [2060-01-01], workdays: [2060-01-05] }', '$.calendar[0].workdays[0]', /Sunday/],
      ['{ year: 2060, holidays: [2060-01-01..2060-01-05], workdays: [2060-01-04] }', '$.calendar[0]', /both/],
      [
        '{ year: 2060, holidays: [2060-01-01] }\n  - { year: 2060, holidays: [2060-01-02] }',
        '$.calendar[1]',
        /repeats/,
      ],
    ] as const) {
      it(`refuse ${entry.replaceAll(/\s+/g, ' ')}`, () => {
        const [problem] = problemsOf(calendar(entry));
        assert.equal(problem?.path, path);
        assert.match(problem?.en ?? '', reason);
      });
    }
  });

  it('cannot be changed once loaded', () => {
    const { config } = load('listen: { port: 9000 }');
    assert.throws(() => Object.assign(config.listen, { port: 1 }), TypeError);
  });

  it('name a misspelt key with its line, its column and the key that was meant', () => {
    const [problem] = problemsOf('listen:\n  prot: 9000\n');
    assert.deepEqual(
      [problem?.code, problem?.path, problem?.line, problem?.column],
      ['config.unknown_key', '$.listen.prot', 2, 3],
    );
    assert.match(problem?.zh ?? '', /是不是想写“port”/);
    assert.match(problem?.en ?? '', /did you mean "port"/);
    assert.match(describeProblem(problem as ConfigProblem, 'zh'), /huisu\.yaml:2:3 \$\.listen\.prot/);
  });

  it('tell everything that is wrong at once', () => {
    const problems = problemsOf('listen: { port: 70000, host: "" }\nlog: { level: loud }\nreeding: {}\n');
    const paths = problems.map(problem => problem.path).sort();
    assert.deepEqual(paths, ['$.listen.host', '$.listen.port', '$.log.level', '$.reeding']);
  });

  it('say in both languages what is wrong with every kind of value', () => {
    const wrong =
      'listen: { port: x, publicUrl: nowhere, trustedProxies: [maybe], tls: {}, plain: 7 }\nadapters: one\nchannels: [{ id: "9", kind: 1 }]\nintake: { minFreePercent: 99 }';
    for (const problem of problemsOf(wrong)) {
      assert.match(problem.zh, /\p{Script=Han}/u);
      assert.doesNotMatch(problem.en, /\p{Script=Han}/u);
      assert.doesNotMatch(problem.zh, /^不符合要求（/, problem.path);
      assert.equal(typeof problem.line, 'number');
    }
  });

  it('say in the language asked for which settings go together', () => {
    const mail = 'mail: { host: a.cn, port: 25, from: a@a.cn, to: b@b.cn, security: none';
    const url = 'caseSystem: { url: "http://case.cn"';
    const mapping = (field: string) => `${url}, mapping: { fields: { ticket.created: [${field}] }, tables: {} } }`;
    const wrong = [
      [`alarms: { ${mail}, user: a } }`, /user and password/],
      [`alarms: { ${mail}, user: a, password: b } }`, /without encryption/],
      [`${url}, tls: { cert: "-----BEGIN CERTIFICATE-----" } }`, /cert and key/],
      [mapping('{ to: a, from: b, table: none }'), /table "none"/],
      [mapping('{ to: a, from: b }'), /lacks the fields of "ticket\.followed-up"/],
      [`${url}, success: { path: code } }`, /values/],
    ] as const;
    for (const [text, named] of wrong) {
      const [problem] = problemsOf(text);
      assert.match(problem?.zh ?? '', /\p{Script=Han}/u, text);
      assert.doesNotMatch(problem?.en ?? '', /\p{Script=Han}|custom/u, text);
      assert.match(problem?.en ?? '', named);
    }
  });

  it('show YAML mistakes with their line', () => {
    const [problem] = problemsOf('listen:\n  port: 1\n port: 2\n');
    assert.equal(problem?.code, 'config.yaml');
    assert.equal(problem?.line, 3);
  });

  it('refuse a key given twice, an anchor, and keys that could poison objects', () => {
    assert.equal(problemsOf('data: a\ndata: b\n')[0]?.code, 'config.yaml');
    assert.equal(problemsOf('data: &x a\nrules: *x\n')[0]?.code, 'config.yaml');
    assert.equal(problemsOf('__proto__: { data: x }\n')[0]?.code, 'config.unknown_key');
    assert.equal(problemsOf('listen: { constructor: { prototype: {} } }\n')[0]?.code, 'config.unknown_key');
  });

  it('refuse a list, a bare text and a file that is not UTF-8', () => {
    assert.equal(problemsOf('- a\n')[0]?.code, 'config.not_a_map');
    assert.equal(problemsOf('hello')[0]?.code, 'config.not_a_map');
    assert.equal(problemsOf(Buffer.from([0xc4, 0xe3, 0x3a, 0x20, 0x31]))[0]?.code, 'config.not_utf8');
  });

  it('say plainly that the file is not there', () => {
    assert.throws(
      () => loadConfig({ file: join(folder, 'none.yaml'), env: {} }),
      (error: ConfigError) => error.code === 'config.unreadable' && /ENOENT/.test(error.zh),
    );
  });

  it('take secrets from the environment and from files, and tell where one came from', () => {
    writeFileSync(join(folder, 'secret'), 'from-file\n');
    const text =
      'channels:\n  - id: a\n    kind: app\n    settings: { secrets: ["${A_SECRET}", "${file:secret}", "$${A_SECRET}"] }\n';
    const loaded = load(text, { A_SECRET: 'from-env' });
    assert.deepEqual(loaded.config.channels[0]?.settings['secrets'], ['from-env', 'from-file', '${A_SECRET}']);
    assert.equal(loaded.reference(['channels', 0, 'settings', 'secrets', 0]), '${A_SECRET}');
    assert.equal(loaded.reference(['channels', 0, 'settings', 'secrets', 2]), null);
    for (const written of ['\ufefffrom-windows\r\n', 'from-windows', '\ufefffrom-windows']) {
      writeFileSync(join(folder, 'secret'), written);
      const { settings } = load(text, { A_SECRET: 'x' }).config.channels[0] ?? {};
      assert.deepEqual(settings?.['secrets'], ['x', 'from-windows', '${A_SECRET}']);
    }
  });

  it('name the variable that is not set, and the file that cannot be read', () => {
    const problems = problemsOf('channels:\n  - { id: a, kind: app, settings: { x: "${GONE}", y: "${file:gone}" } }\n');
    assert.deepEqual(
      problems.map(problem => problem.code),
      ['config.missing_variable', 'config.missing_file'],
    );
    assert.match(problems[0]?.en ?? '', /GONE/);
  });

  it('never repeat a secret in what they say', () => {
    const text = 'keys: { file: "${S}", profile: "${S}" }\nlisten: { host: "${S}", port: "${S}" }\nlog: "${S}"\n';
    const problems = problemsOf(text, { S: 'top secret value' });
    assert.ok(problems.length >= 4);
    assert.doesNotMatch(JSON.stringify(problems), /top secret/);
  });

  it('let the environment override a few of them, and blame the variable for a wrong value', () => {
    assert.equal(load('listen: { port: 9000 }', { HUISU_PORT: '9001' }).config.listen.port, 9001);
    const [problem] = problemsOf('data: d', { HUISU_PORT: 'many' });
    assert.deepEqual([problem?.file, problem?.path], ['$HUISU_PORT', '$.listen.port']);
  });

  it('read relative paths from the folder of the file they stand in, and defaults from the working folder', () => {
    const file = join(folder, 'huisu.yaml');
    writeFileSync(file, 'data: ./mine\nadapters: [./a.ts, some-package]\n');
    const { config } = loadConfig({ file, env: {}, cwd: tmpdir() });
    assert.equal(config.data, join(folder, 'mine'));
    assert.equal(config.keys.file, join(tmpdir(), 'huisu-keys.json'));
    assert.deepEqual(config.adapters, [join(folder, 'a.ts'), 'some-package']);
  });

  it('refuse keys inside the data folder', () => {
    const [problem] = problemsOf('data: ./d\nkeys: { file: ./d/keys.json }\n');
    assert.equal(problem?.code, 'config.keys_inside_data');
    assert.equal(load('data: ./d\nkeys: { file: ./d-keys.json }\n').config.data, join(folder, 'd'));
    assert.equal(problemsOf('data: ./d\nkeys: { file: ./d }\n')[0]?.code, 'config.keys_inside_data');
  });

  it('are not changed by variables of the environment that hold nothing', () => {
    const { config } = load('queue: { redis: "redis://127.0.0.1" }\n', { HUISU_REDIS: '', HUISU_MONGO: '' });
    assert.deepEqual([config.queue.redis, config.store.url], ['redis://127.0.0.1', null]);
  });

  it('are not taken from a file that is just being written, where there are others at work', () => {
    const file = join(folder, 'huisu.yaml');
    for (const written of ['', '\n', '# to come\n']) {
      writeFileSync(file, written);
      assert.equal(loadConfig({ file, env: {}, cwd: folder }).config.channels.length, 0);
      assert.throws(
        () => loadConfig({ file, env: {}, cwd: folder, refuseEmpty: true }),
        (error: ConfigError) => error.code === 'config.emptied',
      );
    }
  });

  it('name a database of MongoDB, and each kind of file once', () => {
    for (const url of ['mongodb://host', 'mongodb://host/', 'mongodb://host/?tls=true', 'mongodb:///huisu']) {
      assert.equal(problemsOf(`store: { url: "${url}" }\n`)[0]?.path, '$.store.url', url);
    }
    assert.equal(load('store: { url: "mongodb://host/huisu?tls=true" }\n').config.store.identityUrl, null);
    const rules = 'attachments: [{ type: "image/*", days: 30 }, { type: "image/*", days: 60 }]';
    assert.equal(problemsOf(`retention: { ${rules} }\n`)[0]?.path, '$.retention.attachments[1]');
  });

  it('of a case system leave it three days and more, tried ever more seldom', () => {
    const { caseSystem } = load('caseSystem: { url: "https://cases.example.cn" }\n').config;
    assert.deepEqual(caseSystem?.retry, { steps: [5, 15, 30, 60, 120, 300], every: 600, hours: 72, jitter: 0.2 });
    assert.equal(caseSystem?.forwardIdentity, false);
    const { retry } =
      load('caseSystem: { url: "https://cases.example.cn", retry: { hours: 10 } }\n').config.caseSystem ?? {};
    assert.deepEqual(retry, { ...caseSystem?.retry, hours: 10 });
  });

  it('refuse a board without a queue on Redis, and one that a short password opens', () => {
    const board = 'board: { user: duty, password: long enough to keep }';
    const [alone] = problemsOf(`queue: { ${board} }\n`);
    assert.deepEqual([alone?.code, alone?.path], ['config.board_alone', '$.queue.board']);
    const redis = 'redis: redis://127.0.0.1';
    assert.equal(load(`queue: { ${redis}, ${board} }\n`).config.queue.board?.user, 'duty');
    const [short] = problemsOf(`queue: { ${redis}, board: { user: duty, password: elevenchars } }\n`);
    assert.equal(short?.path, '$.queue.board.password');
    const [colon] = problemsOf(`queue: { ${redis}, board: { user: "a:b", password: long enough to keep } }\n`);
    assert.equal(colon?.path, '$.queue.board.user');
  });

  it('check the case system with its own schema, with places', () => {
    const [problem] = problemsOf('caseSystem:\n  url: https://cases.example.gov.cn/api\n  timeot: 3\n');
    assert.equal(problem?.path, '$.caseSystem.timeot');
    assert.equal(problem?.line, 3);
  });

  it('say which form the id of a channel has to have', () => {
    const [problem] = problemsOf('channels:\n  - { id: Mayor, kind: mailbox }\n');
    assert.equal(problem?.path, '$.channels[0].id');
    assert.match(problem?.zh ?? '', /小写字母开头/);
    assert.match(problem?.en ?? '', /lower-case letter/);
  });

  it('do not let two channels have one id', () => {
    const [problem] = problemsOf('channels:\n  - { id: a, kind: app }\n  - { id: a, kind: app }\n');
    assert.equal(problem?.path, '$.channels[1]');
    assert.equal(problem?.line, 3);
  });

  it('are described one by one, each in both languages and with its default', () => {
    const described = describeConfig();
    const text = readFileSync(join(SHIPPED, 'huisu.yaml'), 'utf8');
    assert.ok(described.length > 25);
    for (const { path, zh, en } of described) {
      assert.match(zh, /\p{Script=Han}/u, path);
      assert.notEqual(en, '', path);
    }
    assert.equal(described.find(({ path }) => path === 'listen.port')?.standard, 8012);
    for (const group of ['data:', 'keys:', 'listen:', 'reading:', 'intake:', 'dispatch:', 'caseSystem:', 'channels:'])
      assert.ok(text.includes(group));
  });

  it('find the word that was meant, and none where nothing is near', () => {
    assert.equal(nearest('chanels', ['channels', 'adapters']), 'channels');
    assert.equal(nearest('prot', ['port', 'host']), 'port');
    assert.equal(nearest('zzz', ['port', 'host']), null);
  });

  it('say in the schema’s own words, in both languages where it has them, what only a third party’s adapter can check', () => {
    const even = (messages: Joi.LanguageMessages) =>
      Joi.object({
        size: Joi.number()
          .custom((value: number, helpers) => (value % 2 === 0 ? value : helpers.error('box.odd')))
          .messages(messages),
      });
    const wordsOf = (messages: Joi.LanguageMessages) => {
      try {
        check(even(messages), { size: 3 }, [], () => ({ file: 'f', line: null, column: null }));
      } catch (error) {
        if (error instanceof ConfigError) return [error.zh, error.en];
        throw error;
      }
      throw new Error('it was taken');
    };
    const both = { zh: { 'box.odd': '应为偶数' }, en: { 'box.odd': 'must be even' } };
    assert.deepEqual(wordsOf(both), ['应为偶数', 'must be even']);
    assert.deepEqual(wordsOf({ 'box.odd': '应为偶数' }), ['应为偶数', 'is not valid (box.odd): 应为偶数']);
  });
});
