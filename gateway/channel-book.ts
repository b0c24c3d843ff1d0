// Which channels there are, from the settings file and from the store, with their settings checked and their secrets sealed.

import type { AdapterDefinition } from '../adapters/contract.ts';
import { Misconfigured } from '../adapters/contract.ts';
import { newSecret } from '../adapters/kit/signature.ts';
import type { Registry } from '../adapters/registry.ts';
import { ConfigError, type ConfigProblem, type Position } from '../config/errors.ts';
import { nearest } from '../config/explain.ts';
import { check, type LoadedConfig } from '../config/load.ts';
import { SealBroken } from '../store/errors.ts';
import { type FieldCipher, fieldOf, packFields, unpackFields } from '../store/field-cipher.ts';
import type { ChannelRow, Store } from '../store/store.ts';
import { withoutSecrets } from './channel-settings.ts';
import { DeskError } from './desk-error.ts';
import type { Sentence } from './locale.ts';

/** A channel with its settings checked against its adapter's schema. */
export interface KnownChannel {
  readonly id: string;
  readonly kind: string;
  readonly enabled: boolean;
  /** Complete, secrets included; for the adapter alone, never shown or logged. */
  readonly settings: unknown;
  /** The settings file is changed by its owner only; the store by commands. */
  readonly from: 'file' | 'store';
  readonly definition: AdapterDefinition;
  /** null for channels of the settings file. */
  readonly createdAt: number | null;
}

/** A channel of the store that cannot be opened: its adapter is gone, asks for other settings, or its key is missing. */
export interface BrokenChannel {
  readonly id: string;
  readonly kind: string;
  readonly enabled: boolean;
  readonly reason: Sentence;
}

export interface ChannelBook {
  /** All channels, those of the settings file first. Throws `ConfigError` for wrong settings and for an id in both places. */
  all(): Promise<readonly KnownChannel[]>;
  /** Channels of the store that `all` leaves out, since one broken channel must not keep the others from working. */
  broken(): Promise<readonly BrokenChannel[]>;
  /** Whether `all` would take these settings; throws the `ConfigError` that it would throw. */
  check(next: LoadedConfig): Promise<void>;
  find(id: string): Promise<KnownChannel | null>;
  /** Keeps a new channel in the store. A kind with signing secrets gets its first one made when the settings name none. */
  add(channel: NewChannel, by: string): Promise<{ readonly channel: KnownChannel; readonly secret: string | null }>;
  /** Puts settings in the place of those of the same names; null takes one back to its default. */
  set(id: string, settings: NewChannel['settings'], by: string): Promise<KnownChannel>;
  /** One that cannot be opened may be switched off, too. */
  enable(id: string, enabled: boolean, by: string): Promise<void>;
  /** Takes a channel out that has never taken in a message; another one is switched off, since its messages name it. */
  remove(id: string, by: string): Promise<void>;
  /** `new` replaces every signing secret, `rotate` keeps the last one valid beside the new one. Answers the new secret. */
  secret(id: string, how: 'new' | 'rotate', by: string): Promise<string>;
  /**
   * The first channel of a new installation, made by the first start; again at every start until `firstSeen`, since one that
   * fails behind it (its port is in use, it is interrupted) has shown the secret to nobody. null: there are others.
   */
  first(by: string): Promise<{ readonly id: string; readonly secret: string } | null>;
  /** Somebody has the secret of the first channel. */
  firstSeen(): Promise<void>;
}

