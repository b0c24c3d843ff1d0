// Checks a stranger's parsed JSON against a Joi schema and names every fault by JSON Pointer, in words and without its values.
import type { Description, ObjectSchema, ValidationErrorItem } from 'joi';
import { type Bilingual, both, type FieldError, pointer } from './problem.ts';
import type { QuickCheck } from './quick-check.ts';

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: FieldError[] };

const EVERY_FAULT = { abortEarly: false, errors: { render: false } } as const;
/** Faults told at once; a body with more of them is not mended by a longer list. */
const MOST_FAULTS = 50;

/**
 * Checks a value. A good one costs one pass; a bad one is walked again for the whole list of faults. Pass a schema with
 * `prefs({ convert: false })`: a string is no number here.
 * @param quick `quickCheck(schema)`: what it takes is good; of anything else the schema itself says what is wrong
 */
export function checkBody<T>(schema: ObjectSchema<T>, value: unknown, quick?: QuickCheck): Checked<T> {
  if (quick?.(value) || schema.validate(value).error === undefined) return { ok: true, value: value as T };
  const details = schema.validate(value, EVERY_FAULT).error?.details ?? [];
  return { ok: false, errors: details.slice(0, MOST_FAULTS).map(detail => fieldError(schema, detail)) };
}

function fieldError(schema: ObjectSchema, detail: ValidationErrorItem): FieldError {
  const [code, words] = explain(schema, detail);
  return { pointer: pointer(detail.path), code, detail: both(words) };
}

const TYPES: Readonly<Record<string, Bilingual>> = {
  object: { zh: '对象', en: 'an object' },
  array: { zh: '数组', en: 'an array' },
  string: { zh: '字符串', en: 'a string' },
  number: { zh: '数字', en: 'a number' },
  boolean: { zh: 'true 或 false', en: 'true or false' },
};

type Explanation = readonly [code: string, words: Bilingual];

function explain(schema: ObjectSchema, detail: ValidationErrorItem): Explanation {
  const context = detail.context ?? {};
  const limit = String(context['limit'] ?? '');
  const [type = '', rule = ''] = detail.type.split('.');
  switch (detail.type) {
    case 'any.required':
      return ['required', { zh: '缺少必填字段', en: 'this field is required' }];
    case 'object.unknown':
      return unknownField(schema, detail.path);
    case 'any.only': {
      const allowed = (context['valids'] as unknown[]).join(', ');
      return ['not-allowed', { zh: `只能是:${allowed}`, en: `must be one of: ${allowed}` }];
    }
    case 'object.missing':
    case 'object.xor': {
      const peers = (context['peers'] as string[]).join(', ');
      return [
        'exactly-one',
        { zh: `以下字段必须且只能有一个:${peers}`, en: `exactly one of these is needed: ${peers}` },
      ];
    }
    case 'object.and':
      return [
        'belong-together',
        {
          zh: '这些字段必须一起出现',
          en: `these belong together: ${(context['missing'] as string[]).join(', ')} is missing`,
        },
      ];
    case 'object.with':
      return [
        'belong-together',
        {
          zh: `${String(context['main'])} 须与 ${String(context['peer'])} 同时给出`,
          en: `${String(context['main'])} needs ${String(context['peer'])} beside it`,
        },
      ];
    case 'string.empty':
      return ['empty', { zh: '不能为空', en: 'must not be empty' }];
    case 'string.pattern.name': {
      const like = String(context['name']);
      return ['wrong-format', { zh: `格式不对,应形如 ${like}`, en: `has the wrong format; it looks like ${like}` }];
    }
    case 'string.pattern.base':
      return ['wrong-format', { zh: '格式不对', en: 'has the wrong format' }];
    case 'number.integer':
      return ['wrong-type', { zh: '应为整数', en: 'must be a whole number' }];
    case 'number.unsafe':
    case 'number.infinity':
      return ['out-of-range', { zh: '数值过大', en: 'the number is too large' }];
  }
  if (rule === 'max') return tooMuch(type, limit);
  if (rule === 'min') return ['out-of-range', { zh: `不得小于 ${limit}`, en: `must be at least ${limit}` }];
  const expected = TYPES[type] ?? { zh: '其他类型', en: 'of another type' };
  return [
    'wrong-type',
    { zh: `应为${/^[a-z]/.test(expected.zh) ? ' ' : ''}${expected.zh}`, en: `must be ${expected.en}` },
  ];
}

function tooMuch(type: string, limit: string): Explanation {
  if (type === 'string') return ['too-long', { zh: `最多 ${limit} 个字符`, en: `at most ${limit} characters` }];
  if (type === 'array') return ['too-long', { zh: `最多 ${limit} 项`, en: `at most ${limit} items` }];
  return ['out-of-range', { zh: `不得大于 ${limit}`, en: `must be at most ${limit}` }];
}

function unknownField(schema: ObjectSchema, path: readonly (string | number)[]): Explanation {
  const known = knownKeys(schema, path.slice(0, -1));
  const meant = didYouMean(String(path.at(-1)), known);
  if (meant === null) return ['unknown-field', { zh: '没有这个字段', en: 'there is no such field' }];
  return [
    'unknown-field',
    { zh: `没有这个字段,是否想写 ${meant}?`, en: `there is no such field; did you mean ${meant}?` },
  ];
}

const descriptions = new WeakMap<ObjectSchema, Description>();

function knownKeys(schema: ObjectSchema, path: readonly (string | number)[]): string[] {
  let here: Description | undefined = descriptions.get(schema) ?? schema.describe();
  descriptions.set(schema, here);
  for (const step of path) {
    here = typeof step === 'number' ? here?.['items']?.[0] : here?.keys?.[step];
  }
  return Object.keys(here?.keys ?? {});
}

/** The candidate nearest to a word, or null when none is near enough to be a slip of the finger. */
export function didYouMean(word: string, candidates: readonly string[]): string | null {
  // Nobody misspells a field with a hundred letters, and the distance costs the product of both lengths.
  if (word.length > 64) return null;
  const plain = fold(word);
  let best: string | null = null;
  let least = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(plain, fold(candidate));
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** `external_id`, `ExternalID` and `externalId` are one word. */
function fold(word: string): string {
  return word.toLowerCase().replaceAll(/[_-]/g, '');
}

/** Levenshtein's distance with swapped neighbours counted once. */
function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (older[j - 2] ?? 0) + 1);
      current.push(least);
    }
    older = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
