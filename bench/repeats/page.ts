// A run of the repeats bench as a page for docs: the figures as they were measured, with what they were measured on.
import type { SystemFacts } from '../system.ts';
import type { ProbeFigures } from './probe-process.ts';
import { RIVAL_PROBES, type RivalFigures } from './rivals.ts';

/** What `--json` prints. */
export interface RepeatsSummary {
  readonly recipe: readonly string[];
  readonly figures: readonly ProbeFigures[];
  readonly rivals: readonly RivalFigures[];
  readonly system: SystemFacts;
}

const thousands = (value: number): string => value.toLocaleString('en-US');

/** A table with its columns in line, the first to the left and figures to the right. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = [head, ...rows].map(cells => cells.map(String));
  const widths = head.map((_, column) => Math.max(3, ...texts.map(cells => (cells[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(texts[0] ?? []), line(rule), ...texts.slice(1).map(line)];
}

export function pageOf({ recipe, figures, rivals, system }: RepeatsSummary): string {
  const [least, most] = [figures[0], figures.at(-1)];
  const growth = least === undefined || most === undefined ? 0 : most.p99Ms / least.p99Ms;
  const lines = [
    '# What finding a repeat costs',
    '',
    'Written by `npm run bench:repeats -- --page docs/repeats-speed.md`; `bench/README.md` says how it is measured.',
    '',
    ...table(
      ['', 'tickets', 'p50 ms', 'p99 ms', 'found among 20', 'found among those compared', 'MB', 'start ms'],
      [
        ...figures.map(one => [
          ...['look-up and decision', thousands(one.tickets), one.p50Ms, one.p99Ms, one.found20, one.found],
          ...[Math.round(one.residentMb), Math.round(one.startMs)],
        ]),
        ...rivals.map(one => [one.name, thousands(one.tickets), one.p50Ms, one.p99Ms, one.found20, '', '', '']),
      ],
    ),
    '',
    `p99 at ${thousands(most?.tickets ?? 0)} tickets is ${growth.toFixed(2)} times that at ${thousands(least?.tickets ?? 0)} (aim: 1.5 at most).`,
    `Found: the share, of ${least?.withMate ?? 0} probes that tell an earlier matter, for which an earlier ticket of it is among the candidates.`,
    `Jaccard and MinHash were given ${RIVAL_PROBES} of these probes. Made tickets hold halves of real messages, which likeness of whole texts takes for repeats.`,
    `To open the index ${figures.map(one => thousands(one.startReads)).join(', ')} tickets were read.`,
    '',
    'What was measured:',
    '',
    ...recipe.map(line => line.trim()),
    '',
    `Machine: ${system.cores} × ${system.processor}, Node ${system.node}, SQLite ${system.sqlite}.`,
    '',
  ];
  return lines.join('\n');
}
