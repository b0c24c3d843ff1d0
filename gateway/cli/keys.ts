// huisu keys: which keys there are (never the keys themselves), and a new current one.
import { createHash } from 'node:crypto';
import { unpackFields, wrappingId } from '../../store/field-cipher.ts';
import {
  checkPlace,
  KEYS_VARIABLE,
  MAC_NAMES,
  rotate,
  SEALING_NAMES,
  type SealingName,
  saveKeyRing,
} from '../../store/key-ring.ts';
import type { Store } from '../../store/store.ts';
import { DeskError } from '../desk/desk-error.ts';
import { say, sayBoth } from '../locale.ts';
import { retiredKeys, rewrapAll } from '../upkeep/rewrap.ts';
import { inTurn } from '../upkeep/turn.ts';
import type { Command } from './command.ts';

export const keyCommands: readonly Command[] = [
  {
    kind: 'list',
    name: 'keys list',
    summary: { zh: '列出密钥编号（不含密钥）', en: 'list ids of keys (never the keys)' },
    columns: [
      { key: 'name', title: { zh: '用途', en: 'name' } },
      { key: 'id', title: { zh: '编号', en: 'id' } },
      { key: 'created', title: { zh: '生成时间', en: 'created' } },
      { key: 'current', title: { zh: '当前', en: 'current' } },
      { key: 'retired', title: { zh: '已停用', en: 'retired' } },
      { key: 'wraps', title: { zh: '保护的数据密钥', en: 'data keys under it' } },
    ],
    options: [
      {
        flags: '--count',
        summary: { zh: '数出每个密钥还保护多少数据密钥（较慢）', en: 'count the data keys under each (takes a while)' },
      },
    ],
    async *run({ ring, store }, args) {
      const retired = await retiredKeys(store);
      const wraps = args['count'] === true ? await countWrapped(store) : null;
      for (const name of SEALING_NAMES) {
        const keys = ring.sealing[name] ?? [];
        for (const [index, { id, created }] of keys.entries()) {
          const current = index === keys.length - 1;
          const under = wraps === null ? null : (wraps.get(id) ?? 0);
          yield { name, id, created, current, rotates: true, retired: retired[id] ?? null, wraps: under };
        }
      }
      for (const name of MAC_NAMES) {
        const bytes = ring.macs[name];
        if (bytes === undefined) continue;
        // A name for a key that has none: a digest bound to this use, which tells nothing of the key.
        const id = createHash('sha256').update('key id').update(name).update(bytes).digest('hex').slice(0, 16);
        yield { name, id, created: null, current: true, rotates: false, retired: null, wraps: null };
      }
    },
  },
  {
    kind: 'one',
    name: 'keys rotate',
    summary: { zh: '生成新的当前密钥；旧密钥仍用于解密', en: 'make a new current key; older ones still open' },
    arguments: [
      { form: '<name>', summary: { zh: 'content、identity 或 settings', en: 'content, identity or settings' } },
    ],
    run: async ({ loaded, store, now, live, adoptRing }, args, { by }) => {
      const name = String(args['name']) as SealingName;
      if (process.env[KEYS_VARIABLE]) throw new DeskError('keys.in_environment', { variable: KEYS_VARIABLE });
      const { file } = loaded.config.keys;
      const ring = rotate(file, name, new Date(now()));
      const made = ring.sealing[name]?.at(-1);
      await store.admin.audit({ by, action: 'keys.rotate', on: [name, made?.id ?? ''] }, now());
      await adoptRing();
      return { name, id: made?.id ?? null, file, rewrapping: live !== null };
    },
    text: (result, language) =>
      say(language, result['rewrapping'] === true ? 'keys.rotated-live' : 'keys.rotated', {
        name: String(result['name']),
        id: String(result['id']),
        file: String(result['file']),
      }),
  },
  {
    kind: 'one',
    name: 'keys save',
    summary: {
      zh: '把正在使用的密钥写入新文件：交保管人，或密钥文件丢失时补救',
      en: 'write the keys at work to a new file: for a custodian, or where the key file was lost',
    },
    arguments: [
      {
        form: '<file>',
        summary: { zh: '新文件，须在数据目录之外', en: 'a new file, outside the data folder' },
        path: true,
      },
    ],
    run: async ({ loaded, store, ring, now }, args, { by }) => {
      const file = String(args['file']);
      checkPlace(file, loaded.config.data);
      await store.admin.audit({ by, action: 'keys.save', on: [file] }, now());
      saveKeyRing(file, ring);
      return { file };
    },
    text: (result, language) => say(language, 'keys.saved', { file: String(result['file']) }),
  },
  {
    kind: 'one',
    name: 'keys rewrap',
    summary: {
      zh: '把旧密钥保护的数据密钥改由当前密钥保护（运行中的网关会自行完成）',
      en: 'wrap data keys by the current keys (a running gateway does it by itself)',
    },
    run: async ({ store, cipher, now, live, ...context }, _args, { by, signal, progress }) => {
      const total = (await store.messages.counts()).total;
      const order = {
        by,
        settleMs: live === null ? 0 : SETTLE_MS,
        signal,
        progress: (done: number) => progress(sayBoth('keys.rewrapping'), { done, total: Math.max(total, done) }),
      };
      const parts = { store, cipher, now, ring: () => context.ring };
      return { ...(await inTurn(store, 'rewrap', () => rewrapAll(parts, order))) };
    },
  },
];

/** Whoever had read a row before it was wrapped anew has long written it by then. */
const SETTLE_MS = 5000;

/** Data keys by the id of the key that wraps them, channels' settings among them. */
async function countWrapped({ admin }: Store): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const add = (wrapped: Uint8Array | null | undefined) => {
    const id = wrapped == null ? null : wrappingId(wrapped);
    if (id !== null) counts.set(id, (counts.get(id) ?? 0) + 1);
  };
  for (let after = 0; ; ) {
    const rows = await admin.wrappedKeys(after, PAGE);
    for (const { content, identity } of rows) {
      add(content);
      add(identity);
    }
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.ordinal;
  }
  for (const { settings } of await admin.channels()) add(unpackFields(settings)['key']);
  return counts;
}

const PAGE = 2000;
