// A thread beside the tests' own that uses the same store: decides whatever becomes unread and says so.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openSqliteClient } from '../../../store/sqlite/client.ts';
import { decision } from '../../contracts/store-rows.ts';

const { folder, port } = workerData as { readonly folder: string; readonly port: MessagePort };
const store = await openSqliteClient({ folder, port });
let decided = 0;
let busy = false;
let again = false;

async function decide(): Promise<void> {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  do {
    again = false;
    const rows = await store.messages.unread('all', 0, 100);
    const made = rows.map(({ number, revision }) => ({
      ...decision('x', { kind: 'not-an-appeal', reason: 'test' }),
      number,
      revision,
    }));
    const answers = await store.decisions.commit(made, null);
    decided += answers.filter(answer => answer === 'committed').length;
    if (rows.length > 0) parentPort?.postMessage({ decided });
  } while (again);
  busy = false;
}

store.onAccepted(() => void decide());
parentPort?.on('message', () => {
  void store.close().then(() => parentPort?.close());
});
parentPort?.postMessage({ decided });
