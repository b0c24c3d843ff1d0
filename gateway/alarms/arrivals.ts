// Messages that came in at each process on a store, so that whoever tells people counts each once.
import type { ProcessWord } from './company.ts';

export interface Arrivals {
  /** Messages came in here; cheap, called once a batch. */
  add(channel: string, messages: number): void;
  /** Those of this process since its start, by channel. */
  own(): Readonly<Record<string, number>>;
  /**
   * What has come in at any of them since the last call, as each says of itself. Of a process that is met for the first time, what
   * came before is counted by whoever told people then.
   */
  since(
    words: readonly ProcessWord[],
    own: string | undefined,
  ): readonly (readonly [channel: string, messages: number])[];
}

export function createArrivals(): Arrivals {
  const arrived = new Map<string, number>();
  /** How many of each process's are counted, by channel. */
  const counted = new Map<string, Readonly<Record<string, number>>>();
  return {
    add(channel, messages) {
      arrived.set(channel, (arrived.get(channel) ?? 0) + messages);
    },
    own: () => Object.fromEntries(arrived),
    since(words, own) {
      const fresh: [string, number][] = [];
      for (const { id, arrived: now } of words) {
        const before = counted.get(id) ?? (id === own ? {} : now);
        counted.set(id, now);
        for (const [channel, count] of Object.entries(now)) {
          const more = count - (before[channel] ?? 0);
          if (more > 0) fresh.push([channel, more]);
        }
      }
      for (const id of counted.keys()) if (words.every(word => word.id !== id)) counted.delete(id);
      return fresh;
    },
  };
}
