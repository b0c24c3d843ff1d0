// A target that does nothing: reads every body to its end and answers that it has it.
import { createServer } from 'node:http';
import { listen } from './listen.ts';

const ANSWER = JSON.stringify({ ok: true });
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length });
    response.end(ANSWER);
  });
});
listen(server);
