// Channels in files of their own, channels/*.yaml beside the settings file: each holds one channel or a list of them.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError, type ConfigProblem, jsonPath, type Place } from './errors.ts';
import { type Path, type ReadOptions, readSource, type Source } from './source.ts';

/** The files of the folder, their channels one after the other in the order of the files' names. */
export interface ChannelFiles {
  readonly channels: readonly unknown[];
  readonly sources: readonly Source[];
  /** Where the settings of a channel stand, by its place in `channels`. */
  place(index: number, rest: Path): Place;
  reference(index: number, rest: Path): string | null;
}

/** Editors keep their own copies beside a file: hidden ones, and ones with another ending. */
const CHANNEL_FILE = /^[^.].*\.ya?ml$/i;

/** Folder of the channels that belong to a settings file. */
export function channelFolder(settingsFile: string): string {
  return join(dirname(settingsFile), 'channels');
}

/** Reads the folder, which need not be there. Throws `ConfigError` with what is wrong in any of its files. */
export function readChannelFiles(folder: string, env: NodeJS.ProcessEnv, seen: ReadOptions['seen']): ChannelFiles {
  const problems: ConfigProblem[] = [];
  const sources: Source[] = [];
  for (const name of namesIn(folder)) {
    try {
      sources.push(readSource(join(folder, name), env, { list: true, seen }));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  const [first, ...rest] = problems;
  if (first !== undefined) throw new ConfigError([first, ...rest]);
  return gathered(sources);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter(name => CHANNEL_FILE.test(name))
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new ConfigError([
      {
        code: 'config.unreadable',
        file: folder,
        line: null,
        column: null,
        path: '$',
        zh: `读不到渠道目录（${code ?? 'unknown'}）：请检查权限`,
        en: `the folder of the channels cannot be read (${code ?? 'unknown'}): check its permissions`,
      },
    ]);
  }
}

function gathered(sources: readonly Source[]): ChannelFiles {
  const entries = sources.flatMap(source => {
    const { content } = source;
    if (Array.isArray(content))
      return content.map((channel: unknown, index) => ({ channel, source, prefix: [index] as Path }));
    // A file in which everything is commented out holds no channel.
    return content === null ? [] : [{ channel: content as unknown, source, prefix: [] as Path }];
  });
  const at = (index: number) => entries[index] as (typeof entries)[number];
  return {
    channels: entries.map(entry => entry.channel),
    sources,
    place(index, rest) {
      const { source, prefix } = at(index);
      const path = [...prefix, ...rest];
      return { ...source.locate(path), path: jsonPath(path) };
    },
    reference(index, rest) {
      const { source, prefix } = at(index);
      return source.references.get(jsonPath([...prefix, ...rest])) ?? null;
    },
  };
}
