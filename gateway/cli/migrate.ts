// huisu migrate: a city moves from the embedded store to a MongoDB; cut off, it is typed again and goes on.
import { loadConfig } from '../../config/load.ts';
import { loadKeyRing } from '../../store/key-ring.ts';
import { MOST_ROWS } from '../../store/moving.ts';
import { EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import type { LocalCommand } from './command.ts';
import { interrupted } from './interrupted.ts';
import { operator } from './operator.ts';
import { shareBars } from './output.ts';
import { textOf } from './parts.ts';

const ROWS = 500;

export const migrateCommand: LocalCommand = {
  kind: 'local',
  name: 'migrate',
  summary: {
    zh: '把数据从 SQLite 迁移到 MongoDB（先停网关；中断后重新运行即接着做）',
    en: 'move everything from SQLite to MongoDB (stop the gateway first; cut off, run it again)',
  },
  options: [
    { flags: '--from <engine>', summary: { zh: '来源：sqlite', en: 'where from: sqlite' } },
    { flags: '--to <engine>', summary: { zh: '去向：mongo', en: 'where to: mongo' } },
    {
      flags: '--rows <n>',
      summary: { zh: '每次搬多少行（默认 500）', en: 'rows moved at once (500)' },
      number: { min: 1, max: MOST_ROWS },
    },
    {
      flags: '--url <address>',
      summary: { zh: '目标库地址（默认按配置 store.url）', en: 'address of the target (default: store.url)' },
    },
    {
      flags: '--identity-url <address>',
      summary: {
        zh: '身份库地址（默认按配置）',
        en: 'address of the identity database (default: as configured)',
      },
    },
  ],
  async run(terminal, args) {
    const { env, configFile, language } = terminal;
    const { config } = loadConfig({ file: configFile, env });
    const url = textOf(args, 'url') ?? config.store.url;
    if (args['from'] !== 'sqlite' || args['to'] !== 'mongo' || url === null) {
      terminal.err(say(language, 'migrate.usage'));
      return EXIT.usage;
    }
    const ring = loadKeyRing({ file: config.keys.file, env, dataFolder: config.data });
    const stop = interrupted('cli.interrupted_again');
    const bars = shareBars(terminal);
    try {
      const { moveStore } = await import('../upkeep/move.ts');
      const report = await moveStore({
        folder: config.data,
        url,
        identityUrl: textOf(args, 'identityUrl') ?? config.store.identityUrl,
        ring,
        by: operator(terminal.env),
        now: Date.now(),
        rows: args['rows'] === undefined ? ROWS : Number(args['rows']),
        signal: stop.signal,
        progress: (stage, done, total) => bars.show(say(language, `migrate.${stage}`), { done, total }),
      });
      bars.stop();
      const { messages, entries, records, blobs } = report;
      if (!terminal.json) terminal.out(say(language, 'migrate.moved', { messages, entries, records, blobs }));
      terminal.out(JSON.stringify(report));
      return EXIT.ok;
    } finally {
      bars.stop();
      stop.forget();
    }
  },
};
