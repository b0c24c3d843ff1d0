// Channels that read from the same place: each would take in what the other does.
import type { KnownChannel } from './known-channel.ts';

/** Pairs of ids, the earlier channel first; those that are switched off read nothing. */
export function sameSources(
  channels: readonly KnownChannel[],
): readonly { readonly one: string; readonly other: string }[] {
  const readers = new Map<string, string>();
  const pairs = new Map<string, { readonly one: string; readonly other: string }>();
  for (const { id, kind, enabled, settings, definition } of channels) {
    if (!enabled) continue;
    for (const source of definition.sources?.(settings) ?? []) {
      const key = `${kind}\n${source}`;
      const one = readers.get(key) ?? id;
      readers.set(key, one);
      if (one !== id) pairs.set(`${one} ${id}`, { one, other: id });
    }
  }
  return [...pairs.values()];
}
