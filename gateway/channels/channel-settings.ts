// A channel's settings: checked by its adapter's schema, in words of both languages, and without what that marks secret.
import type { AdapterDefinition } from '../../adapters/contract.ts';
import type { Place } from '../../config/errors.ts';
import { check } from '../../config/load.ts';
import { wordsBoth } from '../locale.ts';

type Path = readonly (string | number)[];

/** Settings with their defaults. Throws `ConfigError` with all that is wrong. */
export function checkSettings(
  { settings }: Pick<AdapterDefinition, 'settings'>,
  written: unknown,
  at: Path,
  locate: (path: Path) => Place,
) {
  return check(settings, written, at, locate, code => wordsBoth(`setting.${code}`));
}

interface Described {
  readonly metas?: readonly { readonly secret?: boolean }[];
  readonly keys?: Readonly<Record<string, Described>>;
}

/** The settings without their secret fields, at any depth of objects; reading threads get these. */
export function withoutSecrets(definition: Pick<AdapterDefinition, 'settings'>, settings: unknown): unknown {
  return strip(definition.settings.describe() as Described, settings);
}

function strip(described: Described, value: unknown): unknown {
  if (described.keys === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([key]) => !isSecret(described.keys?.[key]));
  return Object.fromEntries(kept.map(([key, field]) => [key, strip(described.keys?.[key] ?? {}, field)]));
}

/** A field the schema does not know of is treated as secret. */
function isSecret(field: Described | undefined): boolean {
  return field === undefined || (field.metas ?? []).some(meta => meta.secret === true);
}
