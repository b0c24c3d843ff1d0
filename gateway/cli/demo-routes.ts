// Which message of the demo goes which way, and in which order: what only a webhook can tell goes by webhook.
import type { Way } from './demo-platforms.ts';
import type { DemoMessage } from './demo-samples.ts';

/** Messages that are put out together, one after the other. */
export interface Block {
  readonly way: Way;
  readonly messages: readonly DemoMessage[];
}

/** Ways of one round through the shipped set, with the messages of each. */
const ROUND: readonly { readonly way: Way; readonly count: number }[] = [
  { way: 'app', count: 8 },
  { way: 'mailbox', count: 6 },
  { way: 'app', count: 6 },
  { way: 'exchange', count: 6 },
];
/** Messages of a file that are put out together. */
const AT_ONCE: Readonly<Record<Way, number>> = { app: 1, mailbox: 100, exchange: 400 };

/** The shipped set in its order, since it tells of messages that follow from others; one sent twice goes the same way twice. */
export function routeInOrder(messages: readonly DemoMessage[]): readonly Block[] {
  const ways = new Map<string, Way>();
  const blocks: { way: Way; messages: DemoMessage[] }[] = [];
  let round = 0;
  let left = ROUND[0]?.count ?? 0;
  for (const message of messages) {
    while (left === 0) {
      round = (round + 1) % ROUND.length;
      left = ROUND[round]?.count ?? 0;
    }
    const planned = ROUND[round]?.way ?? 'app';
    const way = ways.get(message.id) ?? (isPlain(message) ? planned : 'app');
    ways.set(message.id, way);
    if (way === planned) left--;
    const open = blocks.at(-1);
    // One file or one batch of mails holds a message once.
    if (open?.way === way && !open.messages.some(({ id }) => id === message.id)) open.messages.push(message);
    else blocks.push({ way, messages: [message] });
  }
  return blocks;
}

/** Messages of a file, by all ways side by side. */
export function routeSideBySide(messages: readonly DemoMessage[]): Readonly<Record<Way, readonly Block[]>> {
  const seen = new Set<string>();
  const byWay: Record<Way, DemoMessage[]> = { app: [], mailbox: [], exchange: [] };
  for (const [at, message] of messages.entries()) {
    const turn: Way = (['app', 'mailbox', 'exchange'] as const)[at % 3] ?? 'app';
    byWay[isPlain(message) && !seen.has(message.id) ? turn : 'app'].push(message);
    seen.add(message.id);
  }
  const blocksOf = (way: Way): readonly Block[] => {
    const all = byWay[way];
    const starts = Array.from({ length: Math.ceil(all.length / AT_ONCE[way]) }, (_, at) => at * AT_ONCE[way]);
    return starts.map(from => ({ way, messages: all.slice(from, from + AT_ONCE[way]) }));
  };
  return { app: blocksOf('app'), mailbox: blocksOf('mailbox'), exchange: blocksOf('exchange') };
}

const PLAIN_DATA = new Set(['externalId', 'title', 'content', 'contact', 'occurredAt']);
const PLAIN_CONTACT = new Set(['name', 'phone']);
/** What XML and mail headers cannot hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])/;

/** Whether a mail or a row tells the same as the webhook would. */
function isPlain({ body }: DemoMessage): boolean {
  const { type, data } = body as { readonly type: string; readonly data: Readonly<Record<string, unknown>> };
  const contact = data['contact'] as Readonly<Record<string, unknown>> | undefined;
  const content = String(data['content'] ?? '');
  return (
    type === 'appeal.created' &&
    contact !== undefined &&
    Object.keys(data).every(key => PLAIN_DATA.has(key)) &&
    [...PLAIN_CONTACT].every(key => typeof contact[key] === 'string') &&
    Object.keys(contact).every(key => PLAIN_CONTACT.has(key)) &&
    /[\p{L}\p{N}]/u.test(content) &&
    !CONTROL.test(`${content}${String(data['title'] ?? '')}`)
  );
}
