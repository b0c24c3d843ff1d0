// A server that speaks MongoDB's protocol, for tests and measurements: the one HUISU_TEST_MONGO_URL names, or FerretDB over a
// PostgreSQL of its own in a temporary folder.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  accessSync,
  chownSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePorts } from './free-port.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(HERE, '../..');
const SOURCE = join(HERE, 'ferretdb');
/** The build of one state of the source stays until that changes. */
const CACHE = join(ROOT, 'node_modules/.cache/huisu-servers');
const POSTGRES_FOLDERS = [...debianFolders(), '/usr/local/bin', '/usr/local/pgsql/bin', '/opt/homebrew/bin'];
const GO_FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin'];
const READY_WITHIN_MS = 30_000;

export interface MongoServer {
  /** Without a database; a test takes one of its own. */
  readonly url: string;
  /** FerretDB itself, whose changes of documents are not atomic; null for a server that was given. */
  readonly rawUrl: string | null;
  /** Ends the server at once (a power cut but for the disk) or in good order; answers when it is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Starts it again at the same address, with the data it had. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Debian keeps each version in a folder of its own; the newest first. */
function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map(version => join(root, version, 'bin'));
}

function executable(folders: readonly string[], name: string): string | null {
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  return null;
}

/** Why no server can be started here; null where it can. */
export function mongoMissing(): string | null {
  if (executable(POSTGRES_FOLDERS, 'postgres') === null) return 'PostgreSQL is not installed';
  if (executable(POSTGRES_FOLDERS, 'initdb') === null) return 'initdb of PostgreSQL is not installed';
  if (!existsSync(binaryPath()) && executable(GO_FOLDERS, 'go') === null) return 'Go is not installed';
  return null;
}

/** FerretDB spends most of its time on reading documents as JSON, and Go's newer reader takes half as long for it. */
const BUILD = { GOEXPERIMENT: 'jsonv2' };
/** It makes little that lasts and much that does not; collected less often it takes a third less time. */
const RUN = { GOGC: '400' };

function binaryPath(): string {
  const state = createHash('sha256').update(JSON.stringify(BUILD));
  for (const file of ['main.go', 'go.mod', 'go.sum']) state.update(readFileSync(join(SOURCE, file)));
  return join(CACHE, `ferretdb-${state.digest('hex').slice(0, 16)}`);
}

/** Builds the server unless it is built; a minute or two the first time. Throws with what the compiler said. */
export function buildFerretDb(): string {
  const path = binaryPath();
  if (existsSync(path)) return path;
  const go = executable(GO_FOLDERS, 'go');
  if (go === null) throw new Error('Go is not installed');
  mkdirSync(CACHE, { recursive: true });
  const made = `${path}.${process.pid}`;
  const compile = (more: NodeJS.ProcessEnv) => {
    const env = { ...process.env, ...more };
    return spawnSync(go, ['build', '-trimpath', '-o', made, '.'], { cwd: SOURCE, encoding: 'utf8', env });
  };
  let build = compile(BUILD);
  // A Go that has never heard of it, or has it for good.
  if (build.status !== 0 && build.stderr.includes('GOEXPERIMENT')) build = compile({});
  if (build.status !== 0) throw new Error(`FerretDB was not built:\n${build.stderr}`);
  renameSync(made, path);
  return path;
}

