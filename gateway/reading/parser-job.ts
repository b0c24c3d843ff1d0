// A batch of messages as it goes to a parser thread, and what comes back of it: bytes in one piece, whatever their number.
import type { ByHand } from './by-hand.ts';
import type { ParserAnswer, ParserChannel, ParserItem, ParserJob, Reading } from './protocol.ts';

/** One message to read: its encoded originals, unsealed. */
export interface ReadItem {
  readonly channel: string;
  readonly receivedAt: number;
  readonly gathered: boolean;
  /** A clerk says that the first original is an appeal, whatever its adapter takes it for. Default false. */
  readonly asAppeal?: boolean;
  /** A clerk makes it a ticket, whatever can be read of it. Default null: it has to be readable. */
  readonly byHand?: ByHand | null;
  readonly originals: readonly Uint8Array[];
}

export type ItemResult =
  | {
      readonly reading: Reading;
      readonly draft: Uint8Array | null;
      readonly hashes: Uint32Array;
      readonly counts: Uint8Array;
    }
  /** The parser died on it. */
  | { readonly died: Death };

export type Death = 'timeout' | 'memory' | 'crash';

export function pack(
  id: number,
  channels: Readonly<Record<string, ParserChannel>>,
  items: readonly ReadItem[],
): ParserJob {
  const size = items.reduce((sum, item) => sum + item.originals.reduce((of, one) => of + one.length, 0), 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  const packed = items.map((item): ParserItem => {
    const { channel, receivedAt, gathered, asAppeal = false, byHand = null, originals } = item;
    const spans = originals.map((original): readonly [number, number] => {
      bytes.set(original, at);
      at += original.length;
      return [at - original.length, at];
    });
    return { channel, receivedAt, gathered, asAppeal, byHand, spans };
  });
  return { id, channels, items: packed, bytes: bytes.buffer };
}

const NO_GRAMS = { hashes: new Uint32Array(0), counts: new Uint8Array(0) };

export function unpack(answer: ParserAnswer): ItemResult[] {
  let drafts = 0;
  let draftAt = 0;
  let gramAt = 0;
  return (JSON.parse(answer.readings) as Reading[]).map(reading => {
    if (reading.kind !== 'draft') return { reading, draft: null, ...NO_GRAMS };
    const gramEnd = gramAt + reading.head.grams;
    const draftEnd = answer.draftEnds[drafts++] as number;
    const result = {
      reading,
      draft: answer.drafts.subarray(draftAt, draftEnd),
      hashes: answer.hashes.subarray(gramAt, gramEnd),
      counts: answer.counts.subarray(gramAt, gramEnd),
    };
    gramAt = gramEnd;
    draftAt = draftEnd;
    return result;
  });
}
