// The platform of the demo that only exports files, a program of its own: CSV in UTF-8 and GBK, workbooks and JSON Lines in turn.
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import iconv from 'iconv-lite';
import type { PlainAppeal, PutOrder } from '../../gateway/cli/demo-platforms.ts';
import { playPlatform } from './demo-program.ts';
import { csv, exporter, linesSentBack, workbook } from './exchange.ts';

const HEAD = ['编号', '标题', '内容', '姓名', '联系电话'];
const LOOK_MS = 20;

const cells = ({ id, title, content, name, phone }: PlainAppeal): string[] => [id, title, content, name, phone];
const table = (appeals: readonly PlainAppeal[]): string[][] => [HEAD, ...appeals.map(cells)];
const json = (appeals: readonly PlainAppeal[]): string =>
  appeals.map(({ id: externalId, ...rest }) => `${JSON.stringify({ externalId, ...rest })}\n`).join('');

interface Format {
  readonly ending: string;
  /** Place of the first appeal among the lines, as editors count them. */
  readonly first: number;
  write(appeals: readonly PlainAppeal[]): Uint8Array;
}

const FORMATS: readonly Format[] = [
  { ending: 'csv', first: 2, write: appeals => Buffer.from(`\ufeff${csv(table(appeals))}`) },
  { ending: 'xlsx', first: 2, write: appeals => workbook(table(appeals)) },
  { ending: 'csv', first: 2, write: appeals => iconv.encode(csv(table(appeals)), 'gb18030') },
  { ending: 'jsonl', first: 1, write: appeals => Buffer.from(json(appeals)) },
];

const { values } = parseArgs({ options: { folder: { type: 'string' } } });
const folder = values.folder;
if (folder === undefined) throw new Error('--folder is missing');
mkdirSync(folder, { mode: 0o700 });
const platform = exporter(folder);
let files = 0;

/** A table knows no lines within a cell that every program would count alike, so such appeals go as a workbook or JSON. */
function formatOf(appeals: readonly PlainAppeal[]): Format {
  const format = FORMATS[files % FORMATS.length] as Format;
  const lines = appeals.some(({ content, title }) => /[\r\n]/.test(content + title));
  return lines && format.ending === 'csv' ? (FORMATS[3] as Format) : format;
}

async function put({ put: appeals }: PutOrder, signal: AbortSignal): Promise<readonly number[]> {
  const format = formatOf(appeals);
  const name = `export-${++files}.${format.ending}`;
  platform.replace(name, format.write(appeals));
  while (readdirSync(join(folder as string, 'in')).includes(name)) {
    if (signal.aborted) return [];
    await after(LOOK_MS);
  }
  const back = new Set(linesSentBack(folder as string, `${name}.`));
  return appeals.flatMap((_, at) => (back.has(at + format.first) ? [] : [at]));
}

await playPlatform({ folder }, put, async () => undefined);
