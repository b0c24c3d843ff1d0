// Yardstick (b): Express 5 with express.json() and default settings, answering every body with itself.
import { createServer } from 'node:http';
import express from 'express';
import { listen } from './listen.ts';

const app = express();
app.use(express.json());
app.post('/hooks/:channel', (request, response) => {
  response.json(request.body);
});
listen(createServer(app));