function listens(port: number): Promise<boolean> {
  return new Promise(done => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

interface Program {
  readonly child: ChildProcess;
  readonly output: string[];
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root: then it runs as its own user, or as nobody. */
function identity(): Identity {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(line => line.split(':'));
  const found = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (found === undefined) throw new Error('this machine has no user for PostgreSQL');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

function start(command: string, args: readonly string[], folder: string, more: SpawnOptions = {}): Program {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...more });
  const output: string[] = [];
  const keep = (text: Buffer) => {
    output.push(text.toString('utf8'));
    if (output.length > 100) output.shift();
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return { child, output };
}

async function ready({ child, output }: Program, port: number, name: string): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS;
  while (!(await listens(port))) {
    if (child.exitCode !== null || performance.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`${name} did not start:\n${output.join('')}`);
    }
    await after(20);
  }
}

async function end({ child }: Program, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

function initialise(data: string, as: Identity): void {
  const initdb = executable(POSTGRES_FOLDERS, 'initdb') as string;
  const args = ['-D', data, '-U', 'huisu', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  const made = spawnSync(initdb, args, { cwd: data, encoding: 'utf8', ...as });
  if (made.status !== 0) throw new Error(`PostgreSQL was not initialised:\n${made.stderr}`);
  // -j: a statement ends at a semicolon before an empty line.
  const input = `${SERVING_INDEXES.replace('$body$;\n', '$body$;\n\n')}\n`;
  const postgres = executable(POSTGRES_FOLDERS, 'postgres') as string;
  const single = spawnSync(postgres, ['--single', '-j', '-D', data, 'postgres'], {
    cwd: data,
    encoding: 'utf8',
    input,
    ...as,
  });
  if (single.status !== 0 || /ERROR|FATAL/.test(single.stderr)) {
    throw new Error(`PostgreSQL was not prepared:\n${single.stderr}`);
  }
}

const POSTGRES_SETTINGS = [
  // The operating system outlives what tests do to the server, so its data need not be forced to the disk.
  ...['fsync=off', 'full_page_writes=off'],
  ...['max_connections=300', 'unix_socket_directories=', 'shared_buffers=256MB'],
  // FerretDB asks for a field by a parameter: only a plan made for its value can use an index, and it is worth any index, since
  // reading a document to look at one field means unpacking all of it.
  ...['plan_cache_mode=force_custom_plan', 'enable_seqscan=off', 'jit=off', 'default_toast_compression=lz4'],
];

/**
 * FerretDB makes indexes and then asks in a form (`document->field @> value`) that they do not serve: each question reads the whole
 * collection, and each write keeps what nobody uses. So an index that makes nothing unique gives way to one of its first field that
 * does serve such questions; of fields within fields none would.
 */
const SERVING_INDEXES = `
CREATE FUNCTION serve_questions() RETURNS event_trigger LANGUAGE plpgsql AS $body$
DECLARE
  made record;
  field text;
BEGIN
  FOR made IN
    SELECT index.indexrelid, index.indrelid, index.indisunique
    FROM pg_event_trigger_ddl_commands() AS command
    JOIN pg_index AS index ON index.indexrelid = command.objid
    JOIN pg_class AS class ON class.oid = index.indexrelid
    JOIN pg_am AS method ON method.oid = class.relam
    WHERE command.object_type = 'index' AND method.amname = 'btree' AND index.indexprs IS NOT NULL
  LOOP
    field := pg_get_indexdef(made.indexrelid, 1, true);
    IF field ~ '^\\(_jsonb -> ''[^'']+''::text\\)$' THEN
      EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %s USING gin ((%s) jsonb_path_ops) WITH (fastupdate = off)',
        'serving_' || made.indrelid || '_' || md5(field), made.indrelid::regclass, field);
    END IF;
    IF NOT made.indisunique THEN
      EXECUTE format('DROP INDEX %s', made.indexrelid::regclass);
    END IF;
  END LOOP;
END
$body$;
CREATE EVENT TRIGGER serve_questions ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION serve_questions();
`;

/** Starts PostgreSQL and FerretDB; throws where `mongoMissing()` says why not. */
export async function startFerretDb(): Promise<MongoServer> {
  const binary = buildFerretDb();
  const postgres = executable(POSTGRES_FOLDERS, 'postgres');
  if (postgres === null) throw new Error('PostgreSQL is not installed');
  const as = identity();
  const folder = mkdtempSync(join(tmpdir(), 'huisu-postgres-'));
  if (as.uid !== undefined && as.gid !== undefined) chownSync(folder, as.uid, as.gid);
  initialise(folder, as);
  const [sqlPort, rawPort, port] = (await freePorts(3)) as [number, number, number];
  const settings = [...POSTGRES_SETTINGS, 'listen_addresses=127.0.0.1'].flatMap(setting => ['-c', setting]);
  // FerretDB holds a connection for each update of a command until all of it is done: with fewer it would wait for itself.
  const sqlUrl = `postgres://huisu@127.0.0.1:${sqlPort}/postgres?pool_max_conns=280`;
  const begin = async () => {
    const sql = start(postgres, ['-D', folder, '-p', String(sqlPort), ...settings], folder, as);
    try {
      await ready(sql, sqlPort, 'PostgreSQL');
      const addresses = ['-listen', `127.0.0.1:${port}`, '-raw', `127.0.0.1:${rawPort}`];
      const env = { ...process.env, ...RUN };
      const ferret = start(binary, [...addresses, '-postgres', sqlUrl], tmpdir(), { env });
      await ready(ferret, rawPort, 'FerretDB');
      await ready(ferret, port, 'FerretDB');
      return { sql, ferret };
    } catch (error) {
      await end(sql, 'SIGQUIT');
      throw error;
    }
  };
  let running = await begin().catch(error => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const killed = () => {
    running.ferret.child.kill('SIGKILL');
    running.sql.child.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', killed);
  const kill = async (signal: 'SIGKILL' | 'SIGTERM') => {
    await end(running.ferret, signal);
    // Backends of a killed postmaster would hold the data for a while: SIGQUIT ends all of them without a checkpoint.
    await end(running.sql, signal === 'SIGKILL' ? 'SIGQUIT' : 'SIGINT');
  };
  return {
    url: `mongodb://127.0.0.1:${port}/`,
    rawUrl: `mongodb://127.0.0.1:${rawPort}/`,
    kill,
    restart: async () => {
      running = await begin();
    },
    stop: async () => {
      await kill('SIGKILL');
      process.off('exit', killed);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let shared: Promise<MongoServer> | null = null;

/** The server that the suites of this process share; the runner's end stops what was started. */
export async function sharedMongo(): Promise<Pick<MongoServer, 'url' | 'rawUrl'>> {
  const given = process.env['HUISU_TEST_MONGO_URL'];
  if (given !== undefined && given !== '') return { url: given, rawUrl: null };
  // Somebody may have taken one of its ports in the moment between: then there are others.
  shared ??= startFerretDb().catch(() => startFerretDb());
  return shared;
}

/** Why suites on this server are skipped; null where they run. */
export function whySkipped(): string | null {
  const given = process.env['HUISU_TEST_MONGO_URL'];
  return given !== undefined && given !== '' ? null : mongoMissing();
}

/** To be registered once for the whole run: stops the shared server. */
export async function stopShared(): Promise<void> {
  const server = shared;
  shared = null;
  // One that did not start has been told of where it was asked for.
  if (server !== null) await (await server.catch(() => null))?.stop();
}
