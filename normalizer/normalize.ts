// Inbound message, rulebook and time of receipt into a ticket draft: the steps of reading, in order.
import { readType, typeOfUrgent } from './appeal-type.ts';
import { readCategory } from './category.ts';
import { suggestHandling } from './handling.ts';
import { ILLEGIBLE_PROBLEMS, type InboundAppeal, type InboundAttachment } from './inbound-message.ts';
import { parseMoment } from './moment.ts';
import { readLanguage } from './nonsense.ts';
import { findPersonal } from './personal.ts';
import { readPlace } from './place.ts';
import { findPlaceMentions } from './place-mentions.ts';
import { hitsOf, openReading, type Reading } from './reading.ts';
import { readRequester } from './requester.ts';
import type { Rulebook } from './rulebook.ts';
import { readSubject } from './subject.ts';
import { type CleanText, cleanText, cut } from './text.ts';
import type { Appeal, AskedField, Attachment, Place, TicketDraft } from './ticket.ts';
import { readAnonymous, readConfidential, readPublic, readTriage } from './triage.ts';
import { readUrgency } from './urgency.ts';

/** Longest title made out of the content. */
const MADE_TITLE = 40;
const LONGEST_ID = 200;
const MOST_IDS = 50;

/** The first sentence, where the sender gave no title. */
function makeTitle(content: string): string {
  const head = content.slice(0, MADE_TITLE * 3);
  const sentence = /^[^。！？!?；;\n]+/.exec(head)?.[0].trim() ?? '';
  const opening = sentence === '' ? head.trim() : sentence;
  return opening.length > MADE_TITLE ? `${cut(opening, MADE_TITLE - 1)}…` : opening;
}

