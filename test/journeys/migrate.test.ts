// A city moves from the embedded store to MongoDB: killed on the way, counted and compared, and both answer alike.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { withMongo } from '../servers/mongo-suite.ts';
import { moveCity } from './migrate/move.ts';

withMongo('a city moves to MongoDB', server => {
  it('killed on the way and at each of its last steps: nothing missing, nothing twice, 200 look-ups answered alike', async function () {
    this.timeout(180_000);
    const database = server.database(randomBytes(6).toString('hex'));
    const result = await moveCity({ url: database.url, messages: 300, rows: 40, kills: [4, 9], atEach: true });
    assert.deepEqual([result.messages, result.lookUps], [300, 200]);
    assert.ok(result.kills > 4, `killed ${result.kills} times only`);
    console.log(`      ${result.messages} messages, ${result.kills} kills, ${result.lookUps} look-ups alike`);
    await database.drop();
  });
});
