// node scripts/measure-repeats.ts FOLDER: docs/repeats.md from labelled messages (messages.jsonl, pairs.jsonl, incidents.jsonl).
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Thresholds } from '../normalizer/facts.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = process.argv[2];
if (folder === undefined) throw new Error('name the folder of the labelled files');
const file = (name: string) => join(folder, name);

type Figures = Readonly<Record<string, unknown>>;

/** The command as anybody types it; its last line is the figures. */
function command(words: readonly string[]): Figures {
  const typed = [join(ROOT, 'gateway', 'main.ts'), 'repeats', ...words, '--json'];
  const told = execFileSync(process.execPath, typed, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return JSON.parse(told.trim().split('\n').at(-1) as string) as Figures;
}

const pairs = command([
  'evaluate',
  '--messages',
  file('messages.jsonl'),
  '--pairs',
  file('pairs.jsonl'),
  '--folds',
  '5',
]);
const replayed = command([
  ...['replay', '--messages', file('messages.jsonl'), '--incidents', file('incidents.jsonl'), '--folds', '5'],
]);

const row = (figures: Figures, names: readonly string[]) =>
  names.map(name => `| ${name} | ${String(figures[name])} |`).join('\n');

/** Made up for this page: what still goes wrong, by kind of pair. */
const EXAMPLES: Readonly<Record<string, readonly [string, string, string]>> = {
  rewrite: [
    '枫林家园一楼饭店油烟直排',
    '枫林家园夜宵摊营业到凌晨，呛得睡不着',
    'one trouble told by its smoke and by its noise',
  ],
  outside_pool: ['请给各村主路装监控', '农村道路安全没人管', 'one wish in wholly other words'],
  shared_name: ['龙泉小区地下车库又堆满垃圾', '龙泉小区物业撤走楼层垃圾桶还锁安全门', 'one estate, two troubles'],
  same_topic: ['请加快通化西站建设', '请加快城区公交枢纽建设', 'one sender’s way of writing, two wishes'],
  template_text: ['第一职校强制学生实习', '商贸职校强制学生实习', 'one text, two schools'],
};

const kinds = Object.entries(pairs['kinds'] as Readonly<Record<string, Readonly<Record<string, number>>>>)
  .map(([kind, { pairs: count, same, right, wrong }]) => `| ${kind} | ${count} | ${same} | ${right} | ${wrong} |`)
  .join('\n');
const examples = Object.entries(EXAMPLES)
  .map(([kind, [one, other, why]]) => `| ${kind} | ${one} | ${other} | ${why} |`)
  .join('\n');
const { thresholds } = replayed as unknown as { thresholds: Required<Thresholds> };

writeFileSync(
  join(ROOT, 'docs', 'repeats.md'),
  `<!-- made by \`node scripts/measure-repeats.ts FOLDER\`; change the source, not this page -->

# 重复诉求识别的质量 · How well repeats are recognised

Figures of \`huisu repeats evaluate\` and \`huisu repeats replay\` with \`--folds 5\` on ${String(replayed['messages'])} real messages of a public board with
${String(pairs['pairs'])} labelled pairs (not shipped): each pair and each message is decided by weights that were trained on no message of its part.

在 ${String(replayed['messages'])} 条真实留言、${String(pairs['pairs'])} 对标注上分五份交叉验证：每对、每条都由没有在其所在份上训练的权重判定（数据不随产品发布）。

## 成对判定 · Pairs

A pair counts as recognised where a clerk is at least shown it (probability from ${String(pairs['threshold'])}).

| | |
| --- | --- |
${row(pairs, ['precision', 'recall', 'f1', 'recallAtPrecision95'])}

| kind of pair | pairs | of one matter | right | wrong |
| --- | --- | --- | --- | --- |
${kinds}

## 按时间重放 · Replay

Automatic links as the product makes them: from ${thresholds.repeat} for one requester, from ${thresholds.incident} for two; where neither
message has more than ${thresholds.short.characters} characters, from ${thresholds.short.repeat} and ${thresholds.short.incident}. The first two were chosen on these messages, so that links
are right as often as can be while .68 of the repeats are linked with room to spare; the others by short messages that we wrote.

| | |
| --- | --- |
${row(replayed, ['r1', 'r5', 'r20', 'mergedRight', 'mergedWrong', 'mergedUnjudged', 'missed', 'mergePrecision', 'judgedPrecision', 'mergedShare', 'firstsMergedFalsely', 'bcubedF1', 'p50Ms', 'p99Ms'])}

Here a message is compared with 20 candidates, so that their order can be judged; the running gateway compares the first six.
Milliseconds are those of reading and deciding a message on the machine that wrote this page. A link to a message whose label is missing counts
as wrong here (\`mergedUnjudged\`: no row of the pairs has the two, nor do both stand in incidents; \`judgedPrecision\` leaves them out), though the
two may well be about one matter: when 48 such links beside 452 right ones were read one by one, 24 were about one matter all
the same, 11 could be argued either way (two faults of one new building), and 13 were wrong, six of them one text about two
schools or districts. Taken so, 476 of 500 links (.952) were right.

## 仍会出错的 · What still goes wrong

Examples are made up.

| kind of pair | 一件 · one | 另一件 · another | why it is hard |
| --- | --- | --- | --- |
${examples}

Aimed at and not reached on these parts: a merge precision of .95 by the labels while .68 of the repeats are linked. A follow-up that joined
a ticket is not a candidate itself: where it joined the wrong one, later tellings miss it. How quick it is: [repeats-speed.md](repeats-speed.md).

## 字词的轻重 · What words weigh

A pair of characters weighs by how few appeals have it, as learnt while messages come. A message that names what an earlier one named counts only
what it says anew: what fifty people say of one matter stays as rare as the matter is. Beside pairs, runs of three characters of the titles are
compared, names and everyday words apart, and a numeral before what it counts is a figure (一号线 is 1号线). An earlier ticket that has
little in common with a message counts for nearly as much as another that has much and is like it, and that one for the next: of many
tellings of one matter no two need have the same words.

## 训练 · Training

- Weights (\`config/rules/repeats/weights.json\`): \`node scripts/train-repeats.ts MESSAGES PAIRS INCIDENTS\`. Labelled pairs, what the index finds beside
  them (a fifth of the weight), and what we wrote ourselves (\`config/samples\`): the samples of the demo, complaints about
  other places, and short tellings of which a generator makes who asks again and who has something new. The demo therefore shows what was trained on; the two hundred template twins of the tests were not trained on.
- Topics (\`config/rules/repeats/topics.json\`): \`node scripts/train-topics.ts FILE…\`, from text without labels. The text of all parts was among it,
  so the figures above know how often everyday words go together in them, but nothing of what is the same.
- A city's own weights: \`huisu repeats train\` learns from the links that clerks made and undid and the incidents they merged and split, shows before and after on pairs held out, and
  changes nothing without \`--apply\`; \`huisu repeats put-back\` undoes it.
`,
);
console.log(
  JSON.stringify({ f1: pairs['f1'], mergePrecision: replayed['mergePrecision'], mergedShare: replayed['mergedShare'] }),
);
