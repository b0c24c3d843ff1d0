// The local socket of a running gateway: commands come in as a line of JSON, their results go back as JSON Lines.
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Arguments, Command, CommandContext, Row, Share } from './cli/command.ts';
import { DeskError, EXIT } from './desk/desk-error.ts';
import { type Failure, failureOf } from './failure.ts';
import type { Sentence } from './locale.ts';
import type { Log } from './telemetry/telemetry.ts';
import { within } from './within.ts';

/** One request, one line. */
interface Request {
  readonly v: 1;
  readonly command: string;
  readonly args: Arguments;
  readonly by: string;
}

/** Lines of an answer; the last one is `end`, `result` or `failure`. */
export type Reply =
  | { readonly row: Row }
  | { readonly progress: Sentence; readonly share?: Share }
  | { readonly result: Row }
  | { readonly failure: Failure }
  | { readonly end: true };

/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, its closing zero included. */
const LONGEST_PATH = 100;
const LONGEST_LINE = 1024 * 1024;
/** When the gateway ends: for what is quickly done, and then for what was told to stop. */
const FINISH_MS = 1000;
const ABORT_MS = 2000;
const SOCKET = 'control.sock';
const POINTER = 'control.path';

export interface ControlServer {
  close(): Promise<void>;
}

/** Listens in the data folder, whose lock the caller holds; a socket left behind by a killed process is removed. */
export async function openControl(
  dataFolder: string,
  commands: readonly Command[],
  context: CommandContext,
  log: Log,
): Promise<ControlServer> {
  const calls = new Map<Socket, AbortController>();
  const server = createServer(socket => {
    const gone = new AbortController();
    calls.set(socket, gone);
    void serve(socket, { commands, context, gone }, log).finally(() => calls.delete(socket));
  });
  const path = placeFor(dataFolder);
  await listen(server, path);
  return {
    async close() {
      await closeServer(server, calls);
      rmSync(join(dataFolder, POINTER), { force: true });
      if (process.platform !== 'win32' && dirname(path) !== dataFolder)
        rmSync(dirname(path), { recursive: true, force: true });
    },
  };
}

/**
 * What is quickly done is let finish; a long command (a backup, an import that waits for its reading) is told to stop, and
 * one that does not listen is left behind: nobody who types a command may hold up the gateway's end.
 */
async function closeServer(server: Server, calls: ReadonlyMap<Socket, AbortController>): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()));
  if ((await within(FINISH_MS, closed)).done) return;
  for (const gone of calls.values()) gone.abort(new DeskError('cli.gateway_stops', {}, EXIT.unavailable));
  if ((await within(ABORT_MS, closed)).done) return;
  for (const socket of calls.keys()) socket.destroy();
  await closed;
}

/** A path that fits into a socket address. Where the data folder's own is too long, a pointer file leads to a short one. */
function placeFor(dataFolder: string): string {
  if (process.platform === 'win32') return pipeName(dataFolder);
  rmSync(join(dataFolder, SOCKET), { force: true });
  rmSync(join(dataFolder, POINTER), { force: true });
  const path = join(dataFolder, SOCKET);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
  // A folder of our own (mode 0700): in a folder that others can write to, they could put their socket there first.
  const short = join(mkdtempSync(join(tmpdir(), 'huisu-')), SOCKET);
  writeFileSync(join(dataFolder, POINTER), short, { mode: 0o600 });
  return short;
}

function pipeName(dataFolder: string): string {
  const name = createHash('sha256').update(dataFolder.toLowerCase()).digest('hex').slice(0, 32);
  return `\\\\.\\pipe\\huisu-${name}`;
}

function pathIn(dataFolder: string): string {
  if (process.platform === 'win32') return pipeName(dataFolder);
  try {
    return readFileSync(join(dataFolder, POINTER), 'utf8');
  } catch {
    return join(dataFolder, SOCKET);
  }
}

