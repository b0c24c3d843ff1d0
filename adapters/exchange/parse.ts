// What a row means: pure, from its cells to an appeal, by the channel's mapping as it stands when the row is read.
import { type InboundAppeal, type InboundMessage, type Original, Unreadable } from '../contract.ts';
import { JsonProblem, readJson } from '../kit/json.ts';
import { isEmptyText } from '../kit/text.ts';
import { appealOf, mapperOf } from './mapping.ts';
import type { NamedCell } from './rows.ts';
import type { ExchangeSettings } from './settings.ts';

export function parse(original: Original, settings: ExchangeSettings): InboundMessage {
  const appeal = readAsAppeal(original, settings);
  const empty = appeal.attachments.length === 0 && isEmptyText(appeal.content) && isEmptyText(appeal.title ?? '');
  return empty ? { kind: 'not-an-appeal', reason: 'empty' } : appeal;
}

/** A row as an appeal, even where it says nothing. */
export function readAsAppeal(original: Original, settings: ExchangeSettings): InboundAppeal {
  const fields = mapperOf(settings).fields(cellsOf(original.body));
  // The mapping may have changed since the row was taken.
  if (!fields.has('content') && !fields.has('title')) {
    throw new Unreadable('exchange.no_content', 'by the mapping of now, the row has neither content nor title');
  }
  return appealOf(fields);
}

function cellsOf(bytes: Uint8Array): readonly NamedCell[] {
  let value: unknown;
  try {
    value = readJson(bytes);
  } catch (error) {
    if (error instanceof JsonProblem) throw new Unreadable('exchange.not_a_row', error.message, { cause: error });
    throw error;
  }
  const cells = typeof value === 'object' && value !== null && 'cells' in value ? value.cells : null;
  if (!Array.isArray(cells) || !cells.every(isPair)) {
    throw new Unreadable('exchange.not_a_row', 'the original holds no cells of a row');
  }
  return cells.map(([heading, text]) => ({ heading, text }));
}

function isPair(value: unknown): value is [string, string] {
  return Array.isArray(value) && value.length === 2 && value.every(part => typeof part === 'string');
}
