// A target that does nothing: reads every body to its end and answers that it has it.
import { createServer } from 'node:http';

const ANSWER = JSON.stringify({ ok: true });
const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length });
    response.end(ANSWER);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.send!({ port: address.port });
});
process.on('disconnect', () => process.exit(0));
