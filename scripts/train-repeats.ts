// node scripts/train-repeats.ts MESSAGES PAIRS INCIDENTS: config/rules/repeats/weights.json from labelled pairs (JSON Lines).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRepeats } from '../config/load-repeats.ts';
import { loadRules } from '../config/load-rules.ts';
import { incidentOf, partsOf } from '../gateway/repeats/folds.ts';
import { readIncidents, readMessages, readPairs } from '../gateway/repeats/labelled-files.ts';
import { sampleExamples } from '../gateway/repeats/own-samples.ts';
import {
  examplesOf,
  foundExamples,
  modelOf,
  modelsOfParts,
  pairReport,
  readSet,
  scoredPairs,
} from '../gateway/repeats/pairs.ts';
import { readAll } from '../gateway/repeats/stream.ts';
import type { RepeatModel } from '../normalizer/repeat-model.ts';

const PARTS = 5;
const config = fileURLToPath(new URL('../config', import.meta.url));
const rulesFolder = join(config, 'rules');
const [messageFile = '', pairFile = '', incidentFile = ''] = process.argv.slice(2);
const rules = {
  rulebook: loadRules({ rulesFolder, regionFile: join(config, 'regions', 'tonghua.yaml') }),
  repeats: loadRepeats(rulesFolder),
};
const messages = readMessages(messageFile);
const known = new Set(messages.map(({ id }) => id));
const pairs = readPairs(pairFile, known);
const incidents = readIncidents(incidentFile, known);
const set = await readSet(messages, await readAll(messages, rules), rules);
const found = foundExamples(set, pairs, incidentOf({ messages, pairs, incidents }));
const own = await sampleExamples(rules);
const made = new Date().toISOString().slice(0, 10);
const same = pairs.filter(pair => pair.same).length;
const examples = [...examplesOf(pairs, set), ...found, ...own];

/** What models reach that were trained likewise, each on four parts of five, on the pairs of the fifth. */
function figuresOfParts() {
  const parts = partsOf({ messages, pairs, incidents }, PARTS);
  const models = modelsOfParts(examples, parts, PARTS);
  const policy = rules.repeats.policy;
  const scored = scoredPairs(pairs, set, ({ a }) => ({
    ...policy,
    model: models[parts.get(a) as number] as RepeatModel,
  }));
  const { precision, recall, f1, recallAtPrecision95 } = pairReport(scored, policy.thresholds.suggest);
  return { parts: PARTS, precision, recall, f1, recallAtPrecision95 };
}

const model = {
  ...modelOf(examples),
  figures: figuresOfParts(),
  version: `${made}.${pairs.length}`,
  made,
  trainedOn: { messages: messages.length, pairs: pairs.length, same, found: found.length, own: own.length },
};
writeFileSync(join(rulesFolder, 'repeats', 'weights.json'), `${JSON.stringify(model)}\n`);
console.log(JSON.stringify({ version: model.version, ...model.trainedOn, ...model.figures }));
