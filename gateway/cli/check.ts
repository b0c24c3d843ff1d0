// huisu check: are the settings in order, with file, path and reason; nothing is made or changed.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadRegistry } from '../../adapters/registry.ts';
import { readCertificate } from '../../config/certificate.ts';
import { loadConfig } from '../../config/load.ts';
import { loadIncidents } from '../../config/load-incidents.ts';
import { loadRepeats } from '../../config/load-repeats.ts';
import { loadRules } from '../../config/load-rules.ts';
import { loadKeyRing } from '../../store/key-ring.ts';
import { checkChannels } from '../channels/file-channels.ts';
import { sameSources } from '../channels/same-source.ts';
import { isUsed } from '../data-folder.ts';
import { EXIT } from '../desk/desk-error.ts';
import { say } from '../locale.ts';
import { calendarGap } from '../settings/calendar-gap.ts';
import type { LocalCommand } from './command.ts';

export const checkCommand: LocalCommand = {
  kind: 'local',
  name: 'check',
  summary: { zh: '检查配置：文件、位置、原因', en: 'check the settings: file, place, reason' },
  async run({ configFile, env, out, json, language }) {
    const loaded = loadConfig({ file: configFile, env });
    const { config, file } = loaded;
    readCertificate(loaded);
    loadRules({ rulesFolder: config.rules, regionFile: config.region });
    loadRepeats(config.rules, config.data);
    loadIncidents(config.rules);
    const registry = await loadRegistry(config.adapters, dirname(file));
    const channels = await checkChannels(loaded, registry);
    // A start makes keys for a new data folder only; with this one it would end here.
    const { data: dataFolder, keys: ring } = config;
    if (isUsed(dataFolder) && !existsSync(ring.file)) loadKeyRing({ file: ring.file, env, dataFolder });
    const gap = calendarGap(config, Date.now());
    const notes = [
      ...(existsSync(config.data) ? [] : [say(language, 'check.folder-missing', { data: config.data })]),
      ...(existsSync(config.keys.file) || env['HUISU_KEYS']
        ? []
        : [say(language, 'check.keys-missing', { file: config.keys.file })]),
      ...(gap === null ? [] : [say(language, 'check.calendar-unknown', { year: gap.year })]),
      ...sameSources(channels).map(pair => say(language, 'check.same-source', pair)),
      ...(config.caseSystem === null ? [say(language, 'start.no-case-system')] : []),
    ];
    if (!json) {
      out(say(language, 'check.fine', { file }));
      out(say(language, 'check.channels', { count: config.channels.length }));
      for (const note of notes) out(note);
    }
    const { data, keys, listen } = config;
    out(
      JSON.stringify({
        ok: true,
        file,
        data,
        keys: keys.file,
        listen: `${listen.host}:${listen.port}`,
        channels: config.channels.map(({ id }) => id),
        notes,
      }),
    );
    return EXIT.ok;
  },
};
