// How much of a requester is shown without a purpose being given: enough to talk about, too little to reach or name them.
import { REQUESTER_FIELDS, type Requester } from '../../normalizer/ticket.ts';

/** In place of a value of which nothing is shown. */
export const HIDDEN = '***';

const MASKS: Readonly<Record<keyof Requester, (value: string) => string>> = {
  name: value => `${first(value)}**`,
  sex: value => value,
  callerPhone: maskPhone,
  phone: maskPhone,
  email: value => value.replace(/^(.)[^@]*/su, '$1***'),
  idKind: value => value,
  idNumber: value => middle(value, 4, 4),
  openid: value => value.replace(/^((?:[^:]*:)?.{0,2}).*$/su, `$1${HIDDEN}`),
  address: maskAddress,
  organisation: value => `${[...value].slice(0, 2).join('')}${HIDDEN}`,
  replyBy: value => value,
};

/**
 * The requester as lists and tickets show them.
 * @param whole true (accusations, confidential tickets): that a field is there, and nothing of it
 */
export function maskRequester(requester: Requester, whole: boolean): Requester {
  return Object.fromEntries(
    REQUESTER_FIELDS.map(field => {
      const value = requester[field];
      if (value === null) return [field, null];
      return [field, whole ? HIDDEN : MASKS[field](value)];
    }),
  ) as unknown as Requester;
}

const first = (value: string) => [...value][0] ?? '';

/** Keeps so many characters at both ends; a value too short for that is hidden whole. */
function middle(value: string, head: number, tail: number): string {
  if (value.length < head + tail + 3) return HIDDEN;
  return `${value.slice(0, head)}${'*'.repeat(value.length - head - tail)}${value.slice(-tail)}`;
}

function maskPhone(value: string): string {
  return middle(value.replace(/^\+86/, '').replace(/[\s-]/g, ''), 3, 4);
}

/** Down to street, town or county; what follows (estate, house, door) leads to a home. */
function maskAddress(value: string): string {
  const known = /^.*?(?:街道|镇|乡)/u.exec(value) ?? /^.*?[区县旗]/u.exec(value) ?? /^.*?[市州]/u.exec(value);
  return `${known?.[0] ?? ''}${HIDDEN}`;
}
