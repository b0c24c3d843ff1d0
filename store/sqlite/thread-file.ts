// Where a thread's file lies: beside its caller, `.ts` from the sources, `.js` when built.
import { extname } from 'node:path';

/** @param base the caller's `import.meta.url` */
export function threadFile(name: string, base: string): URL {
  return new URL(`./${name}${extname(base)}`, base);
}
