// The in-process queue keeps the queue's contract.
import { createLocalQueue } from '../../../gateway/dispatch/local-queue.ts';
import { queueContract } from '../../contracts/queue.ts';

queueContract('in process', async onBug => createLocalQueue({ onBug }));
