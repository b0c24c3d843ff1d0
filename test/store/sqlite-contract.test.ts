// The embedded engine under the contract of the Store port.
import { storeContract } from '../contracts/store.ts';
import { openSqlite } from './openers.ts';

storeContract('sqlite', openSqlite);
