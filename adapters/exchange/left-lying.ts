// What stays in in/ since it cannot be taken: folders and links, and files that may not be read. Each kind is told of once, and noted while it lies there.
import type { AdapterContext } from '../contract.ts';
import type { Waiting } from './folder.ts';

export interface LeftLying {
  /** How many folders and links lie in in/ now. */
  strays(count: number): void;
  /** The file may not be read. */
  refused(name: string): void;
  taken(name: string): void;
  /** Only these are to be read still; others were taken away by hand, or are written again. */
  only(files: readonly Waiting[]): void;
  notes(): readonly string[];
}

export function createLeftLying({ log }: Pick<AdapterContext, 'log'>): LeftLying {
  const refused = new Set<string>();
  let strays = 0;
  return {
    strays(count) {
      if (count > 0 && strays === 0) log.warn('exchange.not_a_file');
      strays = count;
    },
    refused(name) {
      if (!refused.has(name)) log.warn('exchange.file_refused');
      refused.add(name);
    },
    taken: name => void refused.delete(name),
    only(files) {
      const names = new Set(files.map(({ name }) => name));
      for (const name of refused) if (!names.has(name)) refused.delete(name);
    },
    notes: () => [
      ...(refused.size > 0 ? ['exchange.file_refused'] : []),
      ...(strays > 0 ? ['exchange.not_a_file'] : []),
    ],
  };
}
