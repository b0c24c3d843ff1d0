// The shipped rules, compiled once for all tests of this folder, and short ways to read a message.
import { fileURLToPath } from 'node:url';
import { loadRules } from '../../config/load-rules.ts';
import type { InboundAppeal } from '../../normalizer/inbound-message.ts';
import { normalize } from '../../normalizer/normalize.ts';
import { compileRulebook } from '../../normalizer/rulebook.ts';
import type { TicketDraft } from '../../normalizer/ticket.ts';

export const RULE_PATHS = {
  rulesFolder: fileURLToPath(new URL('../../config/rules', import.meta.url)),
  regionFile: fileURLToPath(new URL('../../config/regions/tonghua.yaml', import.meta.url)),
};

export const rulebook = compileRulebook(loadRules(RULE_PATHS));

/** Tuesday 10:00 in Shanghai, no holiday near. */
export const TUESDAY = Date.parse('2025-06-10T10:00:00+08:00');

export function appeal(content: string, more: Partial<InboundAppeal> = {}): InboundAppeal {
  return { kind: 'appeal', content, contact: {}, externalIds: {}, attachments: [], ...more };
}

export function read(content: string, more: Partial<InboundAppeal> = {}, receivedAt = TUESDAY): TicketDraft {
  return normalize(appeal(content, more), rulebook, receivedAt);
}
