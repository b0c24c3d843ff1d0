// How urgent (article 16): an emergency that is happening, told from one that is denied, past, feared, figurative or asked about.
import type { Hit } from './lexicon.ts';
import { around, confidence, hitsOf, isSaidFirst, quoted, type Reading, wordOf } from './reading.ts';
import type { UrgencyRule } from './rule-data.ts';
import type { Context, Meaning } from './rulebook.ts';
import { cut } from './text.ts';
import type { Decided, TicketType, Urgency } from './ticket.ts';

interface Judged {
  readonly hit: Hit<Meaning>;
  readonly label: string;
  readonly confidence: number;
}

/** How far before a word a negation reaches; one of a single character (`不`) only touches what follows it. */
const NEGATION_REACH = 6;
const SHORT_NEGATION_REACH = 1;
/** A date of day and month, or a year: a story is being told. */
const DATED = /\d{1,2}月\d{1,2}[日号]|(?:19|20)\d{2}年/;

interface Surroundings {
  readonly clause: ReadonlySet<Context>;
  readonly sentence: ReadonlySet<Context>;
  /** Contexts that stand near, whatever stands between. */
  readonly near: ReadonlySet<Context>;
  readonly negated: boolean;
  /** Whether a date stands in the clause, and in the sentence. */
  readonly dated: { readonly clause: boolean; readonly sentence: boolean };
}

/** 没有人管燃气泄漏 denies that somebody mends it. */
const MENDED = /管(?!道|线|网)|[修理救堵治]|解决|处置/;

function isNegated(text: string, start: number, end: number, hit: Hit<Meaning>): boolean {
  if (MENDED.test(text.slice(end, hit.tail))) return false;
  // 燃气没有泄漏: between two words it has to stand at the second, since 燃气没人管漏了 denies nothing.
  if (start >= hit.start) return end <= hit.tail && hit.tail - end < end - start;
  const reach = end - start > 1 ? NEGATION_REACH : SHORT_NEGATION_REACH;
  return end <= hit.start && hit.start - end <= reach;
}

function surroundings(reading: Reading, hit: Hit<Meaning>, contexts: readonly Hit<Meaning>[]): Surroundings {
  const { near: reach } = reading.rulebook.rules.urgency;
  const clause = around(reading.text, hit, 'clause', 40);
  const sentence = around(reading.text, hit, 'sentence', 80);
  const found = { clause: new Set<Context>(), sentence: new Set<Context>(), near: new Set<Context>() };
  let negated = false;
  for (const { item, start, end } of contexts) {
    if (item.of !== 'context' || (!hit.gap && start >= hit.start && end <= hit.end)) continue;
    if (start - hit.end > 80) break;
    if (end > hit.start - reach && start < hit.end + reach) found.near.add(item.context);
    if (end <= sentence.start || start >= sentence.end) continue;
    found.sentence.add(item.context);
    if (end <= clause.start || start >= clause.end) continue;
    found.clause.add(item.context);
    if (item.context === 'negation') negated ||= isNegated(reading.text, start, end, hit);
  }
  const isDated = ({ start, end }: { readonly start: number; readonly end: number }): boolean =>
    DATED.test(reading.text.slice(start, end));
  return { ...found, negated, dated: { clause: isDated(clause), sentence: isDated(sentence) } };
}

/** True when what surrounds a word takes the urgency away: denied, past, as if, feared, usual, asked about. */
function isTakenBack(around: Surroundings, rule: UrgencyRule, needsNow: boolean, type: TicketType): boolean {
  const { clause, sentence, near } = around;
  const now = near.has('now');
  if (around.negated || clause.has('figurative') || (type === '表扬' && rule.anywhere !== true)) return true;
  // 去年他走了，我不想活了: of what is urgent wherever it is said, only what stands beside it tells when.
  const told = rule.anywhere === true ? clause : sentence;
  const dated = rule.anywhere === true ? around.dated.clause : around.dated.sentence;
  if (clause.has('past') || dated || told.has('past')) return !now || clause.has('past');
  if (clause.has('supposed')) {
    // Whoever says on what it depends whether they live is in danger now.
    const feared = near.has('danger') || rule.anywhere === true;
    return needsNow || rule.evenIfFeared !== true || !feared;
  }
  if (told.has('habitual')) return needsNow || !clause.has('now');
  if (clause.has('question')) return !clause.has('now');
  return (type === '咨询' || type === '建议') && !now;
}

