// Every refusal a partner can meet, with its status and its words; docs/partners.md lists them by code.
import type { WebhookAnswer } from '../contract.ts';
import type { JsonProblem } from '../kit/json.ts';
import type { MultipartProblem } from '../kit/multipart.ts';
import { type Bilingual, both, type FieldError, pointer, problemAnswer } from '../kit/problem.ts';

interface Words {
  readonly status: number;
  readonly title: Bilingual;
  readonly detail: Bilingual;
}

export const PROBLEMS = {
  'body-too-large': {
    status: 413,
    title: { zh: '请求体过大', en: 'The body is too large' },
    detail: {
      zh: 'JSON(含内联附件)不超过 256 kB;更大的附件请用 multipart 或网址。',
      en: 'JSON, inline attachments included, has at most 256 kB; send larger files by multipart or by URL.',
    },
  },
  'files-too-large': {
    status: 413,
    title: { zh: '附件过大', en: 'The files are too large' },
    detail: {
      zh: '每个文件不超过 20 MB,最多 10 个,合计不超过 50 MB。',
      en: 'At most 20 MB a file, 10 files, and 50 MB in all.',
    },
  },
  'unsupported-media-type': {
    status: 415,
    title: { zh: '不支持的内容类型', en: 'Unsupported content type' },
    detail: {
      zh: '请用 application/json 或 multipart/form-data。',
      en: 'Send application/json or multipart/form-data.',
    },
  },
  'not-utf8': {
    status: 400,
    title: { zh: '请求体不是 UTF-8', en: 'The body is not UTF-8' },
    detail: {
      zh: '请用 UTF-8 编码发送(不要用 GBK),并对这些字节签名。',
      en: 'Send UTF-8 (not GBK) and sign those bytes.',
    },
  },
  'not-json': {
    status: 400,
    title: { zh: '请求体不是合法的 JSON', en: 'The body is not valid JSON' },
    detail: { zh: '请检查 JSON 语法。', en: 'Check the syntax of the JSON.' },
  },
  'too-deep': {
    status: 400,
    title: { zh: 'JSON 嵌套过深', en: 'The JSON is nested too deeply' },
    detail: { zh: '嵌套不超过 32 层。', en: 'At most 32 levels of nesting.' },
  },
  'forbidden-key': {
    status: 400,
    title: { zh: 'JSON 含有禁用的键', en: 'The JSON has a forbidden key' },
    detail: {
      zh: '不接受 __proto__ 与 constructor.prototype。',
      en: '__proto__ and constructor.prototype are not taken.',
    },
  },
  'duplicate-key': {
    status: 400,
    title: { zh: 'JSON 中有重复的键', en: 'The JSON names a member twice' },
    detail: {
      zh: '同一对象里每个键只能出现一次,重复的位置见 errors。',
      en: 'An object names each member once; errors says where one comes again.',
    },
  },
  'bad-multipart': {
    status: 400,
    title: { zh: 'multipart 请求体有误', en: 'The multipart body is malformed' },
    detail: {
      zh: '第一部分须为 JSON,其后每一部分须为带文件名的文件。',
      en: 'The first part must be the JSON, each part after it a file with a file name.',
    },
  },
  invalid: {
    status: 422,
    title: { zh: '内容不符合约定', en: 'The body does not match the schema' },
    detail: {
      zh: '逐项见 errors;改好后用新的 webhook-id 重发。',
      en: 'See errors; send the mended body under a new webhook-id.',
    },
  },
  'id-reused': {
    status: 422,
    title: { zh: '该 webhook-id 已用于另一条消息', en: 'This id was used for another message' },
    detail: {
      zh: '同一 webhook-id 先前随另一请求体使用过;改动后的消息请用新的 id。',
      en: 'The id was used before with another body. Send the changed message under a new id.',
    },
  },
  'too-many-requests': {
    status: 429,
    title: { zh: '请求过于频繁', en: 'Too many requests' },
    detail: {
      zh: '请按 Retry-After 等待后,以同一 webhook-id 重发。',
      en: 'Wait for Retry-After, then send again under the same id.',
    },
  },
  'not-found': {
    status: 404,
    title: { zh: '没有找到', en: 'Not found' },
    detail: { zh: '没有这个地址,或没有这个工单编号。', en: 'There is no such address, or no such number.' },
  },
  'method-not-allowed': {
    status: 405,
    title: { zh: '只接受 POST', en: 'Only POST is taken' },
    detail: { zh: '请用 POST 请求。', en: 'Use POST.' },
  },
} as const satisfies Record<string, Words>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface ProblemExtras {
  readonly detail?: Bilingual;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer for one code; `instance` is the channel's address. */
export function refuse(channel: string, code: ProblemCode, extras: ProblemExtras = {}): WebhookAnswer {
  return problemAnswer({ ...PROBLEMS[code], ...extras, code, instance: `/hooks/${channel}` });
}

export function refuseJson(channel: string, problem: JsonProblem): WebhookAnswer {
  const { offset, line } = problem;
  const at: Bilingual = { zh: `位置:第 ${line} 行,偏移 ${offset}。`, en: `At line ${line}, offset ${offset}.` };
  const code = (
    {
      'json.not-utf8': 'not-utf8',
      'json.too-deep': 'too-deep',
      'json.malformed': 'not-json',
      'json.forbidden-key': 'forbidden-key',
      'json.duplicate-key': 'duplicate-key',
    } as const
  )[problem.code];
  const { detail } = PROBLEMS[code];
  if (problem.path !== null) {
    return refuse(channel, code, { errors: [{ pointer: pointer(problem.path), code, detail: both(detail) }] });
  }
  return refuse(channel, code, { detail: { zh: `${detail.zh}${at.zh}`, en: `${detail.en} ${at.en}` } });
}

export function refuseMultipart(channel: string, problem: MultipartProblem): WebhookAnswer {
  const code = (
    {
      'multipart.malformed': 'bad-multipart',
      'multipart.first-part-missing': 'bad-multipart',
      'multipart.first-part-too-large': 'body-too-large',
      'multipart.file-too-large': 'files-too-large',
      'multipart.too-many-files': 'files-too-large',
      'multipart.too-large': 'files-too-large',
    } as const
  )[problem.code];
  return refuse(channel, code);
}
