// Which adapters there are: ours by folder, a third party's by package name or file path, each imported when first asked for.
import { readFileSync } from 'node:fs';
import { createRequire, findPackageJSON, registerHooks } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkedAdapter } from './checked.ts';
import { type AdapterDefinition, Misconfigured } from './contract.ts';
import { BUILT_IN } from './registry-list.ts';

export interface Registry {
  /** All kinds, sorted. */
  kinds(): readonly string[];
  /** The definition of a kind. Throws `Misconfigured` for one that does not exist; the message lists those that do. */
  get(kind: string): Promise<AdapterDefinition>;
}

/**
 * Loads the third party's adapters at once, ours on demand. Reading threads call it with the same list.
 *
 * @param thirdParty package names, or file paths relative to `baseFolder` (the settings file's folder).
 * @throws Misconfigured with the list's index as field, when one cannot be imported, is no adapter, or its kind is taken.
 */
export async function loadRegistry(thirdParty: readonly string[], baseFolder: string): Promise<Registry> {
  const loaded = new Map<string, AdapterDefinition>();
  if (thirdParty.length > 0) lendOurModules();
  for (const [index, name] of thirdParty.entries()) {
    const field = `/adapters/${index}`;
    const definition = checkShape(await importDefault(name, baseFolder, field), name, field);
    if (Object.hasOwn(BUILT_IN, definition.kind) || loaded.has(definition.kind)) {
      throw new Misconfigured(
        'registry.kind_taken',
        field,
        `${name}: there is an adapter of kind ${definition.kind} already`,
      );
    }
    loaded.set(definition.kind, checkedAdapter(definition));
  }
  const kinds = [...Object.keys(BUILT_IN), ...loaded.keys()].sort();
  return {
    kinds: () => kinds,
    get: async kind => {
      const known = loaded.get(kind);
      if (known !== undefined) return known;
      const load = Object.hasOwn(BUILT_IN, kind) ? BUILT_IN[kind] : undefined;
      if (load === undefined) {
        throw new Misconfigured(
          'registry.unknown_kind',
          '/kind',
          `there is no adapter ${kind}; there are: ${kinds.join(', ')}`,
        );
      }
      const definition = (await load()) as AdapterDefinition;
      loaded.set(kind, definition);
      return definition;
    },
  };
}

async function importDefault(name: string, baseFolder: string, field: string): Promise<unknown> {
  try {
    const module: { default?: unknown } = await import(locate(name, baseFolder));
    return module.default;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Misconfigured('registry.cannot_load', field, `${name} cannot be loaded: ${reason}`, { cause: error });
  }
}

/** A path names a file; anything else a package, looked for from the settings file's folder and then beside the gateway. */
function locate(name: string, baseFolder: string): string {
  if (name.startsWith('file:')) return name;
  if (name.startsWith('.') || isAbsolute(name)) return pathToFileURL(resolve(baseFolder, name)).href;
  const base = pathToFileURL(join(resolve(baseFolder), 'noop.js')).href;
  try {
    return pathToFileURL(createRequire(base).resolve(name)).href;
  } catch (error) {
    return moduleEntry(name, base, error);
  }
}

/** A package that exports only to `import` is not found by `require`'s rules; its `exports` are read for the plain forms. */
function moduleEntry(name: string, base: string, notFound: unknown): string {
  if (!(notFound instanceof Error && 'code' in notFound && notFound.code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'))
    return name;
  const file = findPackageJSON(name, base);
  if (file === undefined) return name;
  const { exports } = JSON.parse(readFileSync(file, 'utf8')) as { exports?: unknown };
  const entry = target(exports);
  return entry === null ? name : pathToFileURL(join(dirname(file), entry)).href;
}

function target(exports: unknown): string | null {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return null;
  const map = exports as Record<string, unknown>;
  return target(map['.'] ?? map['import'] ?? map['node'] ?? map['default']);
}

const FUNCTIONS = ['parse', 'open'] as const;
const FLAGS = ['validates', 'weakIds', 'replies', 'attachments', 'conversations'] as const;

/** The type is no proof for what comes from outside, so each member is looked at. */
function checkShape(value: unknown, name: string, field: string): AdapterDefinition {
  const faults = shapeFaults(value);
  if (faults.length === 0) return value as AdapterDefinition;
  throw new Misconfigured(
    'registry.not_an_adapter',
    field,
    `${name}: its default export is no adapter: ${faults.join('; ')}`,
  );
}

function shapeFaults(value: unknown): string[] {
  if (!isRecord(value)) return ['it is not an object'];
  const faults: string[] = [];
  const { kind, title, settings, capabilities } = value;
  if (typeof kind !== 'string' || !/^[a-z][a-z0-9-]{0,39}$/.test(kind)) faults.push('kind must be like line-box');
  if (!isRecord(title) || typeof title['zh'] !== 'string' || typeof title['en'] !== 'string')
    faults.push('title needs zh and en');
  if (!isRecord(settings) || typeof settings['validate'] !== 'function' || settings['type'] !== 'object') {
    faults.push('settings must be a Joi.object()');
  }
  for (const member of FUNCTIONS) if (typeof value[member] !== 'function') faults.push(`${member} must be a function`);
  if (!isRecord(capabilities)) return [...faults, 'capabilities are missing'];
  for (const flag of FLAGS)
    if (typeof capabilities[flag] !== 'boolean') faults.push(`capabilities.${flag} must be true or false`);
  if (!Array.isArray(capabilities['receives'])) faults.push('capabilities.receives must be a list');
  return faults;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What a third party imports by our name, and where it is in this very gateway. */
function lentModule(specifier: string): string | null {
  if (specifier === 'huisu/adapter') return ourModule('contract');
  if (specifier === 'huisu/conformance') return ourModule('conformance');
  const kit = /^huisu\/kit\/([a-z][a-z-]*)$/.exec(specifier);
  return kit === null ? null : ourModule(`kit/${kit[1]}`);
}

function ourModule(file: string): string {
  return new URL(`./${file}${extension()}`, import.meta.url).href;
}

/** `.ts` in a clone, `.js` once built. */
function extension(): string {
  return import.meta.url.slice(import.meta.url.lastIndexOf('.'));
}

let lent = false;

/**
 * Answers `huisu/…` with the modules of the running gateway, so that an adapter file works from any folder, from a clone
 * and installed alike, and its `Unauthentic` is the class that the gateway catches. `joi` is lent where none is installed.
 */
export function lendOurModules(): void {
  if (lent) return;
  lent = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const url = lentModule(specifier);
      if (url !== null) return { url, shortCircuit: true };
      if (specifier !== 'joi') return nextResolve(specifier, context);
      try {
        return nextResolve(specifier, context);
      } catch {
        return nextResolve(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}
