// node scripts/train-repeats.ts MESSAGES PAIRS INCIDENTS: config/rules/repeats/weights.json from labelled pairs (JSON Lines).
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRepeats } from '../config/load-repeats.ts';
import { loadRules } from '../config/load-rules.ts';
import { incidentOf } from '../gateway/repeats/folds.ts';
import { readIncidents, readMessages, readPairs } from '../gateway/repeats/labelled-files.ts';
import { sampleExamples } from '../gateway/repeats/own-samples.ts';
import { examplesOf, foundExamples, modelOf, readSet } from '../gateway/repeats/pairs.ts';
import { readAll } from '../gateway/repeats/stream.ts';

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
const model = {
  ...modelOf([...examplesOf(pairs, set), ...found, ...own]),
  version: `${made}.${pairs.length}`,
  made,
  trainedOn: { messages: messages.length, pairs: pairs.length, same, found: found.length, own: own.length },
};
writeFileSync(join(rulesFolder, 'repeats', 'weights.json'), `${JSON.stringify(model)}\n`);
console.log(JSON.stringify({ version: model.version, ...model.trainedOn }));
