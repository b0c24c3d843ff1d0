// A platform that exports files in a crash run: CSV, workbooks and JSON Lines; a row is taken when its file has left the folder.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { csv, exporter, linesSentBack, workbook } from '../../platforms/exchange.ts';
import type { Ledger } from './ledger.ts';
import type { PlannedLane, PlannedMessage } from './plan.ts';

export interface ExchangeSenderOptions {
  readonly folder: string;
  readonly lanes: readonly PlannedLane[];
  readonly ledger: Ledger;
  readonly allowance: () => Promise<void>;
}

export interface ExchangeFigures {
  readonly files: number;
  readonly rows: number;
}

const HEAD = ['编号', '标题', '内容', '姓名', '联系电话'];
const ROWS = 25;
const LOOK_MS = 20;

const cells = ({ id, text: { title, content, name, phone } }: PlannedMessage): string[] => [
  ...[id, title, content, name, phone],
];
const FORMATS = [
  ['csv', (rows: readonly PlannedMessage[]) => csv([HEAD, ...rows.map(cells)])],
  ['xlsx', (rows: readonly PlannedMessage[]) => workbook([HEAD, ...rows.map(cells)])],
  [
    'jsonl',
    (rows: readonly PlannedMessage[]) =>
      rows.map(row => `${JSON.stringify({ externalId: row.id, ...row.text })}\n`).join(''),
  ],
] as const;

/** Exports everything, two files at a time in the folder; rejects when a row is sent back. */
export async function sendFiles({ folder, lanes, ledger, allowance }: ExchangeSenderOptions): Promise<ExchangeFigures> {
  const platform = exporter(folder);
  const planned = lanes.flatMap(lane => lane.messages.map((message, place) => ({ lane, message, place })));
  /** By format: in another one a row is other cells under the same number, which is sent back. */
  const again: PlannedMessage[][] = FORMATS.map(() => []);
  const waiting = new Map<string, readonly PlannedMessage[]>();
  let files = 0;
  let rows = 0;

  async function see(most: number): Promise<void> {
    for (;;) {
      for (const [name, sent] of waiting) {
        if (existsSync(join(folder, 'in', name))) continue;
        waiting.delete(name);
        for (const { id } of sent) ledger.acknowledged(id, null);
      }
      if (waiting.size <= most) return;
      await after(LOOK_MS);
    }
  }

  async function put(sent: readonly PlannedMessage[], format: number): Promise<void> {
    const [ending, write] = FORMATS[format] as (typeof FORMATS)[number];
    const name = `export-${String(++files).padStart(4, '0')}.${ending}`;
    for (const { id } of sent) ledger.sending(id);
    waiting.set(name, sent);
    platform.replace(name, write(sent));
    rows += sent.length;
    await see(1);
  }

  for (let at = 0; at < planned.length; at += ROWS) {
    const part = planned.slice(at, at + ROWS);
    for (const { lane, message, place } of part) {
      await allowance();
      ledger.issue(message.id, lane.name, place);
    }
    const format = (at / ROWS) % FORMATS.length;
    const messages = part.map(({ message }) => message);
    await put(messages, format);
    again[format]?.push(...messages.filter(message => message.again));
  }
  // The same rows in other files: redeliveries.
  for (const [format, rows] of again.entries()) if (rows.length > 0) await put(rows, format);
  await see(0);
  const back = linesSentBack(folder);
  if (back.length > 0) throw new Error(`rows were sent back: ${back.join(', ')}`);
  return { files, rows };
}
