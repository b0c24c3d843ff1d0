// How urgent (article 16): an emergency that is happening, told from one that is denied, past, feared, figurative or asked about.
import type { Family, Hit } from './lexicon.ts';
import { around, confidence, hitsOf, isSaidFirst, quoted, type Reading, wordOf } from './reading.ts';
import type { UrgencyRule } from './rule-data.ts';
import type { Context, Meaning } from './rulebook.ts';
import { cut } from './text.ts';
import type { Decided, TicketType, Urgency } from './ticket.ts';

interface Judged {
  readonly hit: Hit<Meaning>;
  /** It is one only where something says that it is happening. */
  readonly needsNow: boolean;
  /** In the title, or a threat to life. */
  readonly isPlainlySaid: boolean;
  readonly label: string;
  readonly confidence: number;
}

/** How sure it is where rules and model do not agree, or neither is sure: less than the shipped rules ask for. */
const UNSURE = 0.5;
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
  const { needsNow } = hit.item;
  const isPlainlySaid = !needsNow && (rule.anywhere === true || hit.end <= reading.contentAt);
  return { hit, needsNow, isPlainlySaid, label: rule.label, confidence: needsNow ? 0.75 : now ? 0.95 : 0.85 };
}

/** How sure it is that nothing is urgent, with what speaks against it: signs of danger in a short message, alarming words
 *  that were taken back. */
function doubt(reading: Reading, contexts: readonly Hit<Meaning>[], type: TicketType) {
  const signals = quoted(reading, hitsOf(reading, 'signal'));
  if (signals.length >= reading.rulebook.rules.urgency.leastSignals && isPlain(reading, contexts, type)) {
    return { words: signals, confidence: UNSURE };
  }
  const alarming = hitsOf(reading, 'urgency').filter(
    hit => hit.item.of === 'emergency' && isSaidFirst(reading, hit, reading.rulebook.rules.urgency),
  );
  return { words: quoted(reading, alarming), confidence: alarming.length > 0 ? 0.65 : 0.8 };
}

/** By which the model knows of types that need more than an alarming word. */
const TYPE_SIGNS: Readonly<Partial<Record<TicketType, string>>> = { 咨询: 'asks', 建议: 'proposes', 表扬: 'praises' };

/** What the rules find in a message: the emergency, if any, and all that the trained model weighs, by its keys. */
interface Found {
  readonly best: Judged | null;
  readonly contexts: readonly Hit<Meaning>[];
  readonly signs: ReadonlyMap<string, number>;
}

/** True where a word of what the rules take for no emergency is negated, or tells of a threat to life. */
function isDenied(reading: Reading, contexts: readonly Hit<Meaning>[]): boolean {
  const { emergencies } = reading.rulebook.rules.urgency;
  return hitsOf(reading, 'urgency').some(
    hit =>
      hit.item.of === 'emergency' &&
      (emergencies[hit.item.rule]?.anywhere === true || surroundings(reading, hit, contexts).negated),
  );
}

function findUrgency(reading: Reading, type: TicketType): Found {
  const contexts = hitsOf(reading, 'context');
  let best: Judged | null = null;
  for (const hit of hitsOf(reading, 'urgency')) {
    const judged = judge(reading, hit, contexts, type);
    if (judged !== null && judged.confidence > (best?.confidence ?? 0)) best = judged;
  }
  const end = modelText(reading).length;
  const early = (family: Family) => hitsOf(reading, family).filter(({ start }) => start < end);
  const signs = new Map<string, number>();
  if (best !== null) signs.set(best.needsNow ? 'found-now' : 'found', 1);
  signs.set('alarming', early('urgency').filter(({ item }) => item.of === 'emergency').length);
  signs.set('signals', quoted(reading, early('signal')).length);
  for (const { item } of early('context')) if (item.of === 'context') signs.set(item.context, 1);
  const typed = TYPE_SIGNS[type];
  if (typed !== undefined) signs.set(typed, 1);
  return { best, contexts, signs };
}

/** What the trained model reads: where an emergency is told if it is what the message is about. */
export function modelText(reading: Reading): string {
  return reading.text.slice(0, reading.contentAt + reading.rulebook.rules.urgency.short);
}

/** What the rules find in a message, by the keys of the trained model. */
export function urgencySigns(reading: Reading, type: TicketType): ReadonlyMap<string, number> {
  return findUrgency(reading, type).signs;
}

/** What the rules found needs so much less of the model's assent than what makes it unsure by itself. */
const RULE_NEEDS = 0.5;
/** A message of at most so many characters tells the model too little to gainsay the rules. */
const FEW_WORDS = 12;
/** At most so many phrases are quoted for the model. */
const MOST_PHRASES = 4;

/** What the trained model makes of a message; null where the rules come without one. */
function byModel(reading: Reading, signs: ReadonlyMap<string, number>) {
  const model = reading.rulebook.urgencyModel;
  if (model === null) return null;
  const place = model.classes.indexOf('紧急');
  const text = modelText(reading);
  const counts = model.count(text, reading.contentAt);
  const probability = model.score(counts, signs).probabilities[place] ?? 0;
  return { probability, words: () => model.phrases(text, counts, place, MOST_PHRASES) };
}

/** True for an emergency that the model need not agree to: it is said plainly, in few words, or where the model does not read. */
function standsAlone(reading: Reading, { hit, isPlainlySaid }: Judged): boolean {
  return isPlainlySaid || reading.text.length <= FEW_WORDS || hit.start >= modelText(reading).length;
}

/** The urgency, with the words that decided. @param type Questions, proposals and praise need more than an alarming word. */
export function readUrgency(reading: Reading, label: string | undefined, type: TicketType): Decided<Urgency> {
  const { urgency } = reading.rulebook.rules;
  const own = label?.trim() ?? '';
  const raw = own === '' ? {} : { raw: cut(own, 60) };
  const sent = own !== '' && Object.hasOwn(urgency.labels, own) ? urgency.labels[own]! : null;
  if (sent === '紧急') return { value: sent, by: 'sender', words: [own], confidence: 0.95 };
  const { best, contexts, signs } = findUrgency(reading, type);
  const model = byModel(reading, signs);
  if (best !== null) {
    const words = [...new Set([wordOf(reading, best.hit), best.label])];
    return model === null || model.probability >= urgency.unsure * RULE_NEEDS || standsAlone(reading, best)
      ? { value: '紧急', by: 'rule', words, confidence: best.confidence, ...raw }
      : { value: '一般', by: 'model', words, confidence: UNSURE, ...raw };
  }
  if (model !== null && model.probability >= urgency.urgent && !isDenied(reading, contexts)) {
    return { value: '紧急', by: 'model', words: model.words(), confidence: confidence(model.probability), ...raw };
  }
  if (sent !== null) return { value: sent, by: 'sender', words: [own], confidence: 0.95 };
  const complex = contexts.filter(({ item }) => item.of === 'context' && item.context === 'complex');
  const words = quoted(reading, complex);
  if (words.length > 1)
    return { value: '复杂', by: 'rule', words, confidence: confidence(0.5 + 0.05 * words.length), ...raw };
  if (model !== null && model.probability >= urgency.unsure) {
    return { value: '一般', by: 'model', words: model.words(), confidence: UNSURE, ...raw };
  }
  return { value: '一般', by: 'rule', ...doubt(reading, contexts, type), ...raw };
}
