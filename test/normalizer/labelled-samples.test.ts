// Urgency and type on the shipped messages that say what should be read.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { loadRules } from '../../config/load-rules.ts';
import { readLabelledReadings } from '../../gateway/evaluation/labelled-readings.ts';
import { readingFigures } from '../../gateway/evaluation/reading-figures.ts';
import { compileRulebook } from '../../normalizer/rulebook.ts';
import { RULE_PATHS, rulebook } from './rules.ts';

const rowsOf = (name: string) =>
  readLabelledReadings(fileURLToPath(new URL(`../../config/samples/${name}.jsonl`, import.meta.url)));

describe('shipped messages with what should be read', () => {
  it('three hundred, a hundred of them urgent: few are missed and few taken for urgent', () => {
    const rows = [...rowsOf('urgency-dev'), ...rowsOf('urgency-held')];
    assert.deepEqual([rows.length, rows.filter(({ urgency }) => urgency === '紧急').length], [300, 100]);
    const { figures } = readingFigures(rows, rulebook);
    assert.ok((figures['urgencyRecall'] as number) >= 0.98, JSON.stringify(figures));
    assert.ok((figures['urgencyPrecision'] as number) >= 0.85, JSON.stringify(figures));
  });

  for (const name of ['urgency-unusual', 'urgency-unseen']) {
    it(`nobody made use of (${name}): most are read as urgent, nearly all of the others are put before a clerk`, () => {
      const { figures } = readingFigures(rowsOf(name), rulebook);
      assert.ok((figures['urgencyRecall'] as number) >= 0.75, JSON.stringify(figures));
      assert.ok((figures['urgencyReadOrAsked'] as number) >= 0.93, JSON.stringify(figures));
      assert.ok((figures['urgencyPrecision'] as number) >= 0.9, JSON.stringify(figures));
    });
  }

  it('ten of each type: hardly any is taken for another', () => {
    const { figures } = readingFigures(rowsOf('types'), rulebook);
    assert.ok((figures['typeMacroF1'] as number) >= 0.9, JSON.stringify(figures));
  });

  it('of each type, by an author who knew no rule (types-unseen): three of four are read right', () => {
    const { figures } = readingFigures(rowsOf('types-unseen'), rulebook);
    assert.ok((figures['typeMacroF1'] as number) >= 0.75, JSON.stringify(figures));
    const alone = readingFigures(
      rowsOf('types-unseen'),
      compileRulebook({ ...loadRules(RULE_PATHS), typeModel: null }),
    );
    assert.ok((alone.figures['typeMacroF1'] as number) < (figures['typeMacroF1'] as number) - 0.2);
  });
});
