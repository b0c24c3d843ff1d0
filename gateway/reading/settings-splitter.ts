// The splitter that the settings ask for, for a gateway and for a command where none runs.
import { dirname } from 'node:path';
import type { LoadedConfig } from '../../config/load.ts';
import type { Log } from '../telemetry/telemetry.ts';
import { createSplitter, type Splitter } from './splitter.ts';

/** Splits containers by the limits of the settings. */
export function splitterOf({ loaded }: { readonly loaded: LoadedConfig }, log: Log): Splitter {
  const { adapters, reading } = loaded.config;
  const { atOnce, memoryMb, silenceSeconds, totalSeconds, parts, partMb, totalMb } = reading.split;
  return createSplitter({
    adapters,
    baseFolder: dirname(loaded.file),
    limits: {
      ...{ atOnce, memoryMb, parts },
      silenceMs: silenceSeconds * 1000,
      totalMs: totalSeconds * 1000,
      partBytes: partMb * 1024 * 1024,
      totalBytes: totalMb * 1024 * 1024,
    },
    report: (code, values, cause) => (cause === undefined ? log.warn(code, values) : log.bug(code, cause, values)),
  });
}
