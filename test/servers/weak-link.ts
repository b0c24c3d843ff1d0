// A TCP connection that its network does things to: bytes swallowed while the connection stays, connections cut, nobody there.
import { EventEmitter, once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

export interface WeakLink {
  readonly port: number;
  /** From now on connections are taken and stay, and whatever is sent on them is swallowed, both ways. */
  hang(): void;
  /** Resolves when something was swallowed of so many connections since that began. */
  swallowed(connections: number): Promise<void>;
  /** The same, but nothing that is sent is read: what is sent fills the buffers on its way, and stays in them. */
  stall(): void;
  /** Resets every connection there is. */
  cut(): void;
  /** Closes every connection there is in good order, as a server that ends does. */
  part(): void;
  /** New connections pass on everything again; what hung is as dead as it was. */
  heal(): void;
  close(): Promise<void>;
}

/** Stands before a server of this machine, on a port of its own. */
export async function openWeakLink(target: { readonly host: string; readonly port: number }): Promise<WeakLink> {
  const sockets = new Set<Socket>();
  const swallowing = new Set<Socket>();
  const more = new EventEmitter();
  let hangs = false;
  const swallow = (socket: Socket) => {
    socket.on('data', () => {
      swallowing.add(socket);
      more.emit('swallowed');
    });
    socket.resume();
  };
  const keep = (socket: Socket, other: () => Socket | null) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => other()?.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      other()?.destroy();
    });
  };
  const server = createServer(client => {
    // Its bytes are read and go nowhere.
    if (hangs) {
      keep(client, () => null);
      return swallow(client);
    }
    const upstream = dial(target);
    keep(client, () => upstream);
    keep(upstream, () => client);
    client.pipe(upstream);
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  return {
    port: address.port,
    hang() {
      hangs = true;
      swallowing.clear();
      for (const socket of sockets) swallow(socket.unpipe());
    },
    async swallowed(connections) {
      while (swallowing.size < connections) await once(more, 'swallowed');
    },
    stall() {
      hangs = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    part() {
      for (const socket of sockets) socket.destroy();
    },
    heal() {
      hangs = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
