// An adapter in one file: "Line Box", a made-up platform that posts {id, from, text, at} with a shared token in a header.
import { type AdapterDefinition, type InboundMessage, type Original, Unauthentic, Unreadable } from 'huisu/adapter';
import { readJson } from 'huisu/kit/json';
import { sameText } from 'huisu/kit/signature';
import Joi from 'joi';

interface LineBoxSettings {
  readonly token: string;
}

const settings = Joi.object<LineBoxSettings, true>({
  token: Joi.string().min(16).required().label('共享令牌').meta({ secret: true }),
});

/** The four fields, or null. Also used before anything is accepted, so it must not throw and must stay cheap. */
function read(body: Uint8Array): { id: string; from: string; text: string; at: string } | null {
  try {
    const { id, from, text, at } = readJson(body) as Record<string, unknown>;
    if (typeof id !== 'string' || typeof from !== 'string' || typeof text !== 'string') return null;
    return { id, from, text, at: typeof at === 'string' ? at : '' };
  } catch {
    return null;
  }
}

function parse(original: Original): InboundMessage {
  const message = read(original.body);
  if (message === null) throw new Unreadable('line-box.not_a_message', 'the body has no id, from and text');
  if (message.text.trim() === '') return { kind: 'not-an-appeal', reason: 'empty' };
  return {
    kind: 'appeal',
    content: message.text,
    ...(message.at === '' ? {} : { sentAt: message.at }),
    contact: { openid: `line-box:${message.from}` },
    externalIds: { externalId: message.id },
    attachments: [],
  };
}

const adapter: AdapterDefinition<LineBoxSettings> = {
  kind: 'line-box',
  title: { zh: '留言盒(示例)', en: 'Line Box (example)' },
  settings,
  capabilities: {
    validates: false,
    // Nobody can mend what this platform sends: other words under a known id are a message of their own, not refused.
    weakIds: true,
    receives: ['webhook'],
    replies: false,
    attachments: false,
    conversations: false,
  },
  sample: { settings: { token: 'made-up-token-0001' } },
  parse,
  open: async context => ({
    webhook: async request => {
      if (!sameText(request.headers['x-line-token'] ?? '', context.settings.token)) {
        throw new Unauthentic('line-box.wrong_token', 'the token is not ours');
      }
      const body = await request.body(64 * 1024);
      const message = read(body);
      // The platform cannot mend a message, so what cannot be read is accepted too and shown to a person.
      const platformId =
        message?.id ?? `unread:${Buffer.from(await crypto.subtle.digest('SHA-256', body.slice())).toString('hex')}`;
      await context.accept([
        { platformId, sender: message?.from ?? null, body, mediaType: 'application/json', meta: {} },
      ]);
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true}' };
    },
    close: async () => undefined,
  }),
};

export default adapter;
