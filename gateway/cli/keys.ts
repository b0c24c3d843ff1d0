// huisu keys: which keys there are (never the keys themselves), and a new current one.
import { createHash } from 'node:crypto';
import { KEYS_VARIABLE, MAC_NAMES, rotate, SEALING_NAMES, type SealingName } from '../../store/key-ring.ts';
import { DeskError } from '../desk-error.ts';
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
    ],
    async *run({ ring }) {
      for (const name of SEALING_NAMES) {
        const keys = ring.sealing[name] ?? [];
        for (const [index, { id, created }] of keys.entries()) {
          yield { name, id, created, current: index === keys.length - 1, rotates: true };
        }
      }
      for (const name of MAC_NAMES) {
        const bytes = ring.macs[name];
        if (bytes === undefined) continue;
        // A name for a key that has none: a digest bound to this use, which tells nothing of the key.
        const id = createHash('sha256').update('key id').update(name).update(bytes).digest('hex').slice(0, 16);
        yield { name, id, created: null, current: true, rotates: false };
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
    run: async ({ loaded, store, live, now }, args, { by }) => {
      const name = String(args['name']) as SealingName;
      if (process.env[KEYS_VARIABLE]) throw new DeskError('keys.in_environment', { variable: KEYS_VARIABLE });
      const { file } = loaded.config.keys;
      const ring = rotate(file, name, new Date(now()));
      const made = ring.sealing[name]?.at(-1);
      await store.admin.audit({ by, action: 'keys.rotate', on: [name, made?.id ?? ''] }, now());
      return { name, id: made?.id ?? null, file, restart: live !== null };
    },
  },
];
