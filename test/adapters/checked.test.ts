// Adapters written as classes, with members of their own that nobody else can reach, work as others do once they are checked.
import assert from 'node:assert/strict';
import Joi from 'joi';
import { checkedAdapter } from '../../adapters/checked.ts';
import type {
  AdapterContext,
  AdapterDefinition,
  InboundAppeal,
  InboundMessage,
  OpenChannel,
  WebhookAnswer,
} from '../../adapters/contract.ts';

class ClassChannel implements OpenChannel {
  readonly #done: string[] = [];
  async webhook(): Promise<WebhookAnswer> {
    this.#done.push('webhook');
    return { status: 200 };
  }
  async poll(): Promise<void> {
    this.#done.push('poll');
  }
  notes(): readonly string[] {
    return this.#done;
  }
  async close(): Promise<void> {
    this.#done.push('close');
  }
}

/** What a clerk says is an appeal, read with a phone that is a number. */
const WRONG = {
  kind: 'appeal',
  content: '',
  contact: { phone: 1 as unknown as string },
  externalIds: {},
  attachments: [],
} as const;

class ClassAdapter implements AdapterDefinition<{ readonly host: string }> {
  readonly #place = 'box';
  readonly kind = 'class-box';
  readonly title = { zh: '类', en: 'Class box' };
  readonly settings = Joi.object<{ readonly host: string }, true>({ host: Joi.string().required() });
  readonly capabilities = {
    ...{ validates: false, weakIds: false, receives: ['webhook', 'poll'] as const },
    ...{ replies: false, attachments: false, conversations: false },
  };
  parse(): InboundMessage {
    return { kind: 'appeal', content: this.#place, contact: {}, externalIds: {}, attachments: [] };
  }
  readAsAppeal(): InboundAppeal {
    return { ...WRONG, content: this.#place };
  }
  sources({ host }: { readonly host: string }): readonly string[] {
    return [`${this.#place} at ${host}`];
  }
  async open(): Promise<OpenChannel> {
    return new ClassChannel();
  }
}

describe('an adapter that is checked', () => {
  it('may be an object of a class, and its channel too', async () => {
    const adapter = checkedAdapter(new ClassAdapter());
    const original = { platformId: '1', sender: null, body: new Uint8Array(), mediaType: '', meta: {} };
    const message = await adapter.parse(original, { host: 'a' });
    assert.equal(message.kind === 'appeal' && message.content, 'box');
    assert.deepEqual(adapter.sources?.({ host: 'a' }), ['box at a']);
    await assert.rejects(async () => adapter.readAsAppeal?.(original, { host: 'a' }), {
      code: 'readAsAppeal/contact/phone',
    });
    const channel = await adapter.open({} as AdapterContext<{ readonly host: string }>);
    await channel.webhook?.({} as never);
    await channel.poll?.(new AbortController().signal);
    await channel.close();
    assert.deepEqual(channel.notes?.(), ['webhook', 'poll', 'close']);
    assert.equal(channel.listen, undefined);
  });
});
