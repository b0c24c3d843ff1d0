// Mails that no citizen wrote: returned ones, receipts, automatic answers, mass mails, and our own that come back.
import type { NotAnAppeal } from '../contract.ts';
import type { MailHeaders } from './headers.ts';

/** Header lines that begin so are in every mail this gateway sends; whatever carries one is ours. */
const OWN_HEADERS = 'x-huisu-';

/** A mail that has passed this many servers is going round in circles; RFC 5321 speaks of a hundred at the least. */
const MOST_HOPS = 50;

const DAEMON = /^(?:mailer-daemon|mail-daemon|postmaster|mdaemon|bounce[sd]?(?:[+-].*)?)@/i;
const DAEMON_NAME = /^(?:mail delivery (?:sub)?system|mailer-daemon|系统退信)/i;
const RETURNED =
  /^\s*(?:系统退信|退信|退信通知|来自.{1,20}的退信|邮件(?:发送|投递)(?:失败|不成功)|无法(?:送达|投递|传递)|未(?:送达|传递)的?邮件|Undeliver(?:ed|able)|Delivery (?:Status Notification|failure|has failed)|Mail delivery failed|Returned mail|failure notice|Mail System Error)/i;
const AUTOMATIC =
  /^\s*(?:\[?(?:自动(?:回复|答复|应答|回覆)|自動(?:回覆|回復|答覆))\]?\s*(?:[:：\]】]|$)|(?:AutoReply|Auto(?:matic)?[\s-]?(?:reply|response|answer))\b|Out of (?:the )?office\b|(?:Read|Read receipt|已读)\s*[:：]\s*\S)/i;
const READ_RECEIPT = /^\s*(?:Read|Read receipt|已读)\s*[:：]/i;
const MASS = /^\s*(?:bulk|list|junk)\b/i;

/** What the judgement needs of a mail. */
export interface MailFacts {
  readonly headers: MailHeaders;
  readonly subject: string;
  /** Address of From, lower-case; '' where there is none. */
  readonly from: string;
  readonly fromName: string;
  /** Address of Reply-To, lower-case. */
  readonly replyTo: string;
  /** Type of the whole mail and its parameters. */
  readonly type: string;
  readonly reportType: string;
  /** Text of the message/delivery-status part. */
  readonly deliveryStatus: string | null;
}

/** Why a mail is no appeal; null when a person may have written it. */
export function notWritten(mail: MailFacts, ownAddresses: readonly string[]): NotAnAppeal | null {
  return returned(mail) ?? loop(mail, ownAddresses) ?? automatic(mail, ownAddresses);
}

function nullReturnPath(headers: MailHeaders): boolean {
  return headers.all('return-path').some(path => /^<\s*>$/.test(path));
}

function no(reason: NotAnAppeal['reason'], detail: string): NotAnAppeal {
  return { kind: 'not-an-appeal', reason, detail };
}

function returned(mail: MailFacts): NotAnAppeal | null {
  const { headers, deliveryStatus } = mail;
  if (mail.reportType === 'disposition-notification') return no('delivery-report', 'disposition-notification');
  if (mail.reportType === 'delivery-status' || deliveryStatus !== null) return delivery(deliveryStatus ?? '');
  if (mail.type === 'multipart/report') return no('bounce', 'multipart/report');
  if (headers.has('x-failed-recipients')) return no('bounce', 'x-failed-recipients');
  const daemon = DAEMON.test(mail.from) || DAEMON_NAME.test(mail.fromName);
  // A daemon's name can be forged and a person can complain about a returned mail: two signs are asked for.
  const signs = [daemon, nullReturnPath(headers), RETURNED.test(mail.subject)].filter(Boolean).length;
  return signs >= 2 && (daemon || RETURNED.test(mail.subject)) ? no('bounce', 'mailer-daemon') : null;
}

/** RFC 3464: one delivery-status part can report several recipients; what failed decides. */
function delivery(status: string): NotAnAppeal {
  const actions = [...status.matchAll(/^Action:\s*([a-z]+)/gim)].map(([, action]) => (action as string).toLowerCase());
  const code = /^Status:\s*(\d\.\d{1,3}\.\d{1,3})/im.exec(status)?.[1];
  const good = actions.length > 0 && actions.every(action => action !== 'failed');
  return no(good ? 'delivery-report' : 'bounce', code ?? actions[0] ?? 'delivery-status');
}

function loop(mail: MailFacts, ownAddresses: readonly string[]): NotAnAppeal | null {
  if (mail.headers.hasPrefix(OWN_HEADERS)) return no('loop', 'own-header');
  const own = (address: string): boolean => ownAddresses.some(one => one.toLowerCase() === address);
  // The form on a city's own site sends from our address and names the citizen as the one to answer.
  if (own(mail.from) && (mail.replyTo === '' || own(mail.replyTo))) return no('loop', 'own-address');
  return mail.headers.all('received').length >= MOST_HOPS ? no('loop', 'too-many-hops') : null;
}

/**
 * X-Auto-Response-Suppress and an empty return path forbid an answer, but do not say by themselves that nobody wrote the
 * mail: forms send them, too. Together, or with other signs, they do.
 */
function automatic(mail: MailFacts, ownAddresses: readonly string[]): NotAnAppeal | null {
  const { headers } = mail;
  const submitted = (headers.first('auto-submitted') ?? 'no').toLowerCase();
  if (!/^\s*no\b/.test(submitted) && submitted !== '') return no('auto-reply', 'auto-submitted');
  if (READ_RECEIPT.test(mail.subject)) return no('delivery-report', 'read-receipt');
  if (AUTOMATIC.test(mail.subject)) return no('auto-reply', 'subject');
  if (['x-autoreply', 'x-autorespond', 'x-autoreply-from'].some(name => headers.has(name))) {
    return no('auto-reply', 'x-autoreply');
  }
  const precedence = headers.first('precedence') ?? '';
  if (/auto_?reply/i.test(precedence)) return no('auto-reply', 'precedence');
  const signs = [nullReturnPath(headers), headers.has('x-auto-response-suppress'), MASS.test(precedence)];
  if (signs.filter(Boolean).length >= 2) return no('auto-reply', 'auto-response');
  const list = ['list-id', 'list-unsubscribe', 'list-post'].some(name => headers.has(name));
  if (!list && !MASS.test(precedence)) return null;
  return isOwnList(headers, ownAddresses) ? null : no('auto-reply', list ? 'mailing-list' : 'precedence');
}

/** A mailbox may be behind a distribution list of our own: what the list passes on are citizens' letters. */
function isOwnList(headers: MailHeaders, ownAddresses: readonly string[]): boolean {
  const written = ['list-id', 'list-post']
    .flatMap(name => headers.all(name))
    .join(' ')
    .toLowerCase();
  return ownAddresses.some(address => {
    const mail = address.toLowerCase();
    return written.includes(`mailto:${mail}>`) || written.includes(`<${mail.replace('@', '.')}>`);
  });
}
