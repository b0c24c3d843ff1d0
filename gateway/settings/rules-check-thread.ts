// A thread that reads and compiles changed rules, which takes a tenth of a second: nobody else has to wait for it.
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { loadIncidents } from '../../config/load-incidents.ts';
import { loadRepeats } from '../../config/load-repeats.ts';
import { loadRules } from '../../config/load-rules.ts';
import { compileRulebook, RulebookInvalid } from '../../normalizer/rulebook.ts';
import type { WatchedPaths } from './rules-check.ts';

const paths = workerData as WatchedPaths;

function problems(): readonly ConfigProblem[] {
  try {
    compileRulebook(loadRules(paths));
    loadRepeats(paths.rulesFolder, paths.dataFolder);
    loadIncidents(paths.rulesFolder);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    if (!(error instanceof RulebookInvalid)) throw error;
    return error.problems.map(({ file, path, zh, en }) => ({
      ...{ code: error.code, file, line: null, column: null },
      ...{ path, zh, en },
    }));
  }
}

parentPort?.postMessage(problems());
