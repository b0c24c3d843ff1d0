// What the gateway and its commands stand on: keys, store, rules, adapters, the book of channels, the clerk's desk.
import { existsSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadRegistry, type Registry } from '../adapters/registry.ts';
import type { LoadedConfig } from '../config/load.ts';
import { loadRepeats } from '../config/load-repeats.ts';
import { loadRules } from '../config/load-rules.ts';
import { type Extension, extensionsOf } from '../normalizer/deadline.ts';
import { compileRulebook, type RulebookData } from '../normalizer/rulebook.ts';
import type { Deadline } from '../normalizer/ticket.ts';
import { KeyError } from '../store/errors.ts';
import { createCipher, type FieldCipher } from '../store/field-cipher.ts';
import {
  createDevelopmentKeys,
  isKeptIn,
  KEYS_VARIABLE,
  type KeyRing,
  keyCheckValues,
  loadKeyRing,
  macKey,
  ringChanges,
  verifyKeyCheck,
} from '../store/key-ring.ts';
import type { Store } from '../store/store.ts';
import { type ChannelBook, createChannelBook } from './channels/channel-book.ts';
import { withoutSecrets } from './channels/channel-settings.ts';
import { isUsed } from './data-folder.ts';
import { correctionRules } from './desk/correction-rules.ts';
import { createDesk, type Desk } from './desk/desk.ts';
import { type OpenedStore, openStore } from './engines.ts';
import { type Comparing, comparingAlone } from './reading/comparing.ts';
import type { ParserChannel } from './reading/protocol.ts';
import { readAgain } from './reading/read-again.ts';
import { createLiveConfig, type LiveConfig } from './settings/live-config.ts';
import { retiredKeys } from './upkeep/rewrap.ts';

export interface FoundationOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly now?: () => number;
  /** An I/O error at a commit: the process must end, since nobody knows what reached the disk. */
  onFatal(error: Error): void;
  /** Told when keys were made, whatever fails afterwards: whoever does not hear of them does not back them up. */
  keysMade?(file: string): void;
  /** Wraps the main thread's store; for tests that break a promise on purpose. */
  decorateStore?(store: Store): Store;
}

/** What commands need as much as the gateway: store, keys, channels, the clerk's desk. */
export interface Foundation {
  /** The settings at work; they change when a newer file is taken over. */
  readonly loaded: LiveConfig;
  /** As it is now: keys are added to it by rotating. */
  readonly ring: KeyRing;
  /** Whether the keys at work are in their file, or come from the environment: if not, the next start has none. */
  keysKept(): boolean;
  /** Takes over the keys that the file has now, others' as well; they seal from now on. Throws KeyError. */
  adoptRing(): Promise<void>;
  /** The ring where its file has changed since this was asked last (another process rotated), else null. Throws KeyError. */
  rotated(): KeyRing | null;
  /** Where the ring lies; null where it comes from the environment. */
  readonly keyFile: string | null;
  readonly cipher: FieldCipher;
  readonly opened: OpenedStore;
  readonly store: Store;
  readonly registry: Registry;
  readonly book: ChannelBook;
  readonly desk: Desk;
  /** Who compares what a clerk makes a ticket: by itself, until a reader that runs here takes it over. */
  readonly comparing: Comparing;
  compareBy(reader: Comparing): void;
  readonly rulebook: RulebookData;
  /** By the rules at work. */
  extensions(deadline: Deadline): readonly Extension[];
  readonly now: () => number;
  close(): Promise<void>;
}

/**
 * Opens store, keys and channels' book.
 * @throws ConfigError, KeyError, RulebookInvalid, Misconfigured or StoreUnavailable, each with words for the operator
 */
