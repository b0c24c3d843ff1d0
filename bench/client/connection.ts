// One request at a time by the platform's own fetch, as a partner's program would send it; 64 of them keep 64 sockets open.
import type { BenchRequest } from './requests.ts';

export interface Connection {
  /** True while a request is in flight. */
  busy: boolean;
  /** When the request in flight was sent or, at a fixed rate, due; kept by the caller. */
  since: number;
  send(request: BenchRequest): void;
}

/**
 * Makes a place for one request in flight.
 * @param answered called with the status of each answer once its body has been read.
 * @param broken called when a request got no answer; the place is not used again.
 */
export function openConnection(
  port: number,
  answered: (connection: Connection, status: number) => void,
  broken: (connection: Connection) => void,
): Connection {
  const origin = `http://127.0.0.1:${port}`;
  const exchange = async ({ path, headers, body }: BenchRequest): Promise<number> => {
    const response = await fetch(origin + path, { method: 'POST', headers, body });
    await response.text();
    return response.status;
  };
  const connection: Connection = {
    busy: false,
    since: 0,
    send(request) {
      connection.busy = true;
      const done = (then: () => void) => {
        connection.busy = false;
        then();
      };
      exchange(request).then(
        status => done(() => answered(connection, status)),
        () => done(() => broken(connection)),
      );
    },
  };
  return connection;
}
