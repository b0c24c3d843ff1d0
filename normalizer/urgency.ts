// How urgent (article 16): an emergency that is happening, told from one that is denied, past, feared, figurative or asked about.
import type { Hit } from './lexicon.ts';
import { around, confidence, hitsOf, quoted, type Reading, wordOf } from './reading.ts';
import type { Context, Meaning } from './rulebook.ts';
import type { Decided, TicketType, Urgency } from './ticket.ts';

interface Judged {
  readonly hit: Hit<Meaning>;
  readonly label: string;
  readonly confidence: number;
}

/** How far before a word a negation reaches. */
const NEGATION_REACH = 6;

interface Surroundings {
  readonly clause: ReadonlySet<Context>;
  readonly sentence: ReadonlySet<Context>;
  readonly negated: boolean;
}

function surroundings(reading: Reading, hit: Hit<Meaning>, contexts: readonly Hit<Meaning>[]): Surroundings {
  const clause = around(reading.text, hit, 'clause', 40);
  const sentence = around(reading.text, hit, 'sentence', 80);
  const inClause = new Set<Context>();
  const inSentence = new Set<Context>();
  let negated = false;
  for (const other of contexts) {
    if (other.item.of !== 'context' || other.end < sentence.start || other.start >= sentence.end) continue;
    const inside = other.start >= hit.start && other.end <= hit.end;
    if (inside && other.item.context !== 'danger') continue;
    inSentence.add(other.item.context);
    if (other.end <= clause.start || other.start >= clause.end) continue;
    inClause.add(other.item.context);
    if (other.item.context === 'negation')
      negated ||= other.end <= hit.start && hit.start - other.end <= NEGATION_REACH;
  }
  return { clause: inClause, sentence: inSentence, negated };
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
  const { clause, sentence, negated } = surroundings(reading, hit, contexts);
  const now = sentence.has('now');
  if (negated || clause.has('figurative')) return null;
  if (clause.has('past') || (sentence.has('past') && !now)) return null;
  if (clause.has('supposed') && !(rule.evenIfFeared === true && sentence.has('danger'))) return null;
  if (clause.has('habitual') && !clause.has('now')) return null;
  if (clause.has('question') && !clause.has('now')) return null;
  if (hit.item.needsNow && !now && !sentence.has('danger')) return null;
  const asksOnly = type === '咨询' || type === '建议' || type === '表扬';
  if (asksOnly && !now) return null;
  return { hit, label: rule.label, confidence: hit.item.needsNow ? 0.75 : now ? 0.95 : 0.85 };
}

/** The urgency, with the words that decided. @param type Questions, proposals and praise need more than an alarming word. */
export function readUrgency(reading: Reading, label: string | undefined, type: TicketType): Decided<Urgency> {
  const { urgency } = reading.rulebook.rules;
  const own = label?.trim() ?? '';
  const raw = own === '' ? {} : { raw: own.slice(0, 60) };
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
  return { value: '一般', by: 'rule', words: [], confidence: 0.8, ...raw };
}
