// CSV of strangers into rows, piece by piece: what came before a fault is still given.
import { CsvError, type Options, type Parser, parse } from 'csv-parse';
import { FileFault } from './row-errors.ts';
import type { RawRow } from './rows.ts';
import type { ExchangeSettings } from './settings.ts';

/** Bytes of one row; an open quote would otherwise swallow the rest of the file. */
export const LONGEST_ROW = 1024 * 1024;
const CANDIDATES = [',', '\t', ';', '|'] as const;
/** Characters looked at for the delimiter. */
const LOOK = 20_000;

/** What the bare reader and ours are called with alike. */
export function csvOptions(delimiter: string): Options {
  return {
    delimiter,
    max_record_size: LONGEST_ROW,
    relax_column_count: true,
    // Exports written by hand have quotes inside of fields that are not quoted.
    relax_quotes: true,
    skip_empty_lines: false,
  };
}

/** @throws FileFault at the row from which on nothing could be read */
export async function* csvRows(
  pieces: Iterable<Uint8Array>,
  wanted: ExchangeSettings['delimiter'],
): AsyncIterable<RawRow> {
  let source: Source | null = null;
  for (const piece of pieces) {
    source ??= openSource(delimiterOf(piece, wanted));
    const written = source.write(piece);
    yield* source.take();
    await written;
  }
  if (source === null) return;
  await source.end();
  yield* source.take();
}

interface Source {
  /** The rows in it can be taken at once; resolves when the parser is ready for more, which it is once they are taken. */
  write(piece: Uint8Array): Promise<void>;
  end(): Promise<void>;
  take(): Iterable<RawRow>;
}

/** The parser's own iterator would throw away the rows before an error. */
function openSource(delimiter: string): Source {
  const parser: Parser = parse(csvOptions(delimiter));
  let failure: Error | null = null;
  let row = 0;
  const failed = new Promise<void>(resolve => {
    parser.on('error', (error: Error) => {
      failure = error;
      resolve();
    });
  });
  return {
    write: piece => Promise.race([failed, new Promise<void>(resolve => parser.write(piece, () => resolve()))]),
    end: () => Promise.race([failed, new Promise<void>(resolve => parser.end(() => resolve()))]),
    *take() {
      for (let texts = parser.read() as string[] | null; texts !== null; texts = parser.read() as string[] | null) {
        yield { row: ++row, texts };
      }
      if (failure !== null) throw asFault(failure, row + 1);
    },
  };
}

function asFault(error: Error, row: number): unknown {
  if (!(error instanceof CsvError)) return error;
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return new FileFault('exchange.quote_not_closed', row);
  if (error.code === 'CSV_MAX_RECORD_SIZE') return new FileFault('exchange.row_endless', row, { most: LONGEST_ROW });
  return new FileFault('exchange.not_csv', row);
}

/** The sign that stands most often outside quotes at the beginning of the file. */
function delimiterOf(piece: Uint8Array, wanted: ExchangeSettings['delimiter']): string {
  if (wanted !== 'auto') return wanted === 'tab' ? '\t' : wanted;
  const text = Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.length, LOOK)).toString('utf8');
  const bare = text.replace(/"[^"]*"/g, '');
  const counts = CANDIDATES.map(candidate => bare.split(candidate).length);
  return CANDIDATES[counts.indexOf(Math.max(...counts))] as string;
}
