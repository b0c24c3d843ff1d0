// A progress bar on standard error where a person watches; nothing where none does.
import { SingleBar } from 'cli-progress';

export interface ProgressBar {
  to(value: number): void;
  stop(): void;
}

/** @param label what is counted, in the language of the terminal */
export function progressBar(label: string, total: number, watched: boolean = process.stderr.isTTY): ProgressBar {
  if (!watched || total === 0) return { to: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total} {eta_formatted}`,
    stream: process.stderr,
    hideCursor: true,
    barsize: 30,
    clearOnComplete: true,
  });
  bar.start(total, 0);
  return { to: value => bar.update(value), stop: () => bar.stop() };
}