async function listen(server: Server, path: string): Promise<void> {
  // The socket file must never be open to others, not even between its making and a chmod.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
  if (process.platform !== 'win32') chmodSync(path, 0o600);
}

interface Serving {
  readonly commands: readonly Command[];
  readonly context: CommandContext;
  /** Aborts what the caller has asked for. */
  readonly gone: AbortController;
}

async function serve(socket: Socket, { commands, context, gone }: Serving, log: Log): Promise<void> {
  socket.once('close', () => gone.abort());
  socket.once('error', () => gone.abort());
  const send = async (reply: Reply) => {
    if (socket.destroyed) return;
    if (!socket.write(`${JSON.stringify(reply)}\n`)) await Promise.race([drained(socket), aborted(gone.signal)]);
  };
  try {
    const request = await readRequest(socket);
    const command = commands.find(one => one.name === request.command);
    if (command === undefined) throw new DeskError('cli.unknown_command', { command: request.command }, EXIT.usage);
    await runCommand(command, context, request, gone.signal, send);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.exit === EXIT.bug) log.bug('control.bug', error);
    await send({ failure });
  } finally {
    socket.end();
  }
}

/** Runs a command and tells its replies one by one; used on both sides of the socket. */
export async function runCommand(
  command: Command,
  context: CommandContext,
  request: { readonly args: Arguments; readonly by: string },
  signal: AbortSignal,
  send: (reply: Reply) => Promise<void> | void,
): Promise<void> {
  const progress = (line: Sentence, share?: Share) =>
    void send(share === undefined ? { progress: line } : { progress: line, share });
  const call = { by: request.by, signal, progress };
  if (command.kind === 'one') return send({ result: await command.run(context, request.args, call) });
  for await (const row of command.run(context, request.args, call)) {
    if (signal.aborted) return;
    await send({ row });
  }
  await send({ end: true });
}

const drained = (socket: Socket) => new Promise<void>(resolve => socket.once('drain', resolve));
const aborted = (signal: AbortSignal) =>
  new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));

function readRequest(socket: Socket): Promise<Request> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    const take = (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end === -1 && text.length > LONGEST_LINE) return reject(new DeskError('cli.bad_request', {}, EXIT.usage));
      if (end === -1) return;
      socket.off('data', take);
      // Keeps flowing, so that the socket's end is noticed.
      socket.resume();
      try {
        resolve(JSON.parse(text.slice(0, end)) as Request);
      } catch {
        reject(new DeskError('cli.bad_request', {}, EXIT.usage));
      }
    };
    socket.on('data', take);
    socket.once('close', () => reject(new DeskError('cli.bad_request', {}, EXIT.usage)));
  });
}

/** A connection to the gateway that runs on a data folder; null when none does. */
export function callControl(dataFolder: string): Promise<ControlClient | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(pathIn(dataFolder));
    socket.once('connect', () => resolve(clientOver(socket)));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // No socket, one left behind by a killed process, or no data folder yet.
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR') resolve(null);
      else if (error.code === 'EACCES' || error.code === 'EPERM')
        reject(new DeskError('cli.not_allowed', {}, EXIT.unavailable));
      else reject(error);
    });
  });
}

export interface ControlClient {
  /** Sends the command and yields its replies. Throws `DeskError` when the gateway goes away in between. */
  run(command: string, args: Arguments, by: string): AsyncIterable<Reply>;
  close(): void;
}

function clientOver(socket: Socket): ControlClient {
  // A broken connection shows as lines that end too early, which `run` tells.
  socket.on('error', () => socket.destroy());
  return {
    close: () => socket.destroy(),
    async *run(command, args, by) {
      const request: Request = { v: 1, command, args, by };
      socket.write(`${JSON.stringify(request)}\n`);
      for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
        const reply = JSON.parse(line) as Reply;
        yield reply;
        if ('end' in reply || 'result' in reply || 'failure' in reply) return;
      }
      throw new DeskError('cli.gateway_gone', {}, EXIT.unavailable);
    },
  };
}
