// The MongoDB engine under the contract of the Store port, held to the commands that every server of its kind has.
import { storeContract } from '../contracts/store.ts';
import { withMongo } from '../servers/mongo-suite.ts';
import { mongoOpener } from './openers.ts';

withMongo('store on MongoDB', server => {
  storeContract('mongo', mongoOpener(server, false), { runs: 3, steps: 60, crowds: 1 });
  storeContract('mongo, identity apart', mongoOpener(server, true), { runs: 1, steps: 20, crowds: 1 });
});
