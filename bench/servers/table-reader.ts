// Reads one table in a process of its own: with the bare library, or by the exchange adapter's split; tells time and memory.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { SaxesParser } from 'saxes';
import { fromBufferPromise } from 'yauzl';
import { csvOptions } from '../../adapters/exchange/csv.ts';
import { adapter } from '../../adapters/exchange/index.ts';
import { FAULT_TYPE } from '../../adapters/exchange/split.ts';

export interface ReaderTask {
  readonly way: 'bare' | 'split';
  readonly file: string;
}

export interface ReaderResult {
  readonly rows: number;
  readonly ms: number;
  /** Highest resident memory of the process, in MB, and what it was before the file was read. */
  readonly peakMb: number;
  readonly baseMb: number;
}

const MB = 1024 * 1024;
const HIGH = { maxFileMegabytes: 200, maxInflatedMegabytes: 2000, maxRows: 2_000_000 };

async function bareCsv(bytes: Buffer): Promise<number> {
  let rows = -1;
  const parser = Readable.from(pieces(bytes), { objectMode: false }).pipe(parse(csvOptions(',')));
  for await (const _row of parser) rows++;
  return rows;
}

function* pieces(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** Every part that a reader has to read: the shared strings, and the sheet once. */
async function bareXlsx(bytes: Buffer): Promise<number> {
  const zip = await fromBufferPromise(bytes, { lazyEntries: true });
  let rows = -1;
  for await (const entry of zip.eachEntry()) {
    if (!/sharedStrings|sheet1/.test(entry.fileName)) continue;
    const parser = new SaxesParser({ position: false });
    parser.on('opentag', ({ name }) => {
      if (name === 'row') rows++;
    });
    parser.on('text', () => undefined);
    const decoder = new TextDecoder();
    for await (const piece of await zip.openReadStreamPromise(entry)) {
      parser.write(decoder.decode(piece as Buffer, { stream: true }));
    }
    parser.close();
  }
  return rows;
}

async function bySplit(bytes: Buffer, file: string): Promise<number> {
  const settings = adapter.settings.validate({ folder: '/bench', ...HIGH }).value;
  const container = { platformId: 'x', sender: null, body: bytes, mediaType: 'x', meta: { file: basename(file) } };
  let rows = 0;
  for await (const part of adapter.split?.(container, settings) ?? []) {
    if (part.mediaType === FAULT_TYPE) throw new Error(Buffer.from(part.body).toString());
    rows++;
  }
  return rows;
}

const task = JSON.parse(process.argv[2] as string) as ReaderTask;
const bytes = readFileSync(task.file);
const baseMb = Math.round(process.memoryUsage.rss() / MB);
const began = performance.now();
const bare = task.file.endsWith('.csv') ? bareCsv : bareXlsx;
const rows = await (task.way === 'bare' ? bare(bytes) : bySplit(bytes, task.file));
const ms = performance.now() - began;
const result: ReaderResult = { rows, ms, baseMb, peakMb: Math.round(process.resourceUsage().maxRSS / 1024) };
process.stdout.write(JSON.stringify(result));
