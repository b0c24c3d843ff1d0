// What went wrong between us and a mail server, from the IMAP client's errors to ours, each in a sentence for the operator.
import { CredentialsRefused, Misconfigured, PlatformError, Unavailable } from '../contract.ts';

/** What the IMAP client and Node attach to their errors. */
interface Attached {
  readonly code?: unknown;
  readonly authenticationFailed?: unknown;
  readonly serverResponseCode?: unknown;
  readonly responseStatus?: unknown;
  readonly responseText?: unknown;
  readonly response?: unknown;
  readonly mailboxMissing?: unknown;
  readonly tlsFailed?: unknown;
  readonly message?: unknown;
}

/** Response codes of RFC 5530 that tell of a server in trouble, not of wrong credentials. */
const BUSY = new Set(['UNAVAILABLE', 'INUSE', 'LIMIT', 'SERVERBUG', 'CONTACTADMIN', 'OVERQUOTA']);
const UNTRUSTED = /^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH|CRL_)/;
const TLS = /^(EPROTO|ERR_SSL|ERR_TLS|ClosedAfterConnectTLS|STARTTLS_INJECTION|UPGRADE_TIMEOUT)/;
/** 163, 126 and yeah.net refuse SELECT with these words when IMAP is off or the web password was used. */
const UNSAFE = /unsafe login/i;
const IMAP_OFF =
  /imap\S*\s.*(disabled|not enabled|is off|not open)|(enable|activate|turn on) imap|service is not open/i;

function attached(error: unknown): Attached {
  return typeof error === 'object' && error !== null ? error : {};
}

/** The server's own words, lower priority than codes; never shown or logged, since they may quote an account. */
function wordsOf(error: unknown): string {
  const { responseText, response } = attached(error);
  return [responseText, response].filter(part => typeof part === 'string').join(' ');
}

/** True when the server answered a command with NO or BAD; the connection is still good. */
function isServerRefusal(error: unknown): boolean {
  const { responseStatus } = attached(error);
  return responseStatus === 'NO' || responseStatus === 'BAD';
}

/** True when the server read the login and would not have it; a busy server or a broken connection is something else. */
function isLoginRefusal(error: unknown): boolean {
  const { authenticationFailed, serverResponseCode } = attached(error);
  return authenticationFailed === true && !BUSY.has(String(serverResponseCode));
}

/** Our error for one of the IMAP client's, of the network's or of TLS. Ours stay as they are, and so does a defect. */
export function asPlatformError(error: unknown): unknown {
  if (error instanceof PlatformError) return error;
  const cause = { cause: error };
  const words = wordsOf(error);
  if (UNSAFE.test(words)) return unsafeLogin(cause);
  if (attached(error).authenticationFailed === true) return loginFault(error, words);
  const { code, mailboxMissing } = attached(error);
  if (mailboxMissing === true) {
    return new Misconfigured('mailbox.folder_missing', '/folders', 'the mailbox has no folder of this name', cause);
  }
  return networkFault(typeof code === 'string' ? code : '', cause) ?? serverFault(error, cause);
}

function unsafeLogin(cause: ErrorOptions): PlatformError {
  return new CredentialsRefused(
    'mailbox.unsafe_login',
    'the provider calls the login unsafe: switch IMAP on in its settings and use an app password',
    cause,
  );
}

function loginFault(error: unknown, words: string): PlatformError {
  const cause = { cause: error };
  if (!isLoginRefusal(error)) {
    return new Unavailable('mailbox.login_unavailable', 'the mail server cannot check logins at the moment', cause);
  }
  if (attached(error).message === 'Login is disabled') {
    return new Misconfigured('mailbox.login_needs_tls', '/tls', 'the server takes passwords over TLS only', cause);
  }
  if (IMAP_OFF.test(words)) {
    return new CredentialsRefused('mailbox.imap_disabled', 'IMAP is switched off for this account', cause);
  }
  return new CredentialsRefused('mailbox.login_refused', 'the mail server refuses user and password', cause);
}

function networkFault(code: string, cause: ErrorOptions): PlatformError | null {
  if (code === 'ENOTFOUND') return new Unavailable('mailbox.host_unknown', 'no machine has this host name', cause);
  if (UNTRUSTED.test(code)) {
    return new Unavailable('mailbox.tls_untrusted', 'the certificate of the mail server is not trusted', cause);
  }
  if (TLS.test(code)) return new Unavailable('mailbox.tls_failed', 'no encrypted connection came about', cause);
  if (/^(ECONN|EHOST|ENET|ETIMEDOUT|EAI_AGAIN|EPIPE|EADDR|CONNECT_TIMEOUT|GREETING_TIMEOUT)/.test(code)) {
    return new Unavailable('mailbox.unreachable', 'the mail server cannot be reached', cause);
  }
  return null;
}

function serverFault(error: unknown, cause: ErrorOptions): unknown {
  if (attached(error).tlsFailed === true) {
    return new Unavailable('mailbox.no_starttls', 'the mail server offers no STARTTLS', cause);
  }
  if (isServerRefusal(error)) {
    return new Unavailable('mailbox.command_refused', 'the mail server refused a command', cause);
  }
  if (typeof attached(error).code !== 'string') return error;
  return new Unavailable('mailbox.connection_lost', 'the connection to the mail server broke', cause);
}
