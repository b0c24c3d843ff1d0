// The words by which a link can be explained: those both appeals share, found again in the text of the linked one.
import { gramsOf, gramTexts } from '../../normalizer/grams.ts';
import { gramsBehind } from '../../normalizer/terms.ts';
import type { Appeal, Link } from '../../normalizer/ticket.ts';
import type { FieldCipher } from '../../store/field-cipher.ts';
import { termMix } from '../reading/facts-of.ts';

/**
 * A link keeps the keyed terms only: they are turned into words when somebody asks, not for every message.
 * @param appeal of the message that was linked
 * @param requesterName is left out of the words
 */
export function linkWords(
  cipher: FieldCipher,
  link: Link,
  appeal: Pick<Appeal, 'title' | 'content' | 'personal'>,
  requesterName: string | null,
): readonly string[] {
  if (link.terms === undefined || link.words.length > 0) return link.words;
  const text = `${appeal.title}\n${appeal.content}`;
  const options = { contentStart: appeal.title.length + 1 };
  const grams = gramsOf(text, appeal.personal, requesterName, options);
  return gramTexts(text, appeal.personal, requesterName, gramsBehind(grams, termMix(cipher), link.terms), options);
}
