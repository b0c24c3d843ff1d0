// A channel as the book knows it, wherever its settings stand, and what the book is made of.
import type { AdapterDefinition } from '../../adapters/contract.ts';
import type { Registry } from '../../adapters/registry.ts';
import type { LoadedConfig } from '../../config/load.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import type { Store } from '../../store/store.ts';
import type { Sentence } from '../locale.ts';

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

export interface BookParts {
  readonly loaded: LoadedConfig;
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly registry: Registry;
  readonly now: () => number;
}
