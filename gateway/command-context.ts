// What commands work with, inside a running gateway and beside none.
import { isDeepStrictEqual } from 'node:util';
import { caseSystemSettings } from '../config/case-system.ts';
import { forgetPostings } from '../store/forget-postings.ts';
import type { CommandContext, LiveGateway } from './cli/command.ts';
import { tryCaseSystem } from './dispatch/try.ts';
import type { Foundation } from './foundation.ts';
import { newNumber } from './number.ts';

/** @param live null where no gateway runs and the command has opened the store itself */
export function commandContext(foundation: Foundation, live: LiveGateway | null): CommandContext {
  const { loaded, store, cipher, registry, book, desk, extensions, keysKept, now } = foundation;
  return {
    ...{ loaded, store, cipher, registry, book, desk, extensions, live, keysKept, now },
    tryCaseSystem: tryOf(foundation),
    get ring() {
      return foundation.ring;
    },
    adoptRing: async () => {
      const before = foundation.ring;
      await foundation.adoptRing();
      if (!isDeepStrictEqual(foundation.ring, before)) live?.keysRotated();
    },
    adopt: number => foundation.comparing.adopt(number),
    forget: pairs => live?.forget(pairs) ?? forgetPostings(store.candidates, pairs).then(() => undefined),
  };
}

function tryOf({ loaded, now }: Foundation): CommandContext['tryCaseSystem'] {
  const { caseSystem } = loaded.config;
  if (caseSystem === null) return null;
  return () => tryCaseSystem(caseSystemSettings(caseSystem), [newNumber(now()), newNumber(now())], now());
}
