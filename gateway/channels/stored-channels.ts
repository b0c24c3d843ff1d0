// Channels of the store: their settings sealed into a row, and opened and checked again from it.
import type { AdapterDefinition } from '../../adapters/contract.ts';
import { Misconfigured } from '../../adapters/contract.ts';
import type { Registry } from '../../adapters/registry.ts';
import { ConfigError, type Position } from '../../config/errors.ts';
import { SealBroken } from '../../store/errors.ts';
import { type FieldCipher, fieldOf, packFields, unpackFields } from '../../store/field-cipher.ts';
import type { ChannelRow } from '../../store/store.ts';
import { DeskError } from '../desk/desk-error.ts';
import type { Sentence } from '../locale.ts';
import { checkSettings } from './channel-settings.ts';
import type { BookParts, BrokenChannel, KnownChannel } from './known-channel.ts';

/** Throws a `DeskError` with the kinds there are. */
export async function definitionOf(registry: Registry, kind: string): Promise<AdapterDefinition> {
  try {
    return await registry.get(kind);
  } catch (error) {
    if (!(error instanceof Misconfigured)) throw error;
    throw new DeskError('channel.no_kind', { kind, kinds: registry.kinds().join(', ') });
  }
}

/** The settings key is wrapped in the row itself, and the settings are bound to the channel's id. */
export function sealChannel(
  { cipher, now }: BookParts,
  { id, kind, enabled, settings, createdAt }: KnownChannel,
): ChannelRow {
  const { key, wrapped } = cipher.newDataKey('settings');
  const sealed = cipher.seal(key, Buffer.from(JSON.stringify(settings)), fieldOf(id, 'settings'));
  return { id, kind, enabled, settings: packFields({ key: wrapped, settings: sealed }), createdAt: createdAt ?? now() };
}

/** Where settings that are in no file stand. */
export const placeOf = (id: string): Position => ({ file: id, line: null, column: null });

/** The channel, or why it cannot be had. */
export async function storedChannel(parts: BookParts, row: ChannelRow): Promise<KnownChannel | BrokenChannel> {
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
  const checked = checkSettings(definition, settingsIn(cipher, row), [], () => placeOf(row.id));
  const { id, kind, enabled, createdAt } = row;
  return { id, kind, enabled, settings: checked, from: 'store', definition, createdAt };
}

/** As they were stored. Throws a `DeskError` where the key they were sealed under is gone. */
export function settingsIn(
  cipher: FieldCipher,
  { id, settings: packed }: ChannelRow,
): Readonly<Record<string, unknown>> {
  try {
    const { key, settings } = unpackFields(packed);
    const opened = cipher.open(cipher.openDataKey(key as Buffer), settings as Buffer, fieldOf(id, 'settings'));
    return JSON.parse(opened.toString('utf8')) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
    throw new DeskError('channel.sealed', { id });
  }
}