export async function openFoundation(given: LoadedConfig, options: FoundationOptions): Promise<Foundation> {
  const loaded = createLiveConfig(given);
  const { config } = loaded;
  const now = options.now ?? Date.now;
  const rulebook = loadRules({ rulesFolder: config.rules, regionFile: config.region, calendar: config.calendar });
  const rules = compileRulebook(rulebook);
  const registry = await loadRegistry(config.adapters, dirname(loaded.file));
  const env = options.env ?? process.env;
  const keys = { file: config.keys.file, env };
  const keyFile = (env[KEYS_VARIABLE] ?? '') === '' ? config.keys.file : null;
  // Before the ring is read, so that no change falls in between.
  const newer = ringChanges(keys);
  const rotated = ringChanges(keys);
  const { ring: first, made } = keysOf(loaded, env);
  if (made) options.keysMade?.(config.keys.file);
  let ring = first;
  const cipher = createCipher(ring, newer);
  const { url, identityUrl } = config.store;
  const opened = await openStore({
    mongo: url === null ? null : { url, identityUrl },
    folder: config.data,
    auditKey: Buffer.from(macKey(ring, 'audit')),
    profile: ring.profile,
    groupCommitMs: config.intake.groupCommitMs,
    onFatal: options.onFatal,
  });
  try {
    const store = options.decorateStore?.(opened.store) ?? opened.store;
    await checkKeys(store, () => ring).catch(error => {
      if (made && error instanceof KeyError) setAside(config.keys.file);
      throw error;
    });
    const book = createChannelBook({ loaded, store, cipher, registry, now });
    const repeats = () => loadRepeats(config.rules, config.data);
    let comparing = comparingAlone(() => ({ store, cipher, repeats: repeats(), embedding: config.embedding }));
    const desk = createDesk({
      store,
      cipher,
      now,
      attachmentWaitMs: config.dispatch.attachmentWaitMinutes * 60_000,
      clause: clause => rules.clauses.get(clause) ?? null,
      corrections: correctionRules(rules),
      rebirth: (message, how) =>
        readAgain(
          {
            store,
            cipher,
            repeats: repeats(),
            pool: poolOf(loaded, rulebook),
            comparing,
            channels: () => parserChannels(book),
          },
          message,
          how,
        ),
    });
    const close = () => opened.store.close();
    const adoptRing = () =>
      checkKeys(store, () => {
        // Read and taken over in one go: of two who do so at once the later one has the newer keys.
        ring = loadKeyRing({ ...keys, dataFolder: config.data });
        cipher.renew(ring);
        return ring;
      });
    return {
      ...{
        loaded,
        adoptRing,
        keysKept: () => keyFile === null || isKeptIn(keyFile, ring),
        rotated,
        keyFile,
        cipher,
        opened,
        store,
        registry,
        book,
        desk,
        rulebook,
        extensions: (deadline: Deadline) => extensionsOf(deadline, rules.rules.deadlines, rules.calendar),
        now,
        close,
      },
      get ring() {
        return ring;
      },
      get comparing() {
        return comparing;
      },
      compareBy: reader => {
        comparing = reader;
      },
    };
  } catch (error) {
    await opened.store.close();
    throw error;
  }
}

/** The key ring; the very first start makes one for development, any later start without keys is refused. */
function keysOf({ config }: LoadedConfig, env: NodeJS.ProcessEnv): { readonly ring: KeyRing; readonly made: boolean } {
  const { data: dataFolder, keys } = config;
  const fresh = !existsSync(keys.file) && (env[KEYS_VARIABLE] ?? '') === '';
  if (fresh && !isUsed(dataFolder)) {
    try {
      return { ring: createDevelopmentKeys(keys.file, keys.profile, { dataFolder }), made: true };
    } catch (error) {
      // Another process began in the same moment: there is one ring, and it is in the file.
      if (!(error instanceof KeyError) || error.code !== 'keys.file_exists') throw error;
    }
  }
  return { ring: loadKeyRing({ file: keys.file, env, dataFolder }), made: false };
}

/**
 * Keys made for a store that turns out to have its own are not left where they would be taken for them, nor removed: another
 * gateway that began in the same folder may have sealed by them since.
 */
function setAside(file: string): void {
  renameSync(file, `${file}.unused-${Date.now()}`);
}

/**
 * Throws a `KeyError` where the store was made with other keys than these, by another process in this very moment included.
 * @param current asked once the store has told what it knows: another process may have told it of a key a moment ago
 */
export async function checkKeys(store: Pick<Store, 'admin'>, current: () => KeyRing): Promise<void> {
  while (!(await keysChecked(store, current)));
}

/** False where another process told the store of its keys meanwhile: what it knows now is to be compared. */
async function keysChecked(store: Pick<Store, 'admin'>, current: () => KeyRing): Promise<boolean> {
  const kept = await store.admin.meta('key-check');
  const retired = await retiredKeys(store);
  const ring = current();
  if (kept !== null) verifyKeyCheck(JSON.parse(kept) as Record<string, string>, ring);
  // A key that wraps nothing any more need not be there.
  const needed = Object.entries(keyCheckValues(ring)).filter(
    ([name]) => retired[name.split('/')[1] ?? ''] === undefined,
  );
  const values = JSON.stringify(Object.fromEntries(needed));
  return values === kept || store.admin.setMeta('key-check', values, kept);
}

function poolOf({ config, file }: LoadedConfig, rulebook: RulebookData) {
  const { idleCharacters, phrases } = loadRepeats(config.rules, config.data);
  return {
    rulebook,
    idleCharacters,
    phrases,
    adapters: config.adapters,
    baseFolder: dirname(file),
    messageMs: config.reading.messageSeconds * 1000,
    memoryMb: config.reading.memoryMb,
  };
}

/** Channels as reading threads may know them. */
export async function parserChannels(book: ChannelBook): Promise<Readonly<Record<string, ParserChannel>>> {
  const entries = (await book.all()).map(({ id, kind, definition, settings }): [string, ParserChannel] => [
    id,
    { kind, settings: withoutSecrets(definition, settings) },
  ]);
  return Object.fromEntries(entries);
}
