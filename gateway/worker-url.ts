// Where a worker's entry file lies: beside its caller, as TypeScript from a clone and as JavaScript once built.

/**
 * @param name entry file without its ending, relative to the caller: `./parser`
 * @param base the caller's `import.meta.url`
 */
export function workerUrl(name: string, base: string): URL {
  return new URL(`${name}${base.endsWith('.ts') ? '.ts' : '.js'}`, base);
}
