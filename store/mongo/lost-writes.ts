// What is written to a connection that ends meanwhile fails with it: left to itself the driver waits for its buffer to empty, for ever.
import { createRequire } from 'node:module';

/** What the driver's own connections are, as far as it matters here. */
interface DriverConnection {
  /** Why it has ended; null while it has not. */
  readonly error: Error | null;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

type Write = (this: DriverConnection, ...args: unknown[]) => Promise<void>;

/** No part of what the driver offers, hence looked at before it is changed; a driver that has no such place has changed, too. */
const INNER = 'mongodb/lib/cmap/connection.js';

/**
 * A socket that is closed or filled takes no more, and the driver then awaits its event `drain`, which a socket that goes away never
 * has. Closed connections of a server that ends are the common case: the first one that is seen closed makes the driver look whether
 * the server is there, on a connection that is just being closed as well, and as long as that look lasts there is no other. Seen in
 * mongodb 7.8 and 7.9.
 */
export function failLostWrites(): void {
  const driver = createRequire(createRequire(import.meta.url).resolve('mongoose'));
  const { Connection } = driver(INNER) as { Connection?: { readonly prototype: { writeCommand?: Write } } };
  const write = Connection?.prototype.writeCommand;
  if (Connection === undefined || write === undefined) throw new Error(`${INNER} has no writeCommand`);
  Connection.prototype.writeCommand = async function (...args) {
    const lost = Promise.withResolvers<never>();
    const onClose = () => lost.reject(this.error);
    this.once('close', onClose);
    try {
      await Promise.race([write.apply(this, args), lost.promise]);
    } finally {
      this.off('close', onClose);
    }
  };
}
