// One file's rows from split to durable: batches are accepted as they come, what is wrong goes to the error file.
import { type Acceptance, type AdapterContext, type Original, PlatformError, Unavailable } from '../contract.ts';
import type { ErrorFile } from './error-file.ts';
import type { NumberedRow } from './outcomes.ts';
import type { RowFault, RowFaultCode } from './row-errors.ts';
import { FAULT_TYPE } from './split.ts';

export interface Taken {
  /** Rows accepted for the first time, and ones known from before. */
  readonly fresh: number;
  readonly redelivered: number;
  /** Rows sent back. */
  readonly faults: number;
  /** Why nothing, or nothing more, could be taken of the file; null when it was read to its end. */
  readonly broken: RowFaultCode | null;
  readonly rows: readonly NumberedRow[];
}

const BATCH = 500;
/** Faults of a whole file that was all the same read to its end. */
const HARMLESS: readonly RowFaultCode[] = ['exchange.no_rows', 'exchange.sheets_left'];

type Taking = Pick<AdapterContext, 'split' | 'accept'>;

/**
 * Resolves when every row is durable or in the error file, which is not yet finished.
 *
 * @param step told how many rows are done
 * @throws what `accept` throws; the file is then to be taken again from its beginning, which doubles nothing
 */
export async function takeRows(
  { split, accept }: Taking,
  container: Original,
  errors: ErrorFile,
  step: (rows: number) => void,
): Promise<Taken> {
  const sum = { fresh: 0, redelivered: 0, faults: 0 };
  const rows: NumberedRow[] = [];
  let broken: RowFaultCode | null = null;
  let batch: Original[] = [];

  async function sendBack(fault: RowFault): Promise<void> {
    await errors.add(fault);
    if (fault.whole !== true) sum.faults++;
    else if (!HARMLESS.includes(fault.code)) broken = fault.code;
  }

  async function takeBatch(): Promise<void> {
    const originals = batch;
    batch = [];
    if (originals.length === 0) return;
    const answers = await accept(originals);
    for (const [at, answer] of answers.entries()) {
      const row = Number(originals[at]?.meta['row']);
      const fault = count(answer, row, sum, rows);
      if (fault !== null) await sendBack(fault);
    }
    step(rows.length + sum.faults);
  }

  for await (const part of parts(split, container)) {
    if ('code' in part) await sendBack(part);
    else if (part.mediaType === FAULT_TYPE) await sendBack(faultIn(part));
    else if (batch.push(part) >= BATCH) await takeBatch();
  }
  await takeBatch();
  return { ...sum, broken, rows };
}

function count(
  answer: Acceptance,
  row: number,
  sum: { fresh: number; redelivered: number },
  rows: NumberedRow[],
): RowFault | null {
  if (answer.kind === 'id-reused') return { code: 'exchange.number_reused', row, column: null };
  if (answer.kind === 'fresh') sum.fresh++;
  else sum.redelivered++;
  rows.push([row, answer.number]);
  return null;
}

function faultIn(part: Original): RowFault {
  return JSON.parse(Buffer.from(part.body).toString('utf8')) as RowFault;
}

/**
 * The parts, and at last a fault where splitting itself broke off: a file that kills its reader must not be tried for ever.
 * What is not available for now is thrown, since it says nothing about the file.
 */
async function* parts(split: Taking['split'], container: Original): AsyncIterable<Original | RowFault> {
  const source = split(container)[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      let next: IteratorResult<Original>;
      try {
        next = await source.next();
      } catch (error) {
        ended = true;
        if (error instanceof Unavailable) throw error;
        yield splitFailed(error);
        return;
      }
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    if (!ended) await source.return?.();
  }
}

function splitFailed(error: unknown): RowFault {
  const reason = error instanceof PlatformError ? error.code : error instanceof Error ? error.name : 'unknown';
  return { code: 'exchange.split_failed', row: 0, column: null, values: { reason }, whole: true };
}