/** Size of what a base64 text holds, without decoding it. */
function base64Size(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

function attachment(from: InboundAttachment): Attachment {
  const { source } = from;
  const name = cleanText(from.name, LONGEST_ID)
    .text.replaceAll(/[\n/\\]/g, ' ')
    .trim();
  const inlineSize = source.kind === 'inline' ? base64Size(source.base64) : null;
  return {
    name: name === '' ? '附件' : name,
    mediaType: from.mediaType ?? 'application/octet-stream',
    size: from.size ?? inlineSize,
    source: source.kind,
    sha256: source.kind === 'blob' ? source.sha256 : null,
    ref: source.kind === 'url' ? source.url : source.kind === 'platform' ? source.ref : null,
  };
}

/** Copies to a plain object without letting a key such as `__proto__` do anything. */
function externalIds(from: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(from)
    .filter(([key]) => key !== '')
    .slice(0, MOST_IDS);
  return Object.fromEntries(pairs.map(([key, value]) => [cut(key, LONGEST_ID), cut(value, LONGEST_ID)]));
}

function moment(written: string | undefined, problems: string[], problem: string): number | null {
  if (written === undefined || written.trim() === '') return null;
  const at = parseMoment(written);
  if (at === null) problems.push(problem);
  return at;
}

interface Span<Kind extends string> {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
}

/** Spans of a part of the text that was searched, with offsets into that part. */
function within<Kind extends string>(spans: readonly Span<Kind>[], from: number, to: number): Span<Kind>[] {
  return spans
    .filter(span => span.start >= from && span.start < to)
    .map(({ kind, start, end }) => ({ kind, start: start - from, end: Math.min(end, to) - from }));
}

/** Spans of the title, whether the sender gave it or it is the beginning of the content. */
function inTitle<Kind extends string>(spans: readonly Span<Kind>[], reading: Reading, title: string): Span<Kind>[] {
  if (reading.contentAt > 0) return within(spans, 0, reading.contentAt - 1);
  return within(spans, 0, title.endsWith('…') ? title.length - 1 : title.length);
}

/** What a clerk should look at, since reading was less sure of it than the rules ask for. */
function asksOf(appeal: Pick<Appeal, 'type' | 'category' | 'urgency'>, place: Place, rulebook: Rulebook): AskedField[] {
  const { types, categories, urgency, places } = rulebook.rules;
  const found = place.confidence ?? 0;
  const asked: readonly (readonly [AskedField, boolean])[] = [
    ['type', appeal.type.confidence < types.ask],
    ['category', appeal.category === null || appeal.category.confidence < categories.ask],
    ['urgency', appeal.urgency.confidence < urgency.ask],
    ['place', found > 0 && found < places.ask],
  ];
  return asked.filter(([, unsure]) => unsure).map(([field]) => field);
}

interface Texts {
  readonly title: string;
  readonly content: CleanText;
  readonly reading: Reading;
  readonly problems: string[];
}

function readTexts(inbound: InboundAppeal, rulebook: Rulebook): Texts {
  const { contentLength, titleLength } = rulebook.rules.text;
  const content = cleanText(inbound.content, contentLength, inbound.contentFormat);
  const title = cleanText(inbound.title ?? '', titleLength);
  const line = title.text.replaceAll('\n', ' ');
  const scripts = content.scripts.map((count, script) => count + title.scripts[script]!);
  const problems = [...new Set([...content.problems, ...title.problems])];
  if (inbound.illegible !== undefined) problems.push(ILLEGIBLE_PROBLEMS[inbound.illegible]);
  else if (content.text === '') problems.push('text.empty');
  return { title: line, content, reading: openReading(line, content.text, scripts, rulebook), problems };
}

/**
 * 来件 into 工单草稿. Pure: the same message, rules and time give the same draft. Never throws on what a citizen wrote;
 * what could not be read is listed in `appeal.problems`.
 * @param receivedAt Milliseconds since the epoch, the moment of acceptance.
 */
export function normalize(inbound: InboundAppeal, rulebook: Rulebook, receivedAt: number): TicketDraft {
  const { title: givenTitle, content, reading, problems } = readTexts(inbound, rulebook);
  const title = givenTitle === '' ? makeTitle(content.text) : givenTitle;
  const requester = readRequester(inbound.contact, rulebook);
  const personal = findPersonal(reading.text, hitsOf(reading, 'name'), requester.requester.name, rulebook);
  const typeRead = readType(reading, inbound.type);
  const category = readCategory(reading, inbound.category);
  // What a message only seems to ask or to praise takes no urgency from it.
  const said = typeRead.by === 'model' ? rulebook.rules.types.fallback : typeRead.value;
  const urgency = readUrgency(reading, inbound.urgency, said);
  const type = urgency.value === '紧急' ? typeOfUrgent(typeRead, rulebook) : typeRead;
  const { place, problems: placeProblems } = readPlace(reading, inbound.place);
  const mentions = findPlaceMentions(reading.text, hitsOf(reading, 'place'), hitsOf(reading, 'ending'), rulebook);
  const language = readLanguage(reading);
  const anonymous = readAnonymous(reading, inbound.anonymous);
  const confidential = readConfidential(reading, type, inbound.confidential, anonymous);
  const subject = readSubject(reading, inbound.subject);
  const handling = suggestHandling(
    {
      ...{ type: type.value, secret: type.value === '举报' || confidential.value, category: category?.value ?? null },
      ...{ place, urgency: urgency.value, text: reading.text, subject, receivedAt },
    },
    rulebook,
  );
  problems.push(...requester.problems, ...placeProblems, ...handling.problems);
  const occurredAt = moment(inbound.occurredAt, problems, 'time.occurred-unreadable');
  const sentAt = moment(inbound.sentAt, problems, 'time.sent-unreadable');
  const most = rulebook.rules.text.attachments;
  if (inbound.attachments.length > most) problems.push('attachments.too-many');
  return {
    appeal: {
      type,
      category,
      urgency,
      title,
      content: content.text,
      subject,
      attachments: inbound.attachments.slice(0, most).map(attachment),
      language,
      personal: within(personal, reading.contentAt, reading.text.length),
      titlePersonal: inTitle(personal, reading, title),
      places: within(mentions, reading.contentAt, reading.text.length),
      titlePlaces: inTitle(mentions, reading, title),
      asks: asksOf({ type, category, urgency }, place, rulebook),
      problems,
    },
    place,
    requester: requester.requester,
    anonymous,
    confidential,
    public: readPublic(inbound.public, confidential),
    triage: readTriage(reading, place, language, {
      urgent: urgency.value === '紧急',
      illegible: inbound.illegible !== undefined,
    }),
    handling: handling.handling,
    externalIds: externalIds(inbound.externalIds),
    occurredAt,
    occurredText: (inbound.occurredAt ?? '') === '' ? null : cut(inbound.occurredAt ?? '', LONGEST_ID),
    sentAt,
  };
}
