// `npm run test:migrate`: a city's move to MongoDB with kills on the way, of 300 messages (killed at each insert) or, with --full, of 20,000 (killed twice).
import { parseArgs } from 'node:util';
import { sharedMongo, stopShared, whySkipped } from '../servers/mongo.ts';
import { moveCity } from './migrate/move.ts';

const { values } = parseArgs({ options: { full: { type: 'boolean', default: false }, messages: { type: 'string' } } });
const reason = whySkipped();
if (reason === null) {
  const { url } = await sharedMongo();
  const database = new URL(url);
  database.pathname = `/huisu_migrate_${Date.now()}`;
  const messages = Number(values.messages ?? (values.full ? 20_000 : 300));
  const large = messages > 2000;
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const result = await moveCity({
    url: database.href,
    messages,
    rows: large ? 500 : 40,
    kills: large ? [14, 30] : [4, 9],
    atEach: !large,
    say,
  });
  console.log(JSON.stringify(result));
  await stopShared();
} else {
  console.log(`skipped: ${reason}`);
}
