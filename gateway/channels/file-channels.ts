// Channels of the settings file, each checked against its adapter's schema, all that is wrong told at once.
import type { Registry } from '../../adapters/registry.ts';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { nearest } from '../../config/explain.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { checkSettings } from './channel-settings.ts';
import type { BookParts, KnownChannel } from './known-channel.ts';

/** All of them are looked at, so that a person can mend everything at once. */
export async function fileChannels(parts: Pick<BookParts, 'loaded' | 'registry'>): Promise<readonly KnownChannel[]> {
  const found: KnownChannel[] = [];
  const problems: ConfigProblem[] = [];
  for (const index of parts.loaded.config.channels.keys()) {
    try {
      found.push(await fileChannel(parts, index));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new ConfigError([first, ...rest]);
  return found;
}

async function fileChannel(
  { loaded, registry }: Pick<BookParts, 'loaded' | 'registry'>,
  index: number,
): Promise<KnownChannel> {
  const channel = loaded.config.channels[index]!;
  const at = ['channels', index] as const;
  const kinds = registry.kinds();
  if (!kinds.includes(channel.kind)) {
    const near = nearest(channel.kind, kinds);
    const hint =
      near === null
        ? { zh: `可用的有：${kinds.join(', ')}`, en: `there are: ${kinds.join(', ')}` }
        : { zh: `是不是想写“${near}”？`, en: `did you mean "${near}"?` };
    throw new ConfigError([
      {
        code: 'config.unknown_kind',
        path: `$.channels[${index}].kind`,
        ...loaded.locate([...at, 'kind']),
        zh: `没有“${channel.kind}”这种渠道；${hint.zh}`,
        en: `there is no adapter of kind "${channel.kind}"; ${hint.en}`,
      },
    ]);
  }
  const definition = await registry.get(channel.kind);
  const settings = checkSettings(definition, channel.settings, [...at, 'settings'], loaded.locate);
  return { ...channel, settings, from: 'file', definition, createdAt: null };
}

/** An id of the file that a channel of the store has as well. */
export function idTwice(loaded: LoadedConfig, index: number): ConfigError {
  const { id } = loaded.config.channels[index]!;
  return new ConfigError([
    {
      code: 'config.channel_twice',
      path: `$.channels[${index}].id`,
      ...loaded.locate(['channels', index, 'id']),
      zh: `渠道“${id}”已在数据库中（由命令行添加），配置文件里请换一个编号`,
      en: `the channel "${id}" is in the store already (added by a command); give this one another id`,
    },
  ]);
}

/** Checks the channels of the settings file alone, with no store at hand. Throws `ConfigError`. */
export function checkChannels(loaded: LoadedConfig, registry: Registry): Promise<readonly KnownChannel[]> {
  return fileChannels({ loaded, registry });
}
