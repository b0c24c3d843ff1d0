// A channel's id keeps its kind as long as messages under it are kept: another adapter would not know how to read them.
import { ConfigError } from '../../config/errors.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { Store } from '../../store/store.ts';

export interface KeptKinds {
  /** The other kind whose messages are kept under the id; null where there is none. */
  other(channel: Named): Promise<string | null>;
  /** Remembers the kinds of channels that may take something in from now on. */
  keep(channels: readonly Named[]): Promise<void>;
}

interface Named {
  readonly id: string;
  readonly kind: string;
}

const nameOf = (id: string): string => `channel-kind-${id}`;

export function createKeptKinds({ admin, messages }: Store): KeptKinds {
  /** What this process has written down or seen so: the store is asked once for each. */
  const known = new Map<string, string>();
  return {
    async other({ id, kind }) {
      if (known.get(id) === kind) return null;
      const was = await admin.meta(nameOf(id));
      if (was === null || was === kind) return null;
      const [message] = await messages.list({ channel: id, limit: 1 });
      return message === undefined ? null : was;
    },
    async keep(channels) {
      for (const { id, kind } of channels) {
        if (known.get(id) === kind) continue;
        if ((await admin.meta(nameOf(id))) !== kind) await admin.setMeta(nameOf(id), kind);
        known.set(id, kind);
      }
    },
  };
}

/** Throws the `ConfigError` of the first channel of the settings file whose id is another kind's. */
export async function refuseOtherKinds(loaded: LoadedConfig, kinds: KeptKinds): Promise<void> {
  for (const [index, { id, kind }] of loaded.config.channels.entries()) {
    const was = await kinds.other({ id, kind });
    if (was === null) continue;
    throw new ConfigError([
      {
        code: 'config.channel_kind',
        path: `$.channels[${index}].kind`,
        ...loaded.locate(['channels', index, 'kind']),
        zh: `渠道“${id}”收过“${was}”的来件，改为“${kind}”后这些来件就读不出来；请给新渠道换一个编号`,
        en: `the channel "${id}" has messages of kind "${was}", which "${kind}" could not read; give the new channel another id`,
      },
    ]);
  }
}
