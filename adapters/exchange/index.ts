// Platforms without an interface: files they export are picked up from a folder, row by row.
import type { AdapterDefinition } from '../contract.ts';
import { parse, readAsAppeal } from './parse.ts';
import { type ExchangeSettings, settings } from './settings.ts';

export const adapter: AdapterDefinition<ExchangeSettings> = {
  kind: 'exchange',
  title: { zh: '文件交换(没有接口的平台)', en: 'File exchange (platforms without an interface)' },
  settings,
  capabilities: {
    validates: false,
    weakIds: false,
    receives: ['poll', 'listen'],
    replies: false,
    attachments: true,
    conversations: false,
  },
  parse,
  readAsAppeal,
  // The readers of CSV and workbooks are loaded where files are split, not in every thread that only parses rows.
  split: async function* (container, settings) {
    const { split } = await import('./split.ts');
    yield* split(container, settings);
  },
  open: async context => (await import('./client.ts')).openClient(context),
  sample: {
    settings: {
      folder: '/srv/huisu/exchange/letters',
      columns: { externalId: ['信件编号'], content: ['信件内容'] },
      values: { type: { '1': '投诉', '2': '建议' } },
      ignoreColumns: ['办理状态'],
      sheet: '',
      encoding: 'auto',
      delimiter: 'auto',
      stableSeconds: 5,
      done: 'seal',
      doneDays: 30,
      waitSeconds: 10,
      giveUpHours: 24,
      maxFileMegabytes: 50,
      maxInflatedMegabytes: 200,
      maxRows: 200_000,
    },
  },
};
