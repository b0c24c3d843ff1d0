// The contract of the Store port: one suite that every engine passes.
import { acceptContract } from './store-accept.ts';
import { adminContract } from './store-admin.ts';
import { candidateContract } from './store-candidates.ts';
import { claimContract } from './store-claims.ts';
import { decisionContract } from './store-decisions.ts';
import { incidentContract } from './store-incidents.ts';
import { type LaneRuns, laneContract } from './store-lanes.ts';
import { outboxContract } from './store-outbox.ts';
import { retentionContract } from './store-retention.ts';
import type { OpenStore } from './store-rows.ts';
import { ticketContract } from './store-tickets.ts';

export type { OpenedStore, OpenStore } from './store-rows.ts';

/** Registers the suite with mocha; `open` makes an empty store each time it is called. */
export function storeContract(name: string, open: OpenStore, lanes?: LaneRuns): void {
  describe(`store contract: ${name}`, () => {
    acceptContract(open);
    decisionContract(open);
    candidateContract(open);
    claimContract(open);
    outboxContract(open);
    laneContract(open, lanes);
    ticketContract(open);
    incidentContract(open);
    adminContract(open);
    retentionContract(open);
  });
}
