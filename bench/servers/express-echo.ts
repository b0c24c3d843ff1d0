// Yardstick (b): Express 5 with express.json() and default settings, answering every body with itself.
import express from 'express';

const app = express();
app.use(express.json());
app.post('/hooks/:channel', (request, response) => {
  response.json(request.body);
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.send!({ port: address.port });
});
process.on('disconnect', () => process.exit(0));
