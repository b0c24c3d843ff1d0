// Why an entry was not taken: every code with its words and what an operator can do, in Chinese and English.
import { cut } from '../../normalizer/text.ts';

export interface Cause {
  readonly zh: string;
  readonly en: string;
  /** What to do about it. */
  readonly adviceZh: string;
  readonly adviceEn: string;
}

/** Causes of failed and dead entries by their code; the same codes stand in docs/errors.md. */
export const CAUSES = {
  'case-system.unreachable': {
    zh: '连接不上工单系统',
    en: 'the case system cannot be reached',
    adviceZh: '检查 caseSystem.url、网络与防火墙；恢复后自动重试。',
    adviceEn: 'Check caseSystem.url, network and firewall; entries are sent again by themselves.',
  },
  'case-system.tls': {
    zh: '工单系统的证书未通过校验',
    en: "the case system's certificate was not accepted",
    adviceZh: '证书过期请对方更换；自建 CA 请填写 caseSystem.tls.ca。',
    adviceEn: 'Have an expired certificate replaced; for an authority of your own set caseSystem.tls.ca.',
  },
  'case-system.timeout': {
    zh: '工单系统未在时限内应答，是否收到未知',
    en: 'no answer in time; whether it arrived is unknown',
    adviceZh: '对方较慢时可调大 caseSystem.deadlines；建议配置 caseSystem.lookUp，以便重发前先反查。',
    adviceEn: 'Raise caseSystem.deadlines for a slow system; caseSystem.lookUp lets us ask before sending again.',
  },
  'case-system.broken-off': {
    zh: '连接在应答前中断，是否收到未知',
    en: 'the connection broke before an answer; whether it arrived is unknown',
    adviceZh: '自动重试；频繁出现时检查中间的代理或防火墙。',
    adviceEn: 'Sent again by itself; if it keeps happening check proxies and firewalls on the way.',
  },
  'case-system.answer-too-long': {
    zh: '应答超过上限，未读完',
    en: 'the answer is longer than allowed',
    adviceZh: '请对方只应答约定的内容，或调大 caseSystem.maxAnswerKb。',
    adviceEn: 'Have them answer what was agreed only, or raise caseSystem.maxAnswerKb.',
  },
  'case-system.redirect': {
    zh: '工单系统要求跳转，按规定不跟随',
    en: 'the case system redirects, which is never followed',
    adviceZh: '把 caseSystem.url 改为最终地址；若跳到登录页，说明认证未通过。',
    adviceEn: 'Set caseSystem.url to the final address; a redirect to a login page means the credentials fail.',
  },
  'case-system.credentials': {
    zh: '工单系统拒绝了认证',
    en: 'the case system refuses our credentials',
    adviceZh: '核对 caseSystem.auth；改正后自动重试，工单不会丢失。',
    adviceEn: 'Check caseSystem.auth; entries are sent again by themselves once it is right.',
  },
  'case-system.not-found': {
    zh: '工单系统没有这个接口地址',
    en: 'the case system knows no such address',
    adviceZh: '核对 caseSystem.url 与 caseSystem.paths。',
    adviceEn: 'Check caseSystem.url and caseSystem.paths.',
  },
  'case-system.busy': {
    zh: '工单系统暂时无法接收',
    en: 'the case system cannot take it now',
    adviceZh: '自动重试，并遵守对方的 Retry-After。',
    adviceEn: 'Sent again by itself, not before their Retry-After.',
  },
  'case-system.failed': {
    zh: '工单系统内部出错，是否收到未知',
    en: 'the case system failed inside; whether it arrived is unknown',
    adviceZh: '自动重试；持续出现请把编号交给对方排查。',
    adviceEn: 'Sent again by itself; if it goes on give them the number to look into.',
  },
  'case-system.not-understood': {
    zh: '应答不符合成功判定，是否收到未知',
    en: 'the answer is not one that was agreed; whether it arrived is unknown',
    adviceZh: '核对 caseSystem.success；应答若是网页，多半被门户或防火墙拦截。',
    adviceEn: 'Check caseSystem.success; a web page as the answer mostly comes from a portal or firewall on the way.',
  },
  'case-system.refused': {
    zh: '工单系统拒收',
    en: 'the case system refused it',
    adviceZh: '按对方说明修正字段映射或数据后，用 huisu dead-letters replay 重放。',
    adviceEn: 'Mend the field mapping or the data by their words, then huisu dead-letters replay.',
  },
  'dispatch.circuit-open': {
    zh: '工单系统连续失败，暂停发送',
    en: 'the case system failed many times in a row; sending is paused',
    adviceZh: '网关按间隔探测，恢复后自动续发。',
    adviceEn: 'It is probed at intervals and sending goes on by itself.',
  },
  'dispatch.content-missing': {
    zh: '待转办项所指的工单或来件已不存在',
    en: 'the ticket or message behind the entry is gone',
    adviceZh: '可能已按保存期限清除；核对后可作废。',
    adviceEn: 'It may have been purged; check, then leave it dead.',
  },
  'dispatch.content-sealed': {
    zh: '工单内容无法解封',
    en: 'the content of the ticket cannot be unsealed',
    adviceZh: '检查密钥文件是否齐全（含旧密钥），恢复后重放。',
    adviceEn: 'Check that the key file is whole, old keys included; then replay.',
  },
  'dispatch.store': {
    zh: '存储暂不可用',
    en: 'the store is not available',
    adviceZh: '恢复后自动重试。',
    adviceEn: 'Sent again by itself.',
  },
  'dispatch.internal': {
    zh: '网关内部错误',
    en: 'an error inside the gateway',
    adviceZh: '请附上日志中同一编号的记录反馈给开发者。',
    adviceEn: 'Report it with the log lines of that number.',
  },
} as const satisfies Readonly<Record<string, Cause>>;

export type CauseCode = keyof typeof CAUSES;

/** The text kept with a failed entry: code, words in both languages, and what the other side said (masked, at most 200 characters). */
export function causeText(code: CauseCode, detail: string | null): string {
  const { zh, en } = CAUSES[code];
  const text = `${code} ${zh} / ${en}`;
  return detail === null || detail === '' ? text : `${text} · ${cut(detail, 200)}`;
}

/** The code a kept cause begins with. */
export function causeCode(text: string): string {
  return text.split(' ', 1)[0] ?? text;
}
