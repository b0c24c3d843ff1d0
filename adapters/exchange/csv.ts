// CSV of strangers into rows, piece by piece: what came before a fault is still given.
import { CsvError, type Options, type Parser, parse } from 'csv-parse';
import type { Field } from './columns.ts';
import { FileFault } from './row-errors.ts';
import type { RawRow } from './rows.ts';
import type { ExchangeSettings } from './settings.ts';

/** Bytes of one row; an open quote would otherwise swallow the rest of the file. */
const LONGEST_ROW = 1024 * 1024;
const CANDIDATES = [',', '\t', ';', '|'] as const;
/** Characters looked at for the delimiter. */
const LOOK = 20_000;

type Find = (heading: string) => Field | null;

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
  find: Find,
): AsyncIterable<RawRow> {
  let source: Source | null = null;
  for (const piece of pieces) {
    source ??= openSource(delimiterOf(piece, wanted, find));
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

/** `sep=;` in the first line, as Excel itself asks for and obeys it. */
const NAMED = /^\ufeff?sep=(.)\r?\n/i;
/** Lines among which a header is looked for, a title's and notes' included. */
const HEADER_LINES = 40;

/**
 * The one that a first line names, else the one under which most headings are known, else the one that stands most often
 * outside quotes: what people write has more commas than a row of seven columns.
 */
function delimiterOf(piece: Uint8Array, wanted: ExchangeSettings['delimiter'], find: Find): string {
  if (wanted !== 'auto') return wanted === 'tab' ? '\t' : wanted;
  const text = Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.length, LOOK)).toString('utf8');
  const named = NAMED.exec(text)?.[1];
  if (named !== undefined) return named;
  const lines = text.split(/\r\n|\r|\n/, HEADER_LINES);
  const bare = text.replace(/"[^"]*"/g, '');
  const ranked = CANDIDATES.map(candidate => ({
    candidate,
    known: Math.max(...lines.map(line => headingsKnown(line, candidate, find))),
    count: bare.split(candidate).length,
  }));
  ranked.sort((one, other) => other.known - one.known || other.count - one.count);
  return (ranked[0] as (typeof ranked)[number]).candidate;
}

function headingsKnown(line: string, delimiter: string, find: Find): number {
  const cells = line.split(delimiter).map(cell => cell.trim().replace(/^"|"$/g, ''));
  return new Set(cells.map(cell => (cell === '' ? null : find(cell))).filter(field => field !== null)).size;
}