/** What a message speaks of that is not happening now. */
const ELSEWHEN: readonly Context[] = ['past', 'supposed', 'habitual', 'question', 'figurative'];

/** True for a short message that tells what is, not what was, might be, always is or is asked about. */
function isPlain(reading: Reading, contexts: readonly Hit<Meaning>[], type: TicketType): boolean {
  if (reading.text.length > reading.rulebook.rules.urgency.plain) return false;
  if (type === '咨询' || type === '建议' || type === '表扬') return false;
  return !contexts.some(({ item }) => item.of === 'context' && ELSEWHEN.includes(item.context));
}

/** True when the title already says that it happens again and again. */
function isOldStory(reading: Reading, contexts: readonly Hit<Meaning>[]): boolean {
  return contexts.some(
    ({ item, end }) => end < reading.contentAt && item.of === 'context' && item.context === 'habitual',
  );
}

/** The emergency a hit stands for, or null when its surroundings take the urgency away. */
function judge(
  reading: Reading,
  hit: Hit<Meaning>,
  contexts: readonly Hit<Meaning>[],
  type: TicketType,
): Judged | null {
  if (hit.item.of !== 'emergency') return null;
  const rule = reading.rulebook.rules.urgency.emergencies[hit.item.rule]!;
  if (rule.anywhere !== true && !isSaidFirst(reading, hit, reading.rulebook.rules.urgency)) return null;
  const found = surroundings(reading, hit, contexts);
  if (isTakenBack(found, rule, hit.item.needsNow, type)) return null;
  if (hit.item.needsNow && isOldStory(reading, contexts)) return null;
  const plain = rule.shortIsNow === true && isPlain(reading, contexts, type);
  const now = plain || found.near.has('now');
  if (hit.item.needsNow && !now && !(rule.endangers === true && found.near.has('danger'))) return null;
  return { hit, label: rule.label, confidence: hit.item.needsNow ? 0.75 : now ? 0.95 : 0.85 };
}

/** How sure it is that nothing is urgent, with what speaks against it: signs of danger in a short message, alarming words
 *  that were taken back. */
function doubt(reading: Reading, contexts: readonly Hit<Meaning>[], type: TicketType) {
  const signals = quoted(reading, hitsOf(reading, 'signal'));
  if (signals.length >= reading.rulebook.rules.urgency.leastSignals && isPlain(reading, contexts, type)) {
    return { words: signals, confidence: 0.5 };
  }
  const alarming = hitsOf(reading, 'urgency').filter(
    hit => hit.item.of === 'emergency' && isSaidFirst(reading, hit, reading.rulebook.rules.urgency),
  );
  return { words: quoted(reading, alarming), confidence: alarming.length > 0 ? 0.65 : 0.8 };
}

/** The urgency, with the words that decided. @param type Questions, proposals and praise need more than an alarming word. */
export function readUrgency(reading: Reading, label: string | undefined, type: TicketType): Decided<Urgency> {
  const { urgency } = reading.rulebook.rules;
  const own = label?.trim() ?? '';
  const raw = own === '' ? {} : { raw: cut(own, 60) };
  const sent = own !== '' && Object.hasOwn(urgency.labels, own) ? urgency.labels[own]! : null;
  const contexts = hitsOf(reading, 'context');
  let best: Judged | null = null;
  if (sent !== '紧急') {
    for (const hit of hitsOf(reading, 'urgency')) {
      const judged = judge(reading, hit, contexts, type);
      if (judged !== null && judged.confidence > (best?.confidence ?? 0)) best = judged;
    }
  }
  if (best !== null) {
    const words = [...new Set([wordOf(reading, best.hit), best.label])];
    return { value: '紧急', by: 'rule', words, confidence: best.confidence, ...raw };
  }
  if (sent !== null) return { value: sent, by: 'sender', words: [own], confidence: 0.95 };
  const complex = contexts.filter(({ item }) => item.of === 'context' && item.context === 'complex');
  const words = quoted(reading, complex);
  if (words.length > 1)
    return { value: '复杂', by: 'rule', words, confidence: confidence(0.5 + 0.05 * words.length), ...raw };
  return { value: '一般', by: 'rule', ...doubt(reading, contexts, type), ...raw };
}
