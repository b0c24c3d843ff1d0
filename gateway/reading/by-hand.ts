// A message that a clerk says is an appeal: what can be read of it, and what the clerk has written down of it.
import type { InboundAppeal, InboundMessage, NotAnAppeal, Original } from '../../adapters/contract.ts';

/** What a clerk may write down: all that an appeal says, but for what its platform alone can tell. */
export type Words = Partial<
  Omit<
    InboundAppeal,
    'kind' | 'externalIds' | 'attachments' | 'conversation' | 'illegible' | 'contentFormat' | 'sentAt'
  >
>;

/** How a message is read that a clerk makes a ticket. */
export interface ByHand {
  /** null where the clerk has written nothing down. */
  readonly words: Words | null;
  /** Its adapter is not asked: it has died on it, or is gone. */
  readonly unasked: boolean;
}

const NOTHING: InboundAppeal = { kind: 'appeal', content: '', contact: {}, externalIds: {}, attachments: [] };

/**
 * The appeals in the originals of a message, in order, the clerk's words in the first; or why it is none.
 * @param read how one original is read, the first as the appeal that the clerk says it is; rejects where nobody can
 */
export async function appealsByHand(
  { words, unasked }: ByHand,
  originals: readonly Original[],
  read: (original: Original, place: number) => Promise<InboundMessage>,
): Promise<readonly InboundAppeal[] | NotAnAppeal> {
  const appeals: InboundAppeal[] = [];
  let refused: NotAnAppeal | null = null;
  let whole = !unasked;
  for (const [place, original] of unasked ? [] : originals.entries()) {
    // Why it cannot be read was told when it was quarantined: what is left to know is that it still cannot.
    const inbound = await read(original, place).catch(() => null);
    if (inbound === null) whole = false;
    else if (inbound.kind === 'appeal') appeals.push(inbound);
    else refused ??= inbound;
  }
  if (appeals.length === 0 && refused !== null && words === null) return refused;
  const found = whole ? appeals : appeals.map(appeal => ({ ...appeal, attachments: [] }));
  const [first = NOTHING, ...rest] = found;
  return [withWords(whole || words !== null ? first : { ...first, illegible: 'unread' }, words), ...rest];
}

/** What the clerk says counts more than what was read. */
function withWords(appeal: InboundAppeal, words: Words | null): InboundAppeal {
  if (words === null) return appeal;
  const contact = { ...appeal.contact, ...words.contact };
  if (words.content === undefined) return { ...appeal, ...words, contact };
  // What a person has typed can be read, and is no HTML.
  const { illegible: _illegible, contentFormat: _format, ...rest } = appeal;
  return { ...rest, ...words, contact };
}
