// huisu keys make: a new key ring in a new file, for an installation that does not run yet and whose processes are all to have it.
import { loadConfig } from '../../config/load.ts';
import { createDevelopmentKeys } from '../../store/key-ring.ts';
import { EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import type { LocalCommand } from './command.ts';
import { textOf } from './parts.ts';

export const makeKeysCommand: LocalCommand = {
  kind: 'local',
  name: 'keys make',
  summary: {
    zh: '在新文件里生成一套密钥，供尚未运行的一套系统的各进程共用',
    en: 'make a key ring in a new file, for all processes of an installation that does not run yet',
  },
  arguments: [{ form: '<file>', summary: { zh: '要写入的新文件', en: 'the new file' }, path: true }],
  async run(terminal, args) {
    const { configFile, env, language } = terminal;
    const { config } = loadConfig({ file: configFile, env });
    const file = textOf(args, 'file') ?? '';
    createDevelopmentKeys(file, config.keys.profile, { dataFolder: config.data });
    if (!terminal.json) terminal.out(say(language, 'keys.made', { file }));
    terminal.out(JSON.stringify({ file, profile: config.keys.profile }));
    return EXIT.ok;
  },
};
