// What an open channel is given to work with: accepting, splitting, its cursor, its log; the gateway's side of the contract.
import { type Acceptance, type AdapterContext, Misconfigured, type Original } from '../../adapters/contract.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store } from '../../store/store.ts';
import type { Intake } from '../intake.ts';
import { outcomeFor, progressOf } from '../progress.ts';
import type { Splitter } from '../reading/splitter.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { sealForChannel } from './channel-seal.ts';
import { withoutSecrets } from './channel-settings.ts';
import type { KnownChannel } from './known-channel.ts';
import type { PollProgress } from './poll-progress.ts';

export interface ContextParts {
  readonly intake: Intake;
  readonly splitter: Splitter;
  readonly cipher: FieldCipher;
  readonly store: Store;
  readonly log: Log;
  readonly now: () => number;
}

/**
 * @param signal aborts when the channel closes
 * @param moved told of each step forward: so many new originals are durable, so many were known, a container gave a part
 */
export function contextOf(
  parts: ContextParts,
  known: KnownChannel,
  signal: AbortSignal,
  moved: PollProgress['moved'] = () => undefined,
): AdapterContext {
  const log = parts.log.child({ channel: known.id, adapter: known.kind });
  return {
    channel: known.id,
    settings: known.settings,
    async accept(originals, after) {
      const acceptances = await parts.intake.accept(known.id, known.definition, originals, after);
      const fresh = acceptances.filter(({ kind }) => kind === 'fresh').length;
      moved(fresh, acceptances.length - fresh);
      return acceptances.map(acceptance =>
        acceptance.kind === 'id-reused' ? acceptance : toldTo(parts, known.id, acceptance),
      );
    },
    split: container => splitOf(parts.splitter, known, { container, signal, moved }),
    seal: bytes => sealForChannel(parts.cipher, known.id, bytes),
    cursor: () => parts.store.admin.cursor(known.id),
    progress: number => progressOf(parts, known.id, number),
    now: parts.now,
    log: { info: (code, values) => log.info(code, values), warn: (code, values) => log.warn(code, values) },
    signal,
  };
}

type Accepted = Exclude<Acceptance, { kind: 'id-reused' }>;

/** The same, with an outcome that says nothing of what came by other channels. */
function toldTo(parts: ContextParts, channel: string, { kind, number, queryCode, outcome }: Accepted): Accepted {
  return {
    ...{ kind, number, queryCode },
    async outcome(signal) {
      const found = await outcome(signal);
      return found && outcomeFor(parts, channel, number, found);
    },
  };
}

interface Splitting {
  readonly container: Original;
  readonly signal: AbortSignal;
  readonly moved: PollProgress['moved'];
}

async function* splitOf(
  splitter: Splitter,
  { id, kind, definition, settings }: KnownChannel,
  { container, signal, moved }: Splitting,
): AsyncIterable<Original> {
  if (definition.split === undefined) {
    throw new Misconfigured('channel.no_split', '', `adapters of kind ${kind} have no containers`);
  }
  const from = { channel: id, kind, settings: withoutSecrets(definition, settings) };
  for await (const part of splitter.split(from, container, signal)) {
    moved(0, 0);
    yield part;
  }
}
