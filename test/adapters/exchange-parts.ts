// A file of an exchange channel split as a reading thread does, and what stands in its parts.
import assert from 'node:assert/strict';
import type { InboundAppeal, Original } from '../../adapters/contract.ts';
import { adapter } from '../../adapters/exchange/index.ts';
import { parse } from '../../adapters/exchange/parse.ts';
import type { RowFault } from '../../adapters/exchange/row-errors.ts';
import { FAULT_TYPE, type RowBody, split } from '../../adapters/exchange/split.ts';

export const settingsWith = (more: object = {}) =>
  adapter.settings.validate({ folder: '/srv/huisu/exchange/a', ...more }, { stripUnknown: false }).value;
export const settings = settingsWith();

/** A file split, its rows and what was sent back in their order. */
export async function partsOf(
  body: Uint8Array | string,
  file = 'a.csv',
  given = settings,
): Promise<readonly Original[]> {
  const container: Original = {
    platformId: 'file',
    sender: null,
    body: typeof body === 'string' ? Buffer.from(body) : body,
    mediaType: 'application/octet-stream',
    meta: { file },
  };
  const parts: Original[] = [];
  for await (const part of split(container, given)) parts.push(part);
  return parts;
}

export const isFault = (part: Original): boolean => part.mediaType === FAULT_TYPE;
export const faultsIn = (parts: readonly Original[]): readonly RowFault[] =>
  parts.filter(isFault).map(part => JSON.parse(Buffer.from(part.body).toString()) as RowFault);
export const codesIn = (parts: readonly Original[]): readonly string[] =>
  faultsIn(parts).map(({ code, row }) => `${row} ${code.replace('exchange.', '')}`);
export const rowsIn = (parts: readonly Original[]): readonly Original[] => parts.filter(part => !isFault(part));
export const cellsIn = (part: Original): RowBody['cells'] =>
  (JSON.parse(Buffer.from(part.body).toString()) as RowBody).cells;
export const appealIn = (part: Original | undefined, given = settings): InboundAppeal => {
  assert.ok(part);
  const message = parse(part, given);
  assert.equal(message.kind, 'appeal');
  return message as InboundAppeal;
};
