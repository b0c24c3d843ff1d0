// What the simulated case system can be told to do wrong, by chance or by script.

/** What can go wrong with one request. `…-after` happens after the effect: it arrived, but the sender cannot know. */
export const FAULTS = [
  '500',
  '502',
  '503',
  '429',
  '401',
  '422',
  'timeout',
  'timeout-after',
  'reset',
  'reset-after',
  '500-after',
  'slow-body',
  'html',
  'redirect',
  'wrong-body',
  'giant-body',
  'business-reject',
  'business-busy',
] as const;
export type Fault = (typeof FAULTS)[number];

/** Faults by chance (shares of all requests, the same for the same seed), or one after the other; `null` is none. */
export type Faults =
  | { readonly seed: number; readonly shares: Readonly<Partial<Record<Fault, number>>> }
  | { readonly script: readonly (Fault | null)[]; readonly repeat?: boolean };

/** Faults after which nothing has arrived. */
export const BEFORE_EFFECT: ReadonlySet<Fault> = new Set([
  '500',
  '502',
  '503',
  '429',
  '401',
  '422',
  'timeout',
  'reset',
  'redirect',
  'html',
  'wrong-body',
  'business-reject',
  'business-busy',
]);

/** HTTP status a fault is answered with; null where no answer comes. */
export function statusOf(fault: Fault | null): number | null {
  if (fault === null || fault === 'slow-body' || fault === 'giant-body') return 200;
  if (/^\d{3}/.test(fault)) return Number(fault.slice(0, 3));
  if (fault === 'redirect') return 302;
  return fault.startsWith('timeout') || fault.startsWith('reset') ? null : 200;
}

/** The next fault, each time it is asked. */
export function faultSource(faults: Faults | null): () => Fault | null {
  if (faults === null) return () => null;
  if ('script' in faults) {
    let at = 0;
    return () => {
      if (at >= faults.script.length && faults.repeat === true) at = 0;
      return faults.script[at++] ?? null;
    };
  }
  const random = mulberry32(faults.seed);
  const shares = Object.entries(faults.shares) as [Fault, number][];
  return () => {
    let drawn = random();
    for (const [fault, share] of shares) {
      if (drawn < share) return fault;
      drawn -= share;
    }
    return null;
  };
}

function mulberry32(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** `500:0.03,reset-after:0.01` with `seed:7` among them, or `script:500|ok|reset`. */
export function parseFaults(spec: string): Faults {
  const known = (word: string): Fault => {
    if (!(FAULTS as readonly string[]).includes(word))
      throw new Error(`no such fault: ${word}; known: ${FAULTS.join(' ')}`);
    return word as Fault;
  };
  if (spec.startsWith('script:')) {
    return {
      script: spec
        .slice('script:'.length)
        .split('|')
        .map(word => (word === 'ok' ? null : known(word))),
    };
  }
  const shares: Partial<Record<Fault, number>> = {};
  let seed = 1;
  for (const part of spec.split(',').filter(part => part !== '')) {
    const [word = '', value = ''] = part.split(':');
    if (word === 'seed') seed = Number(value);
    else shares[known(word)] = Number(value);
  }
  return { seed, shares };
}
