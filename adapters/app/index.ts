// Mobile client, partner platforms and the city's own site: signed JSON webhooks by Standard Webhooks 1.0.
import type { AdapterDefinition } from '../contract.ts';
import { parse, readAsAppeal } from './parse.ts';
import { type AppSettings, settings } from './settings.ts';

export const adapter: AdapterDefinition<AppSettings> = {
  kind: 'app',
  title: { zh: '手机客户端与合作平台', en: 'Mobile client and partner platforms' },
  settings,
  capabilities: {
    validates: true,
    weakIds: false,
    receives: ['webhook'],
    replies: false,
    attachments: true,
    conversations: true,
  },
  parse,
  readAsAppeal,
  // Loaded with the first channel: the reading threads only parse, and the compiled check takes a while to make.
  open: async context => {
    const { openWebhook } = await import('./webhook.ts');
    return { webhook: openWebhook(context), close: async () => undefined };
  },
  published: async () => (await import('./openapi.ts')).published(),
  sample: {
    settings: {
      secrets: ['whsec_bWFkZS11cC1zZWNyZXQtb2YtdGhlLXNhbXBsZS0wMDE='],
      ratePerSecond: 100,
      burst: 400,
      quietSeconds: 30,
      allowUrlAttachments: true,
      attachmentHosts: [],
      sources: [],
    },
  },
};
