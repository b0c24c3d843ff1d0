// A message that a clerk makes a ticket, compared with earlier tickets like any other: by the decider, or where none runs by itself.
import type { EmbeddingSettings } from '../../config/embedding.ts';
import type { RepeatRules } from '../../config/load-repeats.ts';
import { gramsOfPhrases } from '../../normalizer/grams.ts';
import { topicModel } from '../../normalizer/topics.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { isLate } from '../../store/postings.ts';
import type { Store } from '../../store/store.ts';
import { createEmbedder, draftText, type Embedder } from './embedding.ts';
import { createJudge, type Judge, type Judged, type JudgeItem } from './judge.ts';

export interface ToCompare extends JudgeItem {
  /** JSON of the draft, UTF-8: what it means is asked of its text. */
  readonly draft: Uint8Array;
}

/** Whoever holds the candidate index. */
export interface Comparing {
  /** Nothing is entered by it. Rejects with `DeskError` where nobody can tell at the moment. */
  compare(item: ToCompare): Promise<Judged>;
  /** A ticket that a clerk's decision made: from now on others are compared with it. */
  adopt(number: string): Promise<void>;
}

export interface JudgeSources {
  readonly store: Pick<Store, 'candidates' | 'messages'>;
  readonly cipher: Pick<FieldCipher, 'mac'>;
  readonly repeats: RepeatRules;
  readonly embedding: EmbeddingSettings | null;
}

/** The judge by the rules of the settings. */
export function judgeBy({ store, cipher, repeats, embedding }: JudgeSources): Judge {
  return createJudge({
    candidates: store.candidates,
    cipher,
    policy: { ...repeats.policy, meaning: embedding },
    common: gramsOfPhrases(repeats.common),
    topics: topicModel(repeats.topics),
  });
}

export async function compareBy(
  judge: Judge,
  embedder: Embedder | null,
  { draft, ...item }: ToCompare,
): Promise<Judged> {
  const [meaning = null] = embedder === null ? [] : await embedder.meanings([draftText(draft, item.head.requester)]);
  return judge.compare(meaning === null ? item : { ...item, meaning });
}

/** Enters a ticket; where it is so old that the next opening of the index would not look for it, the next `tidy` writes it. */
export async function adoptBy(judge: Judge, store: JudgeSources['store'], number: string): Promise<void> {
  const message = await store.messages.get(number);
  if (message !== null) await judge.adopt(message.ordinal);
}

/**
 * Where no decider runs in this process: the index is opened for each act.
 * @param sources looked up when it is used, since rules may have been replaced
 */
export function comparingAlone(sources: () => JudgeSources): Comparing {
  async function opened(): Promise<Judge> {
    const judge = judgeBy(sources());
    await judge.open();
    return judge;
  }
  return {
    async compare(item) {
      const { embedding } = sources();
      // Nobody is there to be told: without an answer the words alone are compared.
      const embedder = embedding === null ? null : createEmbedder({ settings: embedding, report: () => undefined });
      return compareBy(await opened(), embedder, item);
    },
    async adopt(number) {
      const { store } = sources();
      const message = await store.messages.get(number);
      // The next opening looks for it by itself.
      if (message === null || !isLate(message.ordinal, await store.candidates.segments())) return;
      const judge = await opened();
      await judge.adopt(message.ordinal);
      judge.tidy();
      await judge.settled();
    },
  };
}
