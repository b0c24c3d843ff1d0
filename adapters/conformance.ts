// The promises every adapter keeps, as mocha cases: call `conformance(definition, bench)` in a test file and run mocha.
import { describe } from 'mocha';
import { checkedAdapter } from './checked.ts';
import type { ConformanceBench } from './conformance/bench.ts';
import { closingClauses, replyClauses } from './conformance/closing.ts';
import { definitionClauses } from './conformance/definition.ts';
import { pullClauses } from './conformance/pull.ts';
import { webhookClauses } from './conformance/webhook.ts';
import type { AdapterDefinition } from './contract.ts';

export type { ConformanceBench, Platform } from './conformance/bench.ts';
export { GARBAGE, garbage } from './conformance/garbage.ts';
export { type FakeGateway, fakeGateway, type PlainRequest, webhookRequest } from './conformance/gateway.ts';

/**
 * Registers the clauses that the adapter's capabilities call for.
 *
 * @param bench the platform or its simulator; a member that a clause needs and the bench lacks fails that clause by name.
 */
export function conformance<S>(adapter: AdapterDefinition<S>, bench: ConformanceBench<S>): void {
  // As the gateway has it: what is not as the contract says is refused by name.
  const definition = checkedAdapter(adapter);
  const { receives, replies } = definition.capabilities;
  describe(`conformance of ${definition.kind}`, () => {
    definitionClauses(definition, bench);
    if (receives.includes('webhook')) webhookClauses(definition, bench);
    if (receives.includes('poll') || receives.includes('listen')) pullClauses(definition, bench);
    if (replies) replyClauses(definition, bench);
    closingClauses(definition, bench);
  });
}
