// Requests that are no HTTP, or do not come to their end: they reach no route, and their sender still reads why.
import { type IncomingMessage, type RequestListener, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { HttpProblem, type ProblemAnswer, problemAnswer } from './problem.ts';

export interface Unparsed {
  /** Remembers what is being answered on a connection, and goes on with `listener` where the request says whom it is for. */
  watch(listener: RequestListener): RequestListener;
  /** Answers in the place of Node, which would send a bare status. */
  answerFor(server: Server): void;
}

/** @param base how callers reach the gateway, asked for each answer */
export function createUnparsed(base: () => string, onProblem: (problem: ProblemAnswer) => void): Unparsed {
  const answering = new WeakMap<Duplex, ServerResponse>();
  const problemOf = (code: string): ProblemAnswer => {
    const problem = problemAnswer(new HttpProblem(code), base(), undefined);
    onProblem(problem);
    return problem;
  };
  return {
    watch: listener => (request, response) => {
      answering.set(request.socket, response);
      if (saysHost(request)) return listener(request, response);
      const { status, headers, body } = problemOf('http.bad_request');
      response
        .writeHead(status, { ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) })
        .end(body);
    },
    answerFor(server) {
      server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
        const response = answering.get(socket);
        const halfSaid = response?.headersSent === true && !response.writableFinished;
        if (!socket.writable || halfSaid || error.code === 'ECONNRESET') return void socket.destroy(error);
        socket.end(asHttp(problemOf(codeOf(error.code))), () => socket.destroy());
      });
    },
  };
}

/** HTTP/1.1 demands it (RFC 9112, 3.2); of older versions it is not known. */
function saysHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host !== undefined || httpVersion !== '1.1';
}

function codeOf(code: string | undefined): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'http.too_slow';
  return code === 'HPE_HEADER_OVERFLOW' ? 'http.head_too_large' : 'http.bad_request';
}

function asHttp({ status, headers, body }: ProblemAnswer): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return `${head}${lines.join('')}\r\n${body}`;
}