export interface NewChannel {
  readonly id: string;
  readonly kind: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface BookParts {
  readonly loaded: LoadedConfig;
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly registry: Registry;
  readonly now: () => number;
}

const FIRST = { id: 'app-1', kind: 'app' } as const;
/** What is kept in the store while nobody has seen the first channel's secret: the channel's id. */
const UNSEEN = 'first-channel-unseen';
const CHANNEL_ID = /^[a-z][a-z0-9-]{0,39}$/;

export function createChannelBook(parts: BookParts): ChannelBook {
  const { loaded, store, registry } = parts;

  async function all(): Promise<readonly KnownChannel[]> {
    return (await read()).channels;
  }

  /** Channels of the settings file and rows of the store, no id in both. */
  async function sources(from: LoadedConfig) {
    const file = await fileChannels({ loaded: from, registry });
    const rows = await store.admin.channels();
    const twice = file.findIndex(channel => rows.some(row => row.id === channel.id));
    if (twice !== -1) throw idTwice(from, twice);
    return { file, rows };
  }

  async function read(): Promise<{ channels: readonly KnownChannel[]; broken: readonly BrokenChannel[] }> {
    const { file, rows } = await sources(loaded);
    const stored = await Promise.all(rows.map(row => storedChannel(parts, row)));
    return { channels: [...file, ...stored.filter(isWhole)], broken: stored.filter(isBroken) };
  }

  async function find(id: string): Promise<KnownChannel | null> {
    return (await all()).find(channel => channel.id === id) ?? null;
  }

  /** The row of a channel that commands may change, whether or not it can be opened. */
  async function rowOf(id: string): Promise<ChannelRow> {
    const row = (await store.admin.channels()).find(one => one.id === id);
    if (row !== undefined) return row;
    await changeable(id);
    // It came in between, from another process.
    throw new DeskError('desk.changed_meanwhile', {});
  }

  /** A channel that commands may change. */
  async function changeable(id: string): Promise<KnownChannel> {
    const channel = await known(await all(), id);
    if (channel.from === 'store') return channel;
    const index = loaded.config.channels.findIndex(one => one.id === id);
    const place = loaded.locate(['channels', index, 'settings']);
    const reference = loaded.reference(['channels', index, 'settings', 'secrets', 0]);
    throw new DeskError('channel.in_file', {
      id,
      file: place.file,
      where: reference ?? place.path ?? `channels[${index}].settings`,
    });
  }

  async function firstSeen(): Promise<void> {
    if (((await store.admin.meta(UNSEEN)) ?? '') !== '') await store.admin.setMeta(UNSEEN, '');
  }

  async function put(channel: KnownChannel, action: string, by: string): Promise<KnownChannel> {
    await store.admin.putChannel(seal(parts, channel), { by, action, on: [channel.id] });
    return channel;
  }

  return {
    all,
    broken: async () => (await read()).broken,
    check: async next => void (await sources(next)),
    find,
    async add({ id, kind, settings }, by) {
      if (!CHANNEL_ID.test(id)) throw new DeskError('channel.bad_id', { id });
      const { channels, broken } = await read();
      if ([...channels, ...broken].some(channel => channel.id === id)) throw new DeskError('channel.exists', { id });
      const definition = await definitionOf(registry, kind);
      const secret = hasSecrets(definition) && settings['secrets'] === undefined ? newSecret() : null;
      const written = secret === null ? settings : { ...settings, secrets: [secret] };
      const checked = check(definition.settings, written, [], () => placeOf(id));
      const channel = {
        id,
        kind,
        enabled: true,
        settings: checked,
        from: 'store',
        definition,
        createdAt: null,
      } as const;
      return { channel: await put(channel, 'channel.add', by), secret };
    },
    async set(id, settings, by) {
      const row = await rowOf(id);
      const definition = await definitionOf(registry, row.kind);
      const merged = { ...settingsIn(parts.cipher, row), ...settings };
      const written = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
      const checked = check(definition.settings, written, [], () => placeOf(id));
      const { kind, enabled, createdAt } = row;
      return put({ id, kind, enabled, settings: checked, from: 'store', definition, createdAt }, 'channel.set', by);
    },
    async enable(id, enabled, by) {
      const action = enabled ? 'channel.enable' : 'channel.disable';
      await store.admin.putChannel({ ...(await rowOf(id)), enabled }, { by, action, on: [id] });
    },
    async remove(id, by) {
      await rowOf(id);
      const [message] = await store.messages.list({ channel: id, limit: 1 });
      if (message !== undefined) throw new DeskError('channel.has_messages', { id });
      await store.admin.removeChannel(id, { by, action: 'channel.remove', on: [id] });
    },
    async secret(id, how, by) {
      const channel = await changeable(id);
      const settings = channel.settings as { readonly secrets?: readonly string[] };
      if (!hasSecrets(channel.definition)) throw new DeskError('channel.no_secrets', { id, kind: channel.kind });
      const made = newSecret();
      const kept = how === 'rotate' ? (settings.secrets ?? []).slice(0, 1) : [];
      await put({ ...channel, settings: { ...settings, secrets: [made, ...kept] } }, `channel.secret.${how}`, by);
      if (id === FIRST.id) await firstSeen();
      return made;
    },
    async first(by) {
      const { channels, broken } = await read();
      if (channels.length + broken.length === 0) {
        // Before the channel: a crash in between leaves none, and the next start makes it.
        await store.admin.setMeta(UNSEEN, FIRST.id);
        const { secret } = await this.add({ ...FIRST, settings: {} }, by);
        return { id: FIRST.id, secret: secret as string };
      }
      if ((await store.admin.meta(UNSEEN)) !== FIRST.id) return null;
      const made = channels.find(({ id, from }) => id === FIRST.id && from === 'store');
      const [secret] = (made?.settings as { readonly secrets?: readonly string[] } | undefined)?.secrets ?? [];
      return secret === undefined ? null : { id: FIRST.id, secret };
    },
    firstSeen,
  };
}

async function known(channels: readonly KnownChannel[], id: string): Promise<KnownChannel> {
  const found = channels.find(channel => channel.id === id);
  if (found !== undefined) return found;
  const near = nearest(
    id,
    channels.map(channel => channel.id),
  );
  throw near === null ? new DeskError('channel.none', { id }) : new DeskError('channel.none_near', { id, near });
}

async function definitionOf(registry: Registry, kind: string): Promise<AdapterDefinition> {
  try {
    return await registry.get(kind);
  } catch (error) {
    if (!(error instanceof Misconfigured)) throw error;
    throw new DeskError('channel.no_kind', { kind, kinds: registry.kinds().join(', ') });
  }
}

/** All of them are looked at, so that a person can mend everything at once. */
async function fileChannels(parts: Pick<BookParts, 'loaded' | 'registry'>): Promise<readonly KnownChannel[]> {
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
  const settings = check(definition.settings, channel.settings, [...at, 'settings'], loaded.locate);
  return { ...channel, settings, from: 'file', definition, createdAt: null };
}

function idTwice(loaded: LoadedConfig, index: number): ConfigError {
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

/** The settings key is wrapped in the row itself, and the settings are bound to the channel's id. */
function seal({ cipher, now }: BookParts, { id, kind, enabled, settings, createdAt }: KnownChannel): ChannelRow {
  const { key, wrapped } = cipher.newDataKey('settings');
  const sealed = cipher.seal(key, Buffer.from(JSON.stringify(settings)), fieldOf(id, 'settings'));
  return { id, kind, enabled, settings: packFields({ key: wrapped, settings: sealed }), createdAt: createdAt ?? now() };
}

/** Where settings that are in no file stand. */
const placeOf = (id: string): Position => ({ file: id, line: null, column: null });

/** The channel, or why it cannot be had. */
async function storedChannel(parts: BookParts, row: ChannelRow): Promise<KnownChannel | BrokenChannel> {
  try {
    return await openRow(parts, row);
  } catch (error) {
    const { id, kind, enabled } = row;
    if (error instanceof DeskError) return { id, kind, enabled, reason: error.sentence };
    if (error instanceof ConfigError) return { id, kind, enabled, reason: wordsOf(error) };
    throw error;
  }
}

/** Which setting, and what about it: of all that is wrong the first. */
function wordsOf({ path, zh, en }: ConfigError): Sentence {
  return { zh: `${path} ${zh}`, en: `${path} ${en}` };
}

async function openRow({ cipher, registry }: BookParts, row: ChannelRow): Promise<KnownChannel> {
  const definition = await definitionOf(registry, row.kind);
  // Checked again: a newer version of the adapter may ask for more than it did when the channel was made.
  const checked = check(definition.settings, settingsIn(cipher, row), [], () => placeOf(row.id));
  const { id, kind, enabled, createdAt } = row;
  return { id, kind, enabled, settings: checked, from: 'store', definition, createdAt };
}

/** As they were stored. Throws a `DeskError` where the key they were sealed under is gone. */
function settingsIn(cipher: FieldCipher, { id, settings: packed }: ChannelRow): Readonly<Record<string, unknown>> {
  try {
    const { key, settings } = unpackFields(packed);
    const opened = cipher.open(cipher.openDataKey(key as Buffer), settings as Buffer, fieldOf(id, 'settings'));
    return JSON.parse(opened.toString('utf8')) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
    throw new DeskError('channel.sealed', { id });
  }
}

const isBroken = (channel: KnownChannel | BrokenChannel): channel is BrokenChannel => !isWhole(channel);
const isWhole = (channel: KnownChannel | BrokenChannel): channel is KnownChannel => 'definition' in channel;

function hasSecrets(definition: AdapterDefinition): boolean {
  return Object.hasOwn((definition.settings.describe()['keys'] ?? {}) as object, 'secrets');
}

/** Checks the channels of the settings file alone, with no store at hand. Throws `ConfigError`. */
export async function checkChannels(loaded: LoadedConfig, registry: Registry): Promise<void> {
  await fileChannels({ loaded, registry });
}

/** Settings as an operator may see them: in place of what the schema marks secret stands that it is set. */
export function shownSettings({ definition, settings }: KnownChannel): Readonly<Record<string, unknown>> {
  const open = withoutSecrets(definition, settings) as Record<string, unknown>;
  const hidden = Object.keys(settings as object).filter(key => !Object.hasOwn(open, key));
  return { ...open, ...Object.fromEntries(hidden.map(key => [key, '***'])) };
}
