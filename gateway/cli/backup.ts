// huisu backup and huisu restore: a copy of everything on another disk, and a new data folder from such a copy.
import { existsSync } from 'node:fs';
import { loadConfig } from '../../config/load.ts';
import { KEYS_VARIABLE, type KeyRing, loadKeyRing } from '../../store/key-ring.ts';
import { EXIT } from '../desk/desk-error.ts';
import { type Language, say, sayBoth } from '../locale.ts';
import { type BackupOrder, makeBackup } from '../upkeep/backup.ts';
import { readBackup } from '../upkeep/manifest.ts';
import { type RestoreResult, restoreBackup } from '../upkeep/restore.ts';
import { inTurn } from '../upkeep/turn.ts';
import type { Arguments, Call, Command, LocalCommand, Option, Row, Terminal } from './command.ts';
import { interrupted } from './interrupted.ts';
import { operator } from './operator.ts';
import { shareBars } from './output.ts';
import { textOf } from './parts.ts';
import { time } from './table.ts';

/** What the manifest of a copy made on MongoDB says. */
const MONGO = 'mongo';

const EVERY: Option = {
  flags: '--every <n>',
  summary: { zh: '每 n 条核验一条（默认最多约五万条）', en: 'prove each n-th message (default: about 50,000 of them)' },
  number: { min: 1, max: 1_000_000 },
};

export const backupCommand: Command = {
  kind: 'one',
  name: 'backup',
  summary: {
    zh: '备份到新目录（运行中也可），读回核验',
    en: 'back up into a new folder, also while running; read back',
  },
  arguments: [{ form: '<folder>', summary: { zh: '新目录', en: 'a new folder' }, path: true }],
  options: [
    {
      flags: '--with-keys <file>',
      summary: { zh: '密钥另存到此文件（请与备份分开保管）', en: 'also write the keys to this file, to be kept apart' },
      path: true,
    },
    EVERY,
  ],
  run: async (context, args, call) => {
    const { store, loaded, now } = context;
    const order = orderOf(args, call);
    const ring = async () => {
      // A gateway whose key file is gone goes on with the keys it has, and then its backup is needed most.
      if (context.keysKept()) await context.adoptRing();
      return context.ring;
    };
    const parts = { store, ring, dataFolder: loaded.config.data, now };
    const { manifest, proof } = await inTurn(store, 'backup', () => makeBackup(parts, order));
    const { counts, bytes, files, createdAt } = manifest;
    const { opened, shredded } = proof;
    return { folder: order.target, createdAt, ...counts, files, bytes, opened, shredded, keysIn: order.keysTo };
  },
  text: (result, language) => {
    const { folder, messages, tickets, opened, keysIn } = result;
    const made = say(language, 'backup.made', {
      folder: String(folder),
      messages: Number(messages),
      tickets: Number(tickets),
      opened: Number(opened),
    });
    const keys =
      keysIn === null ? say(language, 'backup.no-keys') : say(language, 'backup.keys', { file: String(keysIn) });
    return `${made}\n${keys}`;
  },
};

function orderOf(args: Arguments, { by, signal, progress }: Call): BackupOrder {
  return {
    target: String(args['folder']),
    keysTo: textOf(args, 'withKeys') ?? null,
    every: args['every'] === undefined ? null : Number(args['every']),
    by,
    signal,
    progress: (stage, done, total) => progress(sayBoth(`backup.${stage}`), { done, total }),
  };
}

