// Alarms by mail: one message over SMTP with TLS, in Chinese and English; the mail server's refusals put into our errors.
import { createTransport } from 'nodemailer';
import { CredentialsRefused, type PlatformError, Refused, Unavailable } from '../../adapters/contract.ts';
import type { AlarmMail } from '../../config/alarms.ts';
import type { Notice } from './alarm.ts';
import { noticeBody, type Way } from './way.ts';

const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;

export function mailWay(settings: AlarmMail, name: string): Way {
  return {
    name: 'mail',
    target: settings.to,
    async send(notice, signal) {
      const transport = createTransport({
        host: settings.host,
        port: settings.port,
        secure: settings.security === 'tls',
        requireTLS: settings.security === 'starttls',
        ignoreTLS: settings.security === 'none',
        ...(settings.user === null || settings.password === null
          ? {}
          : { auth: { user: settings.user, pass: settings.password } }),
        tls: { minVersion: 'TLSv1.2', ...(settings.ca === null ? {} : { ca: settings.ca }) },
        connectionTimeout: CONNECT_MS,
        greetingTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        const { response } = await transport.sendMail({ ...messageOf(notice, settings, name), signal });
        return response;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw mailError(error);
      } finally {
        transport.close();
      }
    },
  };
}

function messageOf(notice: Notice, { from, to }: AlarmMail, name: string) {
  const { subject, text } = noticeBody(notice, name).data;
  return {
    from,
    to,
    subject: `${subject.zh} / ${subject.en}`,
    text: `${text.zh}\n\n${text.en}\n`,
    date: new Date(notice.at),
    // The same on every attempt: a mail that arrives twice is one to most mail programs.
    messageId: `<${notice.id}@${from.slice(from.lastIndexOf('@') + 1)}>`,
    // Out-of-office answers to a machine help nobody, and a channel that reads this mailbox must not take it for an appeal.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  };
}

const TLS = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO|HOSTNAME_MISMATCH/;

interface MailFault {
  readonly code?: string;
  /** Three digits of SMTP. */
  readonly responseCode?: number;
}

function mailError(error: unknown): PlatformError {
  const { code = '', responseCode } = (error instanceof Error ? error : {}) as MailFault;
  // The library names its own code; the system's, which says more, stands in the text only.
  const system = error instanceof Error ? /\bE[A-Z]{4,}\b/.exec(error.message)?.[0] : undefined;
  const words =
    responseCode === undefined
      ? `the mail server failed (${system ?? code})`
      : `the mail server answered ${responseCode}`;
  const low = error instanceof Error ? ((error.cause as MailFault | undefined)?.code ?? '') : '';
  if (code === 'EAUTH' || code === 'ENOAUTH') {
    // 4xx: not now; 5xx: never with this password.
    if (responseCode !== undefined && responseCode < 500)
      return new Unavailable('alarm.mail_later', words, { cause: error });
    return new CredentialsRefused('alarm.mail_login_refused', words, { cause: error });
  }
  if (code === 'ETLS' || TLS.test(code) || TLS.test(low) || (error instanceof Error && TLS_WORDS.test(error.message)))
    return new Unavailable('alarm.mail_tls', words, { cause: error });
  if (code === 'ETIMEDOUT') return new Unavailable('alarm.mail_timeout', words, { cause: error });
  if (responseCode !== undefined && responseCode >= 500)
    return new Refused('alarm.mail_refused', words, { cause: error });
  if (responseCode !== undefined) return new Unavailable('alarm.mail_later', words, { cause: error });
  return new Unavailable('alarm.mail_unreachable', words, { cause: error });
}

/** The library hands on OpenSSL's words where there is no code. */
const TLS_WORDS = /certificate|wrong version number|STARTTLS|altnames/i;
