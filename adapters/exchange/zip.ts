// The archive of a workbook: refused by what it declares before anything is inflated, and counted while it is.
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { FileFault } from './row-errors.ts';

const MOST_ENTRIES = 2000;
const MOST_RATIO = 100;
/** Small parts may well repeat themselves more than a hundred times. */
const RATIO_FROM = 1024 * 1024;

export interface Archive {
  /** Whether it holds the part, however its name is spelled in capitals. */
  has(name: string): boolean;
  /** The part's bytes in pieces; may be read more than once. Throws `FileFault`. */
  read(name: string): AsyncIterable<Buffer>;
}

/** @throws FileFault `exchange.bomb` or `exchange.bad_workbook` */
export async function openArchive(bytes: Uint8Array, mostBytes: number): Promise<Archive> {
  const zip = await opened(bytes);
  if (zip.entryCount > MOST_ENTRIES) throw bomb(`> ${MOST_ENTRIES} entries`);
  const entries = await entriesOf(zip, mostBytes);
  return {
    has: name => entries.has(folded(name)),
    read: name => readEntry(zip, entries.get(folded(name)), mostBytes),
  };
}

/** Parts are the same in capitals and small letters (ECMA-376 part 2, 6.2.2.3), and programs write them as they like. */
const folded = (name: string): string => name.toLowerCase();

const bad = (): FileFault => new FileFault('exchange.bad_workbook');
const bomb = (why: string): FileFault => new FileFault('exchange.bomb', 0, { why });

async function opened(bytes: Uint8Array): Promise<ZipFile> {
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return await fromBufferPromise(buffer, { lazyEntries: true, validateEntrySizes: true });
  } catch {
    throw bad();
  }
}

async function entriesOf(zip: ZipFile, mostBytes: number): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  const sum = { inflated: 0, deflated: 0 };
  try {
    for await (const entry of zip.eachEntry()) {
      const name = folded(entry.fileName);
      if (entries.has(name) || entry.isEncrypted()) throw bad();
      entries.set(name, entry);
      sum.inflated += entry.uncompressedSize;
      sum.deflated += entry.compressedSize;
      check(entry.uncompressedSize, entry.compressedSize, mostBytes);
      check(sum.inflated, sum.deflated, mostBytes);
      if (entries.size > MOST_ENTRIES) throw bomb(`> ${MOST_ENTRIES} entries`);
    }
  } catch (error) {
    throw error instanceof FileFault ? error : bad();
  }
  return entries;
}

function check(inflated: number, deflated: number, mostBytes: number): void {
  if (inflated > mostBytes) throw bomb(`> ${Math.round(mostBytes / 1024 / 1024)} MB`);
  if (inflated > RATIO_FROM && inflated > deflated * MOST_RATIO) throw bomb(`> ${MOST_RATIO}:1`);
}

/** yauzl ends a part that inflates to more or less than it declared; the count here does not rely on it. */
async function* readEntry(zip: ZipFile, entry: Entry | undefined, mostBytes: number): AsyncIterable<Buffer> {
  if (entry === undefined || !entry.canDecodeFileData()) throw bad();
  let count = 0;
  try {
    for await (const piece of await zip.openReadStreamPromise(entry)) {
      const bytes = piece as Buffer;
      count += bytes.length;
      if (count > entry.uncompressedSize || count > mostBytes) throw bomb('> declared');
      yield bytes;
    }
  } catch (error) {
    throw error instanceof FileFault ? error : bad();
  }
}
