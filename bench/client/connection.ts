// One keep-alive HTTP/1.1 connection with a single request in flight, as light as a script can make it: the client
// shares the processors with what it measures.
import { connect, type Socket } from 'node:net';

export interface Connection {
  /** True while a request is in flight. */
  busy: boolean;
  /** When the request in flight was sent or, at a fixed rate, due; kept by the caller. */
  since: number;
  send(request: Buffer): void;
  close(): void;
}

const HEADERS_END = Buffer.from('\r\n\r\n');
const LENGTH = Buffer.from('ength: ');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const DIGIT_0 = 48;

/**
 * Opens a connection.
 * @param answered called with the status of each response once its body has ended.
 * @param broken called when the connection ended with or without a request in flight.
 */
export function openConnection(
  port: number,
  answered: (connection: Connection, status: number) => void,
  broken: (connection: Connection) => void,
): Connection {
  let status = 0;
  /** Bytes of the current response still to come; -1 before its headers, -2 while chunks come. */
  let missing = -1;
  let carried: Buffer | null = null;

  const finish = (): void => {
    missing = -1;
    connection.busy = false;
    answered(connection, status);
  };

  const headers = (chunk: Buffer): void => {
    const end = chunk.indexOf(HEADERS_END);
    if (end < 0) {
      // The chunk's memory is used again for the next read.
      carried = Buffer.from(chunk);
      return;
    }
    status = (chunk[9]! - DIGIT_0) * 100 + (chunk[10]! - DIGIT_0) * 10 + (chunk[11]! - DIGIT_0);
    const length = chunk.indexOf(LENGTH);
    const bodyStart = end + 4;
    if (length < 0 || length > end) {
      missing = -2;
      body(chunk.subarray(bodyStart));
      return;
    }
    let total = 0;
    for (let at = length + LENGTH.length; chunk[at]! >= DIGIT_0; at++) total = total * 10 + chunk[at]! - DIGIT_0;
    missing = total - (chunk.length - bodyStart);
    if (missing <= 0) finish();
  };

  const body = (chunk: Buffer): void => {
    if (missing === -2) {
      if (chunk.length >= 5 && chunk.subarray(-5).equals(LAST_CHUNK)) finish();
      return;
    }
    missing -= chunk.length;
    if (missing <= 0) finish();
  };

  const socket: Socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafe(65_536),
      callback: (size, memory) => {
        const chunk = Buffer.from(memory.buffer, memory.byteOffset, size);
        if (missing !== -1) body(chunk);
        else if (carried === null) headers(chunk);
        else {
          const joined = Buffer.concat([carried, chunk]);
          carried = null;
          headers(joined);
        }
        return true;
      },
    },
  });
  const connection: Connection = {
    busy: false,
    since: 0,
    send(request) {
      connection.busy = true;
      socket.write(request);
    },
    close: () => socket.destroy(),
  };
  // 'close' follows every error, so that the caller hears of it once.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => broken(connection));
  return connection;
}
