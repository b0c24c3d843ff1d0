// What a schema found wrong, in words of both languages and with the key that was probably meant; never the value itself.
import type Joi from 'joi';
import type { Bilingual } from './errors.ts';

type Detail = Joi.ValidationErrorItem;
type Sentence = (limit: string) => Bilingual;

/** Forms whose names alone do not say what is wanted. */
const FORMS: Readonly<Record<string, Bilingual>> = {
  'channel id': {
    zh: '小写字母开头，后接小写字母、数字和连字符，最多 40 个',
    en: 'a lower-case letter, then lower-case letters, digits and hyphens, 40 at most',
  },
};

/** Sentences by Joi's type of finding; `limit` is the bound or list the schema names. */
const SENTENCES: Readonly<Record<string, Sentence>> = {
  'any.required': () => ({ zh: '缺少必填项', en: 'is required' }),
  'any.only': limit => ({ zh: `只能是：${limit}`, en: `must be one of: ${limit}` }),
  'alternatives.match': () => ({ zh: '不符合任何一种允许的写法', en: 'matches none of the allowed forms' }),
  'alternatives.types': limit => ({ zh: `类型应为：${limit}`, en: `must be one of the types: ${limit}` }),
  'array.base': () => ({ zh: '应为列表', en: 'must be a list' }),
  'array.min': limit => ({ zh: `至少要有 ${limit} 项`, en: `must have at least ${limit} items` }),
  'array.max': limit => ({ zh: `最多 ${limit} 项`, en: `must have at most ${limit} items` }),
  'array.unique': () => ({ zh: '与前面的一项重复', en: 'repeats an earlier item' }),
  'array.includesRequiredUnknowns': () => ({ zh: '列表里缺少必要的一项', en: 'lacks an item that must be there' }),
  'boolean.base': () => ({ zh: '应为 true 或 false', en: 'must be true or false' }),
  'number.base': () => ({ zh: '应为数字', en: 'must be a number' }),
  'number.integer': () => ({ zh: '应为整数', en: 'must be a whole number' }),
  'number.min': limit => ({ zh: `不得小于 ${limit}`, en: `must be at least ${limit}` }),
  'number.max': limit => ({ zh: `不得大于 ${limit}`, en: `must be at most ${limit}` }),
  'number.port': () => ({ zh: '应为 0 到 65535 的端口号', en: 'must be a port, 0 to 65535' }),
  'number.unsafe': () => ({ zh: '数字过大', en: 'is too large a number' }),
  'object.base': () => ({ zh: '应为“键: 值”的一组设置', en: 'must be a map of settings' }),
  'object.missing': limit => ({ zh: `至少要有其中一项：${limit}`, en: `needs at least one of: ${limit}` }),
  'object.and': limit => ({ zh: `必须同时给出：${limit}`, en: `must be given together: ${limit}` }),
  'object.xor': limit => ({ zh: `只能给出其中一项：${limit}`, en: `takes only one of: ${limit}` }),
  'object.oxor': limit => ({ zh: `只能给出其中一项：${limit}`, en: `takes only one of: ${limit}` }),
  'string.base': () => ({ zh: '应为文字', en: 'must be text' }),
  'string.empty': () => ({ zh: '不能为空', en: 'must not be empty' }),
  'string.min': limit => ({ zh: `至少 ${limit} 个字符`, en: `must have at least ${limit} characters` }),
  'string.max': limit => ({ zh: `最多 ${limit} 个字符`, en: `must have at most ${limit} characters` }),
  'string.pattern.base': () => ({ zh: '写法不符合要求', en: 'has the wrong form' }),
  'string.pattern.name': limit => {
    const { zh, en } = FORMS[limit] ?? { zh: limit, en: limit };
    return { zh: `写法不符合要求（${zh}）`, en: `has the wrong form (${en})` };
  },
  'string.uri': () => ({ zh: '应为完整的网址', en: 'must be a full URL' }),
  'string.uriCustomScheme': limit => ({ zh: `应为以 ${limit} 开头的网址`, en: `must be a URL of scheme ${limit}` }),
  'string.hostname': () => ({ zh: '应为主机名或 IP 地址', en: 'must be a host name or an IP address' }),
  'string.ip': () => ({ zh: '应为 IP 地址', en: 'must be an IP address' }),
  'string.ipVersion': () => ({ zh: '应为 IP 地址或地址段', en: 'must be an IP address or range' }),
  'string.base64': () => ({ zh: '应为 Base64', en: 'must be Base64' }),
  'alarms.login_pair': () => ({ zh: '登录名与密码要同时给出', en: 'user and password go together' }),
  'alarms.plain_login': () => ({ zh: '不加密的连接不能带登录', en: 'must not log in without encryption' }),
  'calendar.day_form': () => ({
    zh: '应为日期，如 2026-04-05，或起止日期，如 2026-01-01..2026-01-03（不超过 31 天）',
    en: 'must be a day such as 2026-04-05, or the first and the last of up to 31, such as 2026-01-01..2026-01-03',
  }),
  'calendar.no_weekend': () => ({
    zh: '调休上班的日期应为周六或周日',
    en: 'must be a Saturday or a Sunday, or several of them',
  }),
  'calendar.other_year': limit => ({
    zh: `有不属于 ${limit} 年的日期（只可跨到上年 12 月和下年 1 月）`,
    en: `holds days that are not of ${limit} (nor of the December before it or the January after it)`,
  }),
  'calendar.both': () => ({
    zh: '同一天既放假又上班',
    en: 'has a day both among the days off and among the working days',
  }),
  'caseSystem.tls_pair': () => ({ zh: '客户端证书与私钥要同时给出', en: 'cert and key go together' }),
  'caseSystem.no_such_table': limit => ({
    zh: `引用了不存在的对照表“${limit}”`,
    en: `names the value table "${limit}", which is not there`,
  }),
  'caseSystem.no_fields': limit => ({
    zh: `缺少“${limit}”或“default”的字段`,
    en: `lacks the fields of "${limit}", or of "default"`,
  }),
  'caseSystem.values_missing': () => ({ zh: '写了 path 就要写 values', en: 'needs values where path is given' }),
};

