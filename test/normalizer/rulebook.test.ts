// The rule files: read, checked with file and path, sent between threads, compiled.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { loadRules } from '../../config/load-rules.ts';
import { compileLexicon } from '../../normalizer/lexicon.ts';
import { normalize } from '../../normalizer/normalize.ts';
import type { RulebookData } from '../../normalizer/rule-data.ts';
import { compileRulebook, RulebookInvalid } from '../../normalizer/rulebook.ts';
import { appeal, RULE_PATHS, rulebook, TUESDAY } from './rules.ts';

const data = loadRules(RULE_PATHS);

/** The shipped rules with one section changed. */
function changed(
  section: keyof RulebookData['sections'],
  change: (rules: Record<string, unknown>) => void,
): RulebookData {
  const copy = structuredClone(data) as RulebookData;
  change(copy.sections[section].data as Record<string, unknown>);
  return copy;
}

function problemsOf(broken: RulebookData): readonly string[] {
  try {
    compileRulebook(broken);
  } catch (error) {
    assert.ok(error instanceof RulebookInvalid);
    return error.problems.map(({ file, path, zh }) => `${file.replace(/^.*\//, '')} ${path} ${zh}`);
  }
  return [];
}

describe('rulebook', () => {
  it('can be sent to another thread and reads the same there', () => {
    const other = compileRulebook(structuredClone(data));
    const message = appeal('东昌区新华大街的路灯坏了，电话13800138000');
    assert.deepEqual(normalize(message, other, TUESDAY), normalize(message, rulebook, TUESDAY));
  });

  it('names file, path and reason of everything that is wrong', () => {
    assert.deepEqual(problemsOf(changed('urgency', rules => delete rules['near'])), ['urgency.yaml $.near 缺少此项']);
    assert.deepEqual(problemsOf(changed('types', rules => Object.assign(rules, { fallbak: '求助' }))), [
      'types.yaml $.fallbak 没有这一项，请检查拼写',
    ]);
    const wrong = changed('region', rules => {
      (rules['divisions'] as Record<string, unknown>[])[0]!['code'] = 220502;
    });
    assert.deepEqual(problemsOf(wrong), ['tonghua.yaml $.divisions[0].code 应为文字']);
  });

  it('tells all that is wrong at once', () => {
    const broken = changed('deadlines', rules => {
      delete rules['dispatch'];
      delete rules['return'];
    });
    assert.equal(problemsOf(broken).length, 2);
  });

  it('a missing rule file is told with its name', () => {
    assert.throws(() => loadRules({ ...RULE_PATHS, regionFile: '/nonexistent/region.yaml' }), /region\.yaml/);
  });

  it('the nine divisions of the regulation are there', () => {
    const names = rulebook.rules.region.divisions.map(division => division.name);
    assert.deepEqual(names, [
      '东昌区',
      '二道江区',
      '通化县',
      '辉南县',
      '柳河县',
      '梅河口市',
      '集安市',
      '通化医药高新区',
      '吉林通化国际内陆港务区',
    ]);
  });

  it('codes of the taxonomy are unique and begin with the code above', () => {
    const codes = rulebook.nodes.map(node => node.code);
    assert.equal(new Set(codes).size, codes.length);
    for (const node of rulebook.nodes) {
      if (node.parent >= 0) assert.ok(node.code.startsWith(rulebook.nodes[node.parent]!.code), node.code);
    }
  });

  it('every unit rule is about a class there is', () => {
    const codes = new Set(rulebook.nodes.map(node => node.code));
    for (const { category } of rulebook.rules.units.units) assert.ok(codes.has(category), category);
  });

  it('keeps the shipped files free of tabs and trailing blanks', () => {
    for (const { file } of Object.values(data.sections))
      assert.doesNotMatch(readFileSync(file, 'utf8'), /\t| $/m, file);
  });
});

describe('lexicon', () => {
  const lexicon = compileLexicon([
    { family: 'category', word: '燃气', item: 1 },
    { family: 'category', word: '燃气费', item: 2 },
    { family: 'urgency', word: '燃气', item: 3 },
    { family: 'category', word: '煤气…漏', item: 4 },
    { family: 'category', word: 'KTV', item: 5 },
    { family: 'place', word: '光明街道', item: 6 },
    { family: 'place', word: '光明街道', item: 7 },
  ]);
  const found = (text: string, family: 'category' | 'urgency' | 'place') =>
    (lexicon.scan(text).get(family) ?? []).map(({ item, start, end }) => `${item}:${text.slice(start, end)}`);

  it('the longest word of a family wins, other families see their own', () => {
    assert.deepEqual(found('交燃气费', 'category'), ['2:燃气费']);
    assert.deepEqual(found('交燃气费', 'urgency'), ['3:燃气']);
  });
  it('two halves stand near each other in one sentence', () => {
    assert.deepEqual(found('煤气管道在漏', 'category'), ['4:煤气管道在漏']);
    assert.deepEqual(found('煤气涨价了。水管漏', 'category'), []);
    assert.deepEqual(found('漏了煤气', 'category'), []);
    assert.equal(found(`煤气${'很'.repeat(10)}漏`, 'category').length, 1);
    assert.equal(found(`煤气${'很'.repeat(11)}漏`, 'category').length, 0);
  });
  it('capitals do not matter', () => assert.deepEqual(found('楼下ktv和Ktv', 'category'), ['5:ktv', '5:Ktv']));
  it('one word may mean several things', () =>
    assert.deepEqual(found('光明街道', 'place'), ['6:光明街道', '7:光明街道']));
});
