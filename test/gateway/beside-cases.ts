// For each test of a suite a gateway with a case system behind it.
import { type CaseSystemSimulator, startCaseSystem } from '../platforms/case-system.ts';
import { type Running, runGateway } from './running.ts';

export interface BesideCases {
  readonly cases: CaseSystemSimulator;
  readonly running: Running;
}

/** @param caseSystem settings of it beside its address */
export function besideCases(caseSystem: Readonly<Record<string, unknown>> = {}): BesideCases {
  let cases: CaseSystemSimulator;
  let running: Running;
  beforeEach(async () => {
    cases = await startCaseSystem();
    running = await runGateway({ caseSystem: { url: cases.url, ...caseSystem } });
  });
  afterEach(async () => {
    await running.close();
    await cases.close();
  });
  return {
    get cases() {
      return cases;
    },
    get running() {
      return running;
    },
  };
}
