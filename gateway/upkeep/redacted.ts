// What of a ticket or a follow-up may stay once nobody is to know who appealed: the matter, without what tells or leads to a person.
import type { Appeal, Attachment, Link, Requester } from '../../normalizer/ticket.ts';
import type { BornContent, KeptDecision, ReadContent } from '../../store/ticket-seal.ts';
import { fileLabel, plainMediaType, withoutHome } from '../dispatch/entry-body.ts';
import { createMasks, eachText, type Masks } from '../dispatch/mask.ts';

/** A ticket's content. */
export function redactedTicket(ticket: BornContent, requester: Requester): BornContent {
  const masks = createMasks(ticket.appeal, true, requester);
  return { ...redacted(ticket, masks, requester), links: redactedLinks(ticket.links, masks) };
}

/** What is kept of a decision; of a message that became no ticket the words that were read. */
export function redactedDecision(kept: KeptDecision, requester: Requester): KeptDecision {
  const { draft } = kept;
  if (draft === null) return { ...kept, links: kept.links.map(link => ({ ...link, words: [] })) };
  const masks = createMasks(draft.appeal, true, requester);
  return { ...kept, links: redactedLinks(kept.links, masks), draft: redacted(draft, masks, requester) };
}

/**
 * Names, numbers and addresses are taken out, wherever it was found that they stand. What a file was called and where it lay goes whole, and so
 * does the number by which the sender knows whose appeal it was.
 */
function redacted<T extends ReadContent>(content: T, masks: Masks, requester: Requester): T {
  const { source, appeal, triage, confidential } = content;
  return {
    ...content,
    source: { ...source, externalIds: {}, occurredText: null },
    appeal: redactedAppeal(appeal, masks),
    place: withoutHome(content, masks, requester),
    triage: { ...triage, words: eachText(triage.words, masks.text) },
    confidential: { ...confidential, words: eachText(confidential.words, masks.text) },
  };
}

function redactedAppeal(appeal: Appeal, masks: Masks): Appeal {
  const { type, category, urgency, places, titlePersonal, titlePlaces } = appeal;
  return {
    ...appeal,
    type: eachText(type, masks.text),
    category: eachText(category, masks.text),
    urgency: eachText(urgency, masks.text),
    title: masks.title(appeal.title),
    content: masks.content(appeal.content),
    subject: appeal.subject === null ? null : masks.text(appeal.subject),
    attachments: appeal.attachments.map(redactedFile),
    // Offsets into a text that is another one now.
    personal: [],
    ...(titlePersonal === undefined ? {} : { titlePersonal: [] }),
    ...(places === undefined ? {} : { places: [] }),
    ...(titlePlaces === undefined ? {} : { titlePlaces: [] }),
  };
}

/** People name files after themselves, an address may hold a number or a token, and by its hash a file is known again. */
function redactedFile(file: Attachment, index: number): Attachment {
  const { name, mediaType } = file;
  return { ...file, name: fileLabel(name, index), mediaType: plainMediaType(mediaType), sha256: null, ref: null };
}

/** A link says how alike two appeals are and by which words; those are words of the text. */
function redactedLinks(links: readonly Link[], masks: Masks): readonly Link[] {
  return links.map(link => ({ ...link, words: eachText(link.words, masks.text) }));
}
