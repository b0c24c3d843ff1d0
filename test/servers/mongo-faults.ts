// Stands between the driver and a MongoDB and does at one command what a network or a replica set can do to it.
import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';
import mongoose from 'mongoose';

const { BSON } = mongoose.mongo;

/** cut-before: the command never arrives. cut-after: it is done, its answer never arrives. not-primary: refused by a server that
 *  has stepped down. not-durable: done, and the server says that it is not replicated as asked. */
export const FAULTS = ['cut-before', 'cut-after', 'not-primary', 'not-durable'] as const;
export type Fault = (typeof FAULTS)[number];

export interface FaultyLink {
  /** The server's address by way of this link. */
  readonly url: string;
  /** Commands passed since the last call. */
  count(): number;
  /** Does it at the n-th command from now, 0 the next; null: at none. Answers what it did at the last one, if anything. */
  arm(fault: Fault | null, at?: number): string | null;
  /** From now on every write is refused with this, and reads go on; null: none is. */
  refuseWrites(error: ServerError | null): void;
  /** From now on only what drivers ask by themselves is answered, as by a server whose disk stands still; false: all is, what was
   *  asked meanwhile as well. */
  stall(stalls: boolean): void;
  close(): Promise<void>;
}

/** What a server answers where it does not do something. */
export interface ServerError {
  readonly code: number;
  readonly codeName: string;
  readonly errmsg: string;
}

/** What drivers send by themselves. */
const OWN = new Set(['hello', 'ismaster', 'isMaster', 'ping', 'buildInfo', 'endSessions', 'killCursors', 'saslStart']);
const WRITES = new Set(['insert', 'update', 'delete', 'findAndModify', 'createIndexes']);
const HEADER = 16;
const OP_MSG = 2013;
const NOT_PRIMARY = { ok: 0, code: 10107, codeName: 'NotWritablePrimary', errmsg: 'not primary' };
const NOT_DURABLE = { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting for replication timed out' };

/** Cuts a stream into messages of the protocol. */
function framed(each: (message: Buffer) => void): (piece: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return piece => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= HEADER && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      each(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

function bodyOf(message: Buffer): Record<string, unknown> | null {
  const section = HEADER + 4;
  if (message.readInt32LE(12) !== OP_MSG || message[section] !== 0) return null;
  const length = message.readInt32LE(section + 1);
  return BSON.deserialize(message.subarray(section + 1, section + 1 + length));
}

function answer(to: number, body: Record<string, unknown>): Buffer {
  const document = Buffer.from(BSON.serialize(body));
  const message = Buffer.alloc(HEADER + 5 + document.length);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(to, 8);
  message.writeInt32LE(OP_MSG, 12);
  document.copy(message, HEADER + 5);
  return message;
}

type Reply = Record<string, unknown>;

/**
 * @param seen hears of every command before it is passed on
 * @param rewrite changes what the server answers to what drivers ask by themselves
 */
export async function openFaultyLink(
  target: string,
  seen: (name: string) => void = () => undefined,
  rewrite: (name: string, reply: Reply) => Reply = (_, reply) => reply,
): Promise<FaultyLink> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  let passed = 0;
  let armed: Fault | null = null;
  let left = 0;
  let did: string | null = null;
  let refusal: ServerError | null = null;
  let stalls = false;
  const stalled: (() => void)[] = [];

  /** The fault for this command, if it is the one; what only concerns writes passes over reads. */
  function faultAt(name: string): Fault | null {
    passed++;
    if (armed === null || left-- > 0) return null;
    const fault = armed === 'not-durable' && !WRITES.has(name) ? 'cut-after' : armed;
    armed = null;
    did = `${fault} at ${name}`;
    return fault;
  }

  const server = createServer(client => {
    const upstream = dial({ host: to.hostname, port: Number(to.port) });
    const after = new Map<number, Fault>();
    const asked = new Map<number, string>();
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', cut);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    client.on(
      'data',
      framed(message => {
        const body = bodyOf(message);
        const name = Object.keys(body ?? {})[0] ?? '';
        seen(name);
        // The greeting on a new connection has an older form.
        if (stalls && body !== null && !OWN.has(name)) return void stalled.push(() => upstream.write(message));
        if (refusal !== null && WRITES.has(name)) {
          return void client.write(answer(message.readInt32LE(4), { ok: 0, ...refusal }));
        }
        const fault = body === null || OWN.has(name) ? null : faultAt(name);
        if (fault === 'cut-before') return cut();
        if (fault === 'not-primary') return void client.write(answer(message.readInt32LE(4), NOT_PRIMARY));
        if (fault !== null) after.set(message.readInt32LE(4), fault);
        if (OWN.has(name)) asked.set(message.readInt32LE(4), name);
        upstream.write(message);
      }),
    );
    upstream.on(
      'data',
      framed(message => {
        const fault = after.get(message.readInt32LE(8));
        if (fault === 'cut-after') return cut();
        const request = message.readInt32LE(8);
        const own = asked.get(request);
        const body = own === undefined ? null : bodyOf(message);
        if (own !== undefined && body !== null) return void client.write(answer(request, rewrite(own, body)));
        if (fault === undefined) return void client.write(message);
        client.write(answer(request, { ...bodyOf(message), writeConcernError: NOT_DURABLE }));
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  const url = new URL(target);
  url.host = `127.0.0.1:${address.port}`;
  // After a fault the driver looks at the server again before it goes on; here it need not wait for that.
  url.searchParams.set('minHeartbeatFrequencyMS', '10');
  return {
    url: url.href,
    count: () => {
      const counted = passed;
      passed = 0;
      return counted;
    },
    arm: (fault, at = 0) => {
      const before = did;
      armed = fault;
      left = at;
      did = null;
      return before;
    },
    stall: on => {
      stalls = on;
      if (!on) for (const pass of stalled.splice(0)) pass();
    },
    refuseWrites: error => {
      refusal = error;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
