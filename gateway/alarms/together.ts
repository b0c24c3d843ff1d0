// What several processes know together, each of its own part: of a fact that is one process's alone, its name stands beside it.
import type { Expiry } from './alarm.ts';
import type { ProcessWord } from './company.ts';
import { type ChannelFact, type DiskFacts, OPENING, type OwnFacts, type Processes } from './rules.ts';

/** What all of them know together; where it is of one of them alone, its name stands beside it. */
export function together(words: readonly ProcessWord[]): OwnFacts & { readonly process: Processes } {
  const facts = words.map(word => word.facts);
  const first = <T>(of: (facts: OwnFacts) => T | null): T | null =>
    facts.map(of).find(found => found !== null && found !== undefined) ?? null;
  const nameOf = (is: (facts: OwnFacts) => boolean) => words.find(word => is(word.facts))?.name ?? '';
  const fullest = facts.reduce<DiskFacts | null>((least, { disk }) => fuller(least, disk), null);
  const down = facts.flatMap(({ caseSystem }) => (caseSystem?.down === true ? [caseSystem] : []));
  return {
    channels: channelsOf(facts),
    disk: fullest,
    intakePaused: first(({ intakePaused }) => intakePaused),
    caseSystem: down.toSorted((a, b) => a.since - b.since)[0] ?? first(({ caseSystem }) => caseSystem),
    queue: first(({ queue }) => queue),
    expiries: expiriesOf(facts),
    settingsRefused: first(({ settingsRefused }) => settingsRefused),
    keysKept: facts.every(({ keysKept }) => keysKept),
    clock: first(({ clock }) => clock),
    process: {
      'disk-low': nameOf(({ disk }) => disk !== null && disk === fullest),
      'intake-paused': nameOf(({ intakePaused }) => intakePaused !== null),
      'queue-down': nameOf(({ queue }) => queue !== null),
      'settings-refused': nameOf(({ settingsRefused }) => settingsRefused !== null),
      'keys-gone': nameOf(({ keysKept }) => !keysKept),
      'clock-jumped': nameOf(({ clock }) => clock !== null),
    },
  };
}

function fuller(one: DiskFacts | null, other: DiskFacts | null): DiskFacts | null {
  if (one === null || other === null) return one ?? other;
  return other.freeBytes - other.leastFreeBytes < one.freeBytes - one.leastFreeBytes ? other : one;
}

/** Down where one of them says so, and up where one says so that another is only opening. */
function channelsOf(facts: readonly OwnFacts[]): readonly ChannelFact[] {
  const found = new Map<string, ChannelFact>();
  for (const channel of facts.flatMap(({ channels }) => channels)) {
    const known = found.get(channel.id);
    if (known === undefined || weight(channel) > weight(known)) found.set(channel.id, channel);
  }
  return [...found.values()];
}

function weight({ enabled, up, reason }: ChannelFact): number {
  if (!enabled) return 0;
  if (up) return 2;
  return reason === OPENING ? 1 : 3;
}

/** Each once, by its earliest end. */
function expiriesOf(facts: readonly OwnFacts[]): readonly Expiry[] {
  const earliest = new Map<string, Expiry>();
  for (const expiry of facts.flatMap(({ expiries }) => expiries)) {
    const known = earliest.get(expiry.what);
    if (known === undefined || expiry.at < known.at) earliest.set(expiry.what, expiry);
  }
  return [...earliest.values()];
}
