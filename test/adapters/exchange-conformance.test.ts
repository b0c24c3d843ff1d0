// The `exchange` adapter under the suite that every adapter passes, against a platform that drops files into a folder.
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { conformance } from '../../adapters/conformance.ts';
import { adapter } from '../../adapters/exchange/index.ts';
import { csv, exporter } from '../platforms/exchange.ts';

const nameOf = (n: number): string => `${String(n).padStart(6, '0')}.csv`;

conformance(adapter, {
  file: new URL('../../adapters/exchange/index.ts', import.meta.url),
  start: async () => {
    const root = mkdtempSync(join(tmpdir(), 'huisu-exchange-'));
    const above = join(root, 'share');
    const folder = join(above, 'letters');
    mkdirSync(above);
    const platform = exporter(folder);
    const put = new Set<number>();
    return {
      settings: adapter.settings.validate({ folder, stableSeconds: 0, waitSeconds: 0, done: 'delete' }).value,
      put: async n => {
        platform.put(
          nameOf(n),
          csv([
            ['编号', '内容', '电话'],
            [`L${n}`, `第 ${n} 盏路灯不亮`, '13800138000'],
          ]),
        );
        put.add(n);
      },
      acknowledged: () => [...put].filter(n => !existsSync(join(folder, 'in', nameOf(n)))),
      numberOf: ({ platformId }) => Number(platformId.slice(1)),
      credentials: false,
      fault: kind => {
        // As a share that is not mounted any more.
        if (kind !== null) renameSync(above, `${above}-gone`);
        else if (existsSync(`${above}-gone`)) {
          rmSync(above, { recursive: true, force: true });
          renameSync(`${above}-gone`, above);
        }
      },
      stop: async () => rmSync(root, { recursive: true, force: true }),
    };
  },
});
