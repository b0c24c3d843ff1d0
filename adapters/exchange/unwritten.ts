// Files in in/ with nothing in them: made now and written later, so they stay where they are, and are told of when that lasts.
import type { AdapterContext } from '../contract.ts';
import type { Waiting } from './folder.ts';

export interface Unwritten {
  /** Those of the files in in/ that have something in them, as far as is known without reading them. */
  written(files: readonly Waiting[]): readonly Waiting[];
  /** It was read, and there was nothing in it but a mark of its encoding or blanks. */
  add(file: Waiting): void;
  count(): number;
  /** A code where one has been so for some minutes. */
  notes(): readonly string[];
}

const CODE = 'exchange.file_unwritten';
/** An upload that stalls at its beginning may take so long. */
const TOLD_AFTER_MS = 5 * 60_000;

interface Found {
  readonly mark: string;
  readonly since: number;
  told: boolean;
}

export function createUnwritten({ now, log }: Pick<AdapterContext, 'now' | 'log'>): Unwritten {
  const found = new Map<string, Found>();

  function add({ name, mark }: Waiting): void {
    const { since = now(), told = false } = found.get(name) ?? {};
    found.set(name, { mark, since, told });
  }

  const isOld = ({ since }: Found) => now() - since >= TOLD_AFTER_MS;

  return {
    written(files) {
      const names = new Set(files.map(({ name }) => name));
      for (const name of found.keys()) if (!names.has(name)) found.delete(name);
      const written = files.filter(file => {
        if (file.size === 0) add(file);
        else if (found.get(file.name)?.mark !== file.mark) found.delete(file.name);
        return !found.has(file.name);
      });
      for (const one of found.values()) {
        if (one.told || !isOld(one)) continue;
        one.told = true;
        log.warn(CODE);
      }
      return written;
    },
    add,
    count: () => found.size,
    notes: () => ([...found.values()].some(isOld) ? [CODE] : []),
  };
}
