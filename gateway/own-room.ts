// Starts the program once more in its own place, with the memory settings of a service of several threads.
import { execArgv, execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

/**
 * Megabytes. Left alone the engine lets the main thread's young objects take over 100, most of which nothing uses: what a
 * request leaves behind is gone with its answer.
 */
const YOUNG_MB = 8;
const YOUNG = '--max-semi-space-size';
/** Memory that threads give back lies fallow in the pools of their own that the C library makes for each of them. */
const POOLS = { MALLOC_ARENA_MAX: '2' };
/** Where a clone keeps its code as it was compiled: every thread would load the compiler of types for itself, 10 MB each. */
const COMPILED = new URL('../node_modules/.cache/huisu', import.meta.url);

/**
 * What a process is started with again; null: it has its room already, or whoever started it gave a figure.
 * @param entry the program's first module, as TypeScript from a clone and as JavaScript once built
 */
export function roomier(
  argv: readonly string[],
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
  entry: string,
): { readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } | null {
  const given = [...flags, ...(env['NODE_OPTIONS'] ?? '').split(' ')];
  if (given.some(flag => flag.startsWith(YOUNG))) return null;
  const compiled = entry.endsWith('.ts') ? { NODE_COMPILE_CACHE: fileURLToPath(COMPILED) } : {};
  return { args: [`${YOUNG}=${YOUNG_MB}`, ...flags, ...argv], env: { ...POOLS, ...compiled, ...env } };
}

/** Only for what runs long. The same process goes on: its number, its streams and its folder stay as they are. */
export function takeRoom(argv: readonly string[], entry: string): void {
  if (process.platform === 'win32' || typeof process.execve !== 'function' || !argv.includes('start')) return;
  const again = roomier(argv.slice(1), execArgv, process.env, entry);
  if (again !== null) process.execve(execPath, [execPath, ...again.args], again.env);
  // This thread has its figure. Left standing it would go before what the other threads are started with.
  if (execArgv.includes(`${YOUNG}=${YOUNG_MB}`)) setFlagsFromString(`${YOUNG}=0`);
}
