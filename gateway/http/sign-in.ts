// Sign-in by HTTP Basic: compared in constant time, and closed for a while to an address that was wrong too often.
import { sameText } from '../../adapters/kit/signature.ts';
import { HttpProblem } from './problem.ts';

const WRONG_AT_MOST = 5;
const WINDOW_MS = 15 * 60_000;
/** Of so many addresses wrong tries are remembered; beyond it the oldest is forgotten. */
const ADDRESSES = 10_000;
const ASK = { 'www-authenticate': 'Basic realm="huisu", charset="UTF-8"' };

interface Tries {
  wrong: number;
  /** When they are forgotten, on the clock given. */
  readonly until: number;
}

/** Throws `HttpProblem` where the credentials are missing (401), wrong (401) or the address has to wait (429). */
export type SignIn = (authorization: string | undefined, address: string) => void;

/** @param now any clock in milliseconds that only goes forward */
export function createSignIn(
  { user, password }: { readonly user: string; readonly password: string },
  now: () => number = () => performance.now(),
): SignIn {
  const expected = `${user}:${password}`;
  const tries = new Map<string, Tries>();

  function remember(address: string): void {
    const known = tries.get(address);
    if (known !== undefined) {
      known.wrong++;
      return;
    }
    const [oldest] = tries.keys();
    if (tries.size >= ADDRESSES && oldest !== undefined) tries.delete(oldest);
    tries.set(address, { wrong: 1, until: now() + WINDOW_MS });
  }

  return (authorization, address) => {
    const known = tries.get(address);
    const left = known === undefined ? 0 : known.until - now();
    if (left <= 0) tries.delete(address);
    // Even the right password has to wait, or else guessing on would tell which one it is.
    else if ((known as Tries).wrong >= WRONG_AT_MOST) {
      throw new HttpProblem('http.sign_in_locked', { 'retry-after': String(Math.ceil(left / 1000)) });
    }
    const given = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) throw new HttpProblem('http.sign_in_needed', ASK);
    if (!sameText(Buffer.from(given, 'base64').toString('utf8'), expected)) {
      remember(address);
      throw new HttpProblem('http.sign_in_wrong', ASK);
    }
    tries.delete(address);
  };
}