/** What Joi's own findings begin with; their texts may hold the value. */
const JOIS = new Set([
  'alternatives',
  'any',
  'array',
  'binary',
  'boolean',
  'date',
  'function',
  'number',
  'object',
  'string',
  'symbol',
]);

/** Words for what a schema finds by a code of its own (`mailbox.host_form`); null where there are none. */
export type OwnWords = (code: string) => Bilingual | null;

/** What is known at the place of a finding. */
export interface Known {
  /** Settings there, for "did you mean". */
  readonly keys?: readonly string[];
  readonly words?: OwnWords;
  /** The same finding told by the schema in English. */
  readonly english?: string;
}

/** One finding in words. */
export function explainDetail(detail: Detail, { keys = [], words, english }: Known = {}): Bilingual {
  if (detail.type === 'object.unknown') return unknownKey(String(detail.context?.['key']), keys);
  const sentence = SENTENCES[detail.type];
  if (sentence !== undefined) return sentence(limitOf(detail));
  const own = words?.(detail.type) ?? null;
  if (own !== null) return own;
  // A schema of a third party comes with its own words, which know the form that is wanted.
  if (!JOIS.has(detail.type.split('.')[0] as string)) {
    const en =
      english === undefined || english === detail.message
        ? `is not valid (${detail.type}): ${detail.message}`
        : english;
    return { zh: detail.message, en };
  }
  return { zh: `不符合要求（${detail.type}）`, en: `is not valid (${detail.type})` };
}

function limitOf(detail: Detail): string {
  const { limit, valids, types, name, scheme, peers, present } = detail.context ?? {};
  const found = limit ?? valids ?? types ?? name ?? scheme ?? peers ?? present ?? '';
  return Array.isArray(found) ? found.map(String).join(', ') : String(found);
}

/** "There is no such setting", with the nearest ones that exist. */
function unknownKey(key: string, keys: readonly string[]): Bilingual {
  const near = nearest(key, keys);
  if (near !== null)
    return { zh: `没有“${key}”这一项，是不是想写“${near}”？`, en: `unknown setting "${key}"; did you mean "${near}"?` };
  if (keys.length === 0) return { zh: `没有“${key}”这一项`, en: `unknown setting "${key}"` };
  const list = keys.join(', ');
  return { zh: `没有“${key}”这一项；可用的有：${list}`, en: `unknown setting "${key}"; known ones: ${list}` };
}

/** The word at the least edit distance, if it is near enough to be a slip of the pen. */
export function nearest(word: string, words: readonly string[]): string | null {
  const ranked = words
    .map(candidate => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : null;
}

/** Damerau's: insertions, deletions, replacements and swaps of neighbours count one each. */
function editDistance(one: string, other: string): number {
  if (one.length > 64 || other.length > 64) return Number.POSITIVE_INFINITY;
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const cost = one[i - 1] === other[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[one.length]![other.length]!;
}

/** Keys a schema knows at a path; empty where it takes any. */
export function keysAt(schema: Joi.Schema, path: readonly (string | number)[]): readonly string[] {
  let description: Joi.Description | undefined = schema.describe();
  for (const key of path) {
    if (description === undefined) return [];
    description = typeof key === 'number' ? description['items']?.[0] : description['keys']?.[key];
  }
  return Object.keys(description?.['keys'] ?? {});
}
