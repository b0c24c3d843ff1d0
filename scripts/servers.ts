// npm run servers: builds and starts the servers that tests talk to, on free ports in temporary folders, until it is interrupted.
// With --build they are only built.
import { buildFerretDb, mongoMissing, startFerretDb } from '../test/servers/mongo.ts';

const missing = mongoMissing();
if (missing !== null) {
  console.log(`FerretDB: ${missing}; the suites on MongoDB are skipped`);
} else if (process.argv.includes('--build')) {
  console.log(`FerretDB: ${buildFerretDb()}`);
} else {
  const server = await startFerretDb();
  console.log(`HUISU_TEST_MONGO_URL=${server.url}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.stop());
}
