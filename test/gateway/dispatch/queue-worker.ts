// A process that works on the queue until it is told to close it, and has nothing else to live for.
import { createBullQueue } from '../../../gateway/dispatch/bull-queue.ts';

const onBug = (error: unknown) => {
  throw error;
};
const queue = createBullQueue({ url: process.argv[2] as string, onBug });
queue.work(async () => void process.send?.('working'), 1);
process.once('message', async () => {
  await queue.close(4000);
  process.disconnect();
});
await queue.add('m1:0:ticket.created', { urgent: false });