export const restoreCommand: LocalCommand = {
  kind: 'local',
  name: 'restore',
  summary: { zh: '从备份恢复到新的数据目录', en: 'restore a backup into a new data folder' },
  arguments: [{ form: '<backup>', summary: { zh: '备份目录', en: 'folder of the backup' }, path: true }],
  options: [
    {
      flags: '--data <folder>',
      summary: {
        zh: '新的数据目录，须不存在或为空（SQLite 备份必填）',
        en: 'the new data folder; empty or not there (for SQLite)',
      },
      path: true,
    },
    {
      flags: '--keys <file>',
      summary: { zh: '密钥文件（默认按配置）', en: 'the key file (default: as the settings say)' },
      path: true,
    },
    {
      flags: '--url <address>',
      summary: {
        zh: 'MongoDB 备份恢复到的空库（默认取 HUISU_MONGO）',
        en: 'for a backup of MongoDB: the empty database (HUISU_MONGO)',
      },
    },
    {
      flags: '--identity-url <address>',
      summary: { zh: '身份库地址（默认取 HUISU_MONGO_IDENTITY）', en: 'its identity database (HUISU_MONGO_IDENTITY)' },
    },
    EVERY,
  ],
  async run(terminal, args) {
    const ring = keysFor(terminal, args);
    const backup = String(args['backup']);
    const onMongo = readBackup(backup).manifest.engine === MONGO;
    const data = textOf(args, 'data');
    const url = textOf(args, 'url') ?? terminal.env['HUISU_MONGO'];
    const missing = onMongo ? url === undefined && '--url' : data === undefined && '--data';
    if (missing !== false || (onMongo && ring === null)) {
      const option = missing === false ? '--keys' : missing;
      terminal.err(say(terminal.language, 'error.cli.missing_option', { option }));
      return EXIT.usage;
    }
    if (ring === null) terminal.err(say(terminal.language, 'backup.proven-without-keys'));
    const stop = interrupted('cli.interrupted_again');
    const bars = shareBars(terminal);
    const order = {
      backup,
      every: args['every'] === undefined ? null : Number(args['every']),
      by: operator(terminal.env),
      now: Date.now(),
      signal: stop.signal,
      progress: (stage: 'copying' | 'proving', done: number, total: number) =>
        bars.show(say(terminal.language, `backup.${stage}`), { done, total }),
    };
    try {
      const result = await (onMongo && ring !== null && url !== undefined
        ? (await import('../upkeep/restore-mongo.ts')).restoreToMongo({
            ...order,
            ring,
            url,
            identityUrl: identityOf(terminal, args),
          })
        : restoreBackup({ ...order, ring, data: String(data) }));
      bars.stop();
      tellOf(terminal, result, {
        data: onMongo ? new URL(String(url)).pathname.slice(1) : String(data),
        ring,
        onMongo,
      });
      return EXIT.ok;
    } finally {
      bars.stop();
      stop.forget();
    }
  },
};

function identityOf({ env }: Terminal, args: Arguments): string | null {
  return textOf(args, 'identityUrl') ?? env['HUISU_MONGO_IDENTITY'] ?? null;
}

function tellOf(
  terminal: Terminal,
  { proof, manifest }: RestoreResult,
  { data, ring, onMongo }: { readonly data: string; readonly ring: KeyRing | null; readonly onMongo: boolean },
): void {
  const { messages, tickets, entries, opened, auditRecords } = proof;
  const { createdAt, product } = manifest;
  const figures = { messages, tickets, entries, opened, auditRecords, withKeys: ring !== null };
  tell(terminal, { data, createdAt, product, ...figures }, onMongo ? 'backup.restored-mongo' : 'backup.restored');
}

/** The named file, else the ring of the settings where there is one; null where none is at hand. */
function keysFor({ env, configFile }: Terminal, args: Arguments): KeyRing | null {
  const named = textOf(args, 'keys');
  if (named !== undefined) return loadKeyRing({ file: named });
  const { config } = loadConfig({ file: configFile, env });
  const inEnvironment = (env[KEYS_VARIABLE] ?? '').trim() !== '';
  return inEnvironment || existsSync(config.keys.file) ? loadKeyRing({ file: config.keys.file, env }) : null;
}

function tell({ language, json, out }: Terminal, result: Row, words: string): void {
  if (!json) out(next(result, language, words));
  out(JSON.stringify(result));
}

function next({ data, createdAt, messages, tickets }: Row, language: Language, words: string): string {
  return say(language, words, {
    data: String(data),
    createdAt: time(Date.parse(String(createdAt))),
    messages: Number(messages),
    tickets: Number(tickets),
  });
}
