// What to log in with: the password, or an access token that is fetched and renewed before it expires (OAuth 2.0).
import { CredentialsRefused, Misconfigured, PlatformError, Unavailable } from '../contract.ts';
import { outgoing } from '../kit/http.ts';
import type { Login } from './client.ts';
import type { MailboxOauth, MailboxSettings } from './settings.ts';

export interface LoginSource {
  /** Throws `CredentialsRefused` when the provider takes the refresh token no more, `Unavailable` when it cannot be asked. */
  next(): Promise<Login>;
  /** The server refused it: true when another one can be had, so that it is worth one more try. */
  refused(): boolean;
}

/** A token with less time left is renewed first; a token of an hour serves some 55 minutes. */
const RENEW_BEFORE_MS = 5 * 60_000;
/** Where the provider does not say how long a token is good (RFC 6749 leaves it open). */
const USUAL_SECONDS = 3600;

interface Token {
  readonly accessToken: string;
  readonly renewAt: number;
}

type Refreshing = MailboxOauth & {
  readonly endpoint: string;
  readonly clientId: string;
  readonly refreshToken: string;
};

function isRefreshing(oauth: MailboxOauth): oauth is Refreshing {
  return oauth.endpoint !== undefined && oauth.clientId !== undefined && oauth.refreshToken !== undefined;
}

export function loginSource({ password, oauth }: MailboxSettings, now: () => number): LoginSource {
  if (password !== undefined) return fixed({ password });
  if (oauth?.accessToken !== undefined) return fixed({ accessToken: oauth.accessToken });
  if (oauth === undefined || !isRefreshing(oauth)) {
    throw new Misconfigured('mailbox.no_login', '/password', 'there is neither a password nor an OAuth 2.0 login');
  }
  return refreshing(oauth, now);
}

function fixed(login: Login): LoginSource {
  return { next: async () => login, refused: () => false };
}

function refreshing(oauth: Refreshing, now: () => number): LoginSource {
  let token: Token | null = null;
  // Some providers give a new refresh token with each answer; the one of the settings stays good for the next start.
  let { refreshToken } = oauth;
  let fetched = false;
  return {
    async next() {
      fetched = token === null || now() >= token.renewAt;
      if (token === null || now() >= token.renewAt) {
        const answer = await fetchToken({ ...oauth, refreshToken });
        refreshToken = answer.refreshToken ?? refreshToken;
        const lifetime = answer.seconds * 1000;
        token = {
          accessToken: answer.accessToken,
          renewAt: now() + Math.max(lifetime - RENEW_BEFORE_MS, lifetime / 2),
        };
      }
      return { accessToken: token.accessToken };
    },
    refused() {
      token = null;
      return !fetched;
    },
  };
}

interface TokenAnswer {
  readonly accessToken: string;
  readonly seconds: number;
  readonly refreshToken: string | undefined;
}

async function fetchToken(oauth: Refreshing): Promise<TokenAnswer> {
  const { endpoint, clientId, clientSecret, refreshToken, scope } = oauth;
  const url = new URL(endpoint);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  // The operator named it, so it may be an inner address.
  const http = outgoing({ prefix: 'mailbox', allow: [`${url.hostname}:${port}`], connections: 1 });
  try {
    const answer = await http.send({
      url: endpoint,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: clientId,
        ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
        ...(scope === undefined ? {} : { scope }),
      }).toString(),
    });
    return tokenOf(answer.status, answer.body);
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code.startsWith('mailbox.token_')) throw error;
    throw new Unavailable('mailbox.token_unavailable', 'the token endpoint cannot be reached', { cause: error });
  } finally {
    await http.close();
  }
}

function tokenOf(status: number, body: Uint8Array): TokenAnswer {
  // RFC 6749, 5.2: an error is 400, or 401 where the client itself is refused.
  if (status === 400 || status === 401 || status === 403) {
    throw new CredentialsRefused('mailbox.token_refused', `the token endpoint refuses the grant with HTTP ${status}`);
  }
  const fields = status === 200 ? fieldsOf(body) : {};
  const { access_token: accessToken, expires_in: seconds, refresh_token: refreshToken } = fields;
  if (typeof accessToken !== 'string' || accessToken === '') {
    throw new Unavailable('mailbox.token_unavailable', `the token endpoint answered HTTP ${status} without a token`);
  }
  const lifetime = Number(seconds);
  return {
    accessToken,
    seconds: Number.isFinite(lifetime) && lifetime > 0 ? lifetime : USUAL_SECONDS,
    refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : undefined,
  };
}

function fieldsOf(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
