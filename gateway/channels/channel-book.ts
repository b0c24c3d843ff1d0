// Which channels there are, from the settings file and from the store, with their settings checked and their secrets sealed.

import type { AdapterDefinition } from '../../adapters/contract.ts';
import { newSecret } from '../../adapters/kit/signature.ts';
import { nearest } from '../../config/explain.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { ChannelRow } from '../../store/store.ts';
import { DeskError } from '../desk/desk-error.ts';
import { checkSettings, withoutSecrets } from './channel-settings.ts';
import { fileChannels, idTwice } from './file-channels.ts';
import { createKeptKinds, refuseOtherKinds } from './kept-kinds.ts';
import type { BookParts, BrokenChannel, KnownChannel } from './known-channel.ts';
import { definitionOf, placeOf, sealChannel, settingsIn, storedChannel } from './stored-channels.ts';

export interface ChannelBook {
  /** All channels, those of the settings file first. Throws `ConfigError` for wrong settings and for an id in both places. */
  all(): Promise<readonly KnownChannel[]>;
  /** Channels of the store that `all` leaves out, since one broken channel must not keep the others from working. */
  broken(): Promise<readonly BrokenChannel[]>;
  /** Whether `all` would take these settings; throws the `ConfigError` that it would throw. */
  check(next: LoadedConfig): Promise<void>;
  find(id: string): Promise<KnownChannel | null>;
  /** Remembers the kinds of channels before they take anything in; `all` and `add` then refuse their ids to other kinds. */
  keepKinds(channels: readonly Pick<KnownChannel, 'id' | 'kind'>[]): Promise<void>;
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

const FIRST = { id: 'app-1', kind: 'app' } as const;
/** What is kept in the store while nobody has seen the first channel's secret: the channel's id. */
const UNSEEN = 'first-channel-unseen';
const CHANNEL_ID = /^[a-z][a-z0-9-]{0,39}$/;

export function createChannelBook(parts: BookParts): ChannelBook {
  const { loaded, store, registry } = parts;
  const kinds = createKeptKinds(store);

  async function all(): Promise<readonly KnownChannel[]> {
    return (await read()).channels;
  }

  /** Channels of the settings file and rows of the store, no id in both. */
  async function sources(from: LoadedConfig) {
    const file = await fileChannels({ loaded: from, registry });
    const rows = await store.admin.channels();
    const twice = file.findIndex(channel => rows.some(row => row.id === channel.id));
    if (twice !== -1) throw idTwice(from, twice);
    await refuseOtherKinds(from, kinds);
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

  /**
   * The row of a channel that commands may change, whether or not it can be opened.
   * @param what is to be changed, to name it where the channel is one of the settings file
   */
  async function rowOf(id: string, what: 'settings' | 'enabled'): Promise<ChannelRow> {
    const row = (await store.admin.channels()).find(one => one.id === id);
    if (row !== undefined) return row;
    const channel = await known(await all(), id);
    // It came in between, from another process.
    if (channel.from === 'store') throw new DeskError('desk.changed_meanwhile', {});
    const index = loaded.config.channels.findIndex(one => one.id === id);
    const place = loaded.locate(['channels', index, what]);
    const reference = what === 'settings' ? loaded.reference(['channels', index, 'settings', 'secrets', 0]) : null;
    const where = reference ?? place.path ?? `channels[${index}].${what}`;
    throw new DeskError('channel.in_file', { id, file: place.file, where });
  }

  async function firstSeen(): Promise<void> {
    if (((await store.admin.meta(UNSEEN)) ?? '') !== '') await store.admin.setMeta(UNSEEN, '');
  }

  /** @param seen what it was made from: between two commands that change a channel neither may take back the other's change */
  async function put(
    channel: KnownChannel,
    seen: ChannelRow | null,
    { action, by }: { readonly action: string; readonly by: string },
  ): Promise<KnownChannel> {
    const { id } = channel;
    const written = await store.admin.putChannel(sealChannel(parts, channel), { by, action, on: [id] }, seen);
    if (!written)
      throw seen === null ? new DeskError('channel.exists', { id }) : new DeskError('desk.changed_meanwhile');
    return channel;
  }

  return {
    all,
    broken: async () => (await read()).broken,
    check: async next => void (await sources(next)),
    find,
    keepKinds: kinds.keep,
    async add({ id, kind, settings }, by) {
      if (!CHANNEL_ID.test(id)) throw new DeskError('channel.bad_id', { id });
      const { channels, broken } = await read();
      if ([...channels, ...broken].some(channel => channel.id === id)) throw new DeskError('channel.exists', { id });
      const definition = await definitionOf(registry, kind);
      const was = await kinds.other({ id, kind });
      if (was !== null) throw new DeskError('channel.other_kind', { id, kind, was });
      const secret = hasSecrets(definition) && settings['secrets'] === undefined ? newSecret() : null;
      const written = secret === null ? settings : { ...settings, secrets: [secret] };
      const checked = checkSettings(definition, written, [], () => placeOf(id));
      const channel = {
        id,
        kind,
        enabled: true,
        settings: checked,
        from: 'store',
        definition,
        createdAt: null,
      } as const;
      return { channel: await put(channel, null, { action: 'channel.add', by }), secret };
    },
    async set(id, settings, by) {
      const row = await rowOf(id, 'settings');
      const definition = await definitionOf(registry, row.kind);
      const merged = { ...settingsIn(parts.cipher, row), ...settings };
      const written = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
      const checked = checkSettings(definition, written, [], () => placeOf(id));
      const { kind, enabled, createdAt } = row;
      const channel = { id, kind, enabled, settings: checked, from: 'store', definition, createdAt } as const;
      return put(channel, row, { action: 'channel.set', by });
    },
    async enable(id, enabled, by) {
      const action = enabled ? 'channel.enable' : 'channel.disable';
      const row = await rowOf(id, 'enabled');
      const written = await store.admin.putChannel({ ...row, enabled }, { by, action, on: [id] }, row);
      if (!written) throw new DeskError('desk.changed_meanwhile');
    },
    async remove(id, by) {
      await rowOf(id, 'settings');
      const [message] = await store.messages.list({ channel: id, limit: 1 });
      if (message !== undefined) throw new DeskError('channel.has_messages', { id });
      await store.admin.removeChannel(id, { by, action: 'channel.remove', on: [id] });
    },
    async secret(id, how, by) {
      const row = await rowOf(id, 'settings');
      const { kind, enabled, createdAt } = row;
      const definition = await definitionOf(registry, kind);
      if (!hasSecrets(definition)) throw new DeskError('channel.no_secrets', { id, kind });
      const settings = settingsIn(parts.cipher, row) as { readonly secrets?: readonly string[] };
      const made = newSecret();
      const kept = how === 'rotate' ? (settings.secrets ?? []).slice(0, 1) : [];
      const changed = { ...settings, secrets: [made, ...kept] };
      const channel = { id, kind, enabled, settings: changed, from: 'store', definition, createdAt } as const;
      await put(channel, row, { action: `channel.secret.${how}`, by });
      if (id === FIRST.id) await firstSeen();
      return made;
    },
    async first(by) {
      const { channels, broken } = await read();
      if (channels.length + broken.length === 0) {
        // Before the channel: a crash in between leaves none, and the next start makes it.
        await store.admin.setMeta(UNSEEN, FIRST.id);
        try {
          const { secret } = await this.add({ ...FIRST, settings: {} }, by);
          return { id: FIRST.id, secret: secret as string };
        } catch (error) {
          // Another process began in the same moment: there is one secret, and it is in the store.
          if (!(error instanceof DeskError) || error.code !== 'channel.exists') throw error;
          return this.first(by);
        }
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

const isBroken = (channel: KnownChannel | BrokenChannel): channel is BrokenChannel => !isWhole(channel);
const isWhole = (channel: KnownChannel | BrokenChannel): channel is KnownChannel => 'definition' in channel;

function hasSecrets(definition: AdapterDefinition): boolean {
  return Object.hasOwn((definition.settings.describe()['keys'] ?? {}) as object, 'secrets');
}

/** Settings as an operator may see them: of what the schema marks secret only that it is set. */
export function shownSettings({ definition, settings }: KnownChannel): Readonly<Record<string, unknown>> {
  const open = withoutSecrets(definition, settings) as Record<string, unknown>;
  const hidden = Object.keys(settings as object).filter(key => !Object.hasOwn(open, key));
  return { ...open, ...Object.fromEntries(hidden.map(key => [key, '***'])) };
}
