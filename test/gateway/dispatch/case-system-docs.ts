// The parts of docs/case-system.md that are made from code: example bodies, the signature vector, the mapped example, the codes.

import { parse } from 'yaml';
import { secretKey, signWebhook } from '../../../adapters/kit/signature.ts';
import { CASE_ENTRY_KINDS, caseSystemSettings } from '../../../config/case-system.ts';
import { CAUSES } from '../../../gateway/dispatch/causes.ts';
import { DOCUMENTED, exampleBodies } from '../../../gateway/dispatch/examples.ts';
import { mapBody } from '../../../gateway/dispatch/mapping.ts';

/** Settings of a system with a protocol of its own, as the page shows them. */
export const DIALECT = `caseSystem:
  url: http://10.20.30.40:8080
  paths:
    ticket.created: /TbPushWork/upload
    ticket.followed-up: /TbPushWork/urge
    ticket.corrected: /TbPushWork/upload
    ticket.link-undone: null
    ticket.withdrawn: null
  auth: { kind: header, name: x-api-key, value: "\${CASE_SYSTEM_KEY}" }
  mapping:
    time: { format: yyyy-MM-dd HH:mm:ss, zone: Asia/Shanghai }
    tables:
      type: { 咨询: 1, 求助: 2, 投诉: 3, 举报: 4, 建议: 5, 表扬: 6, 其他: 9 }
      level: { 一般: "0", 紧急: "1", 复杂: "0" }
    fields:
      default:
        - { to: workordercode, from: ticket }
        - { to: state, value: 0 }
        - { to: info.title, from: data.appeal.title }
        - { to: info.content, from: data.appeal.content }
        - { to: info.type, from: data.appeal.type, table: type }
        - { to: info.level, from: data.appeal.urgency, table: level }
        - { to: info.kinds, from: data.appeal.category.labels, as: join, otherwise: "" }
        - { to: area, from: data.place.division, otherwise: "220500" }
        - { to: place, from: data.place.text, otherwise: "" }
        - { to: dispatchtime, from: createdAt, as: time }
        - { to: limittime, from: data.handling.deadlines.1.at, as: time }
  success:
    statuses: [200]
    path: code
    values: ["0000"]
    alreadyValues: ["0002"]
    retryValues: ["0009"]
    caseNumber: data.orderNo
    message: msg
`;

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=';
const VECTOR = { id: '261123K7Q2M9D4X06:0:ticket-created', timestamp: 1_795_400_250, body: '{"test": 2432232314}' };

export const EVENT = {
  eventId: 'evt-20261124-0092',
  number: DOCUMENTED.number,
  type: 'closed',
  at: '2026-11-24T16:40:00+08:00',
  caseNumber: DOCUMENTED.caseNumber,
  note: '三盏路灯已更换灯具。',
};

/** Each made part by the mark that stands above it in the page. */
export function madeParts(language: 'zh' | 'en'): ReadonlyMap<string, string> {
  const bodies = exampleBodies(DOCUMENTED);
  const withIdentity = exampleBodies({ ...DOCUMENTED, forwardIdentity: true })['ticket.created'].data;
  const requester = 'requester' in withIdentity ? withIdentity.requester : null;
  const { caseSystem } = parse(DIALECT);
  const { mapping } = caseSystemSettings(caseSystem);
  const mapped = mapping === null ? null : mapBody(bodies['ticket.created'], 'ticket.created', mapping);
  return new Map([
    ...CASE_ENTRY_KINDS.map(kind => [`example: ${kind}`, json(bodies[kind])] as const),
    ['example: requester', json({ requester, requesterWithheld: null })],
    ['event', json(EVENT)],
    ['vector', vector()],
    ['dialect', fence('yaml', DIALECT.trimEnd())],
    ['mapped', json(mapped)],
    ['causes', causes(language)],
  ]);
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function json(value: unknown): string {
  return fence('json', JSON.stringify(value, null, 2));
}

function vector(): string {
  const signature = signWebhook(secretKey(SECRET), VECTOR);
  return fence(
    'text',
    [
      `secret             ${SECRET}`,
      `webhook-id         ${VECTOR.id}`,
      `webhook-timestamp  ${VECTOR.timestamp}`,
      `body               ${VECTOR.body}`,
      `webhook-signature  ${signature}`,
    ].join('\n'),
  );
}

function causes(language: 'zh' | 'en'): string {
  const head = language === 'zh' ? '| 代码 | 含义 | 怎么办 |' : '| code | meaning | what to do |';
  const rows = Object.entries(CAUSES).map(([code, cause]) =>
    language === 'zh'
      ? `| \`${code}\` | ${cause.zh} | ${cause.adviceZh} |`
      : `| \`${code}\` | ${cause.en} | ${cause.adviceEn} |`,
  );
  return [head, '| --- | --- | --- |', ...rows].join('\n');
}

/** What stands under a mark: a fenced block or a table. */
function partAt(page: string, mark: string): { readonly start: number; readonly text: string } {
  const comment = `<!-- ${mark} -->`;
  const at = page.indexOf(comment);
  if (at === -1) throw new Error(`the page has no mark ${comment}`);
  const start = at + comment.length;
  return { start, text: /^\n+(?:```[\s\S]*?\n```|(?:\|.*\|(?:\n|$))+)/.exec(page.slice(start))?.[0] ?? '' };
}

/** The parts of a page by their marks, in a form that the formatter's spaces do not change. */
export function partsOf(page: string, marks: Iterable<string>): ReadonlyMap<string, string> {
  return new Map([...marks].map(mark => [mark, plain(partAt(page, mark).text)]));
}

export function plain(part: string): string {
  const block = /^```json\n([\s\S]*)\n```$/.exec(part.trim())?.[1];
  if (block !== undefined) return JSON.stringify(JSON.parse(block));
  return part
    .trim()
    .replace(/-{3,}/g, '---')
    .replace(/[ \t]+/g, ' ');
}

/** Puts the made parts under their marks, over whatever stands there. */
export function withMadeParts(page: string, language: 'zh' | 'en'): string {
  let text = page;
  for (const [mark, part] of madeParts(language)) {
    const old = partAt(text, mark);
    const after = text.slice(old.start + old.text.length).replace(/^\n+/, '');
    text = `${text.slice(0, old.start)}\n\n${part}\n${after === '' ? '' : `\n${after}`}`;
  }
  return text;
}
