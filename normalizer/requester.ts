// Who appeals: names, phones, e-mail and ID number as written, into one form, and the values that tell a requester again.
import type { InboundContact } from './inbound-message.ts';
import { canonicalIdNumber, nationalPhone } from './numbers.ts';
import type { Rulebook } from './rulebook.ts';
import { cleanLine, cut } from './text.ts';
import type { Requester } from './ticket.ts';

/** A value that tells the same requester again; keyed hashes of it are made elsewhere. */
export interface RequesterIdentity {
  readonly kind: 'phone' | 'email' | 'id-number' | 'openid';
  /** `+8613800138000`, `zhang@example.cn`, an 18-character ID number, `wechat:oX…`. */
  readonly value: string;
}

const LONGEST_FIELD = 200;
const E164 = /^\+\d{7,15}$/;
const EMAIL = /^[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}$/;

/** Mobile numbers among others, with nothing but words or blanks between them: `张三13800138000 李四13900139000`. */
function mobilesIn(text: string): readonly string[] {
  return text.match(/(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)/g) ?? [];
}

/** E.164 of a phone as written: `+86…`, `0086…`, spaces, full-width digits, area codes, local numbers; null when it is none. */
export function toE164(written: string, areaCode: string): string | null {
  const plain = written
    .slice(0, LONGEST_FIELD)
    .normalize('NFKC')
    .replace(/(?:转|ext\.?|#).*$/is, '');
  for (const part of [...plain.split(/[/、,;；或|]/), ...mobilesIn(plain)]) {
    const international = /^\s*\+/.test(part);
    const digits = part.replace(/\D/g, '');
    const national = nationalPhone(digits);
    if (national !== null) return `+86${national.replace(/^0/, '')}`;
    if (!international && /^[2-8]\d{6,7}$/.test(digits)) return `+86${areaCode.slice(1)}${digits}`;
    const abroad = international ? digits : digits.startsWith('00') ? digits.slice(2) : '';
    if (/^[1-9]\d{6,14}$/.test(abroad) && !abroad.startsWith('86')) return `+${abroad}`;
  }
  return null;
}

function field(value: string | undefined, rulebook: Rulebook): string | null {
  if (value === undefined) return null;
  const line = cleanLine(value, LONGEST_FIELD);
  return line === '' || rulebook.placeholders.has(line.toLowerCase()) ? null : line;
}

function labelled(value: string | undefined, labels: Readonly<Record<string, string>>, rulebook: Rulebook) {
  const text = field(value, rulebook);
  if (text === null) return null;
  return Object.hasOwn(labels, text) ? labels[text]! : text;
}

function phone(value: string | undefined, rulebook: Rulebook, problems: string[]): string | null {
  const text = field(value, rulebook);
  if (text === null) return null;
  const read = toE164(text, rulebook.rules.region.areaCode);
  if (read === null) problems.push('requester.phone-unreadable');
  return read ?? cut(text, 64);
}

function email(value: string | undefined, rulebook: Rulebook, problems: string[]): string | null {
  const text = field(value, rulebook);
  if (text === null) return null;
  const address = (/<([^<>]{3,254})>/.exec(text)?.[1] ?? text).trim().toLowerCase();
  // Of several the first.
  const found = [address, ...address.split(/[\s,;，；、/]+/)].find(one => EMAIL.test(one));
  if (found !== undefined) return found;
  problems.push('requester.email-unreadable');
  return text;
}

function idNumber(value: string | undefined, kind: string | null, rulebook: Rulebook, problems: string[]) {
  const text = field(value, rulebook);
  if (text === null) return null;
  const plain = text.replace(/\s/g, '').toUpperCase();
  const claimed = kind === null ? /^\d{15}(?:\d{2}[\dX])?$/.test(plain) : kind === '居民身份证';
  if (claimed && canonicalIdNumber(plain) === null) problems.push('requester.id-number-invalid');
  return plain;
}

/** What programs write for nobody (`null`, `app:undefined`, `wechat:0`) would make one person of everybody. */
function openid(value: string | undefined, rulebook: Rulebook): string | null {
  const text = cut(value?.trim() ?? '', LONGEST_FIELD);
  const bare = text.slice(text.indexOf(':') + 1).trim();
  return bare === '' || rulebook.placeholders.has(bare.toLowerCase()) ? null : text;
}

/** The requester as the platform names it, each field in one form or as sent, and what could not be read. */
export function readRequester(
  contact: InboundContact,
  rulebook: Rulebook,
): { readonly requester: Requester; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const { personal } = rulebook.rules;
  const idKind = labelled(contact.idKind, personal.idKinds, rulebook);
  const requester: Requester = {
    name: field(contact.name, rulebook),
    sex: labelled(contact.sex, personal.sexes, rulebook),
    callerPhone: phone(contact.callerPhone, rulebook, problems),
    phone: phone(contact.phone, rulebook, problems),
    email: email(contact.email, rulebook, problems),
    idKind,
    idNumber: idNumber(contact.idNumber, idKind, rulebook, problems),
    openid: openid(contact.openid, rulebook),
    address: field(contact.address, rulebook),
    organisation: field(contact.organisation, rulebook),
    replyBy: field(contact.replyBy, rulebook),
  };
  return { requester, problems };
}

/** A number everybody has in hand is nobody's: `+8611111111111`. */
function isSomebodys(phoneNumber: string): boolean {
  return E164.test(phoneNumber) && new Set(phoneNumber.slice(3)).size > 2;
}

/**
 * The values a requester is known by, in one form each and without doubles; empty when there is nothing to know them by.
 * Phones that could not be read and ID numbers with a wrong check digit are left out.
 */
export function requesterIdentities(requester: Requester): readonly RequesterIdentity[] {
  const found = new Map<string, RequesterIdentity>();
  const add = (kind: RequesterIdentity['kind'], value: string): void => {
    found.set(`${kind} ${value}`, { kind, value });
  };
  for (const number of [requester.callerPhone, requester.phone]) {
    if (number !== null && isSomebodys(number)) add('phone', number);
  }
  if (requester.email !== null && EMAIL.test(requester.email)) add('email', requester.email);
  const id = requester.idNumber === null ? null : canonicalIdNumber(requester.idNumber);
  if (id !== null) add('id-number', id);
  else if (requester.idNumber !== null && requester.idKind !== null && requester.idKind !== '居民身份证') {
    add('id-number', `${requester.idKind}:${requester.idNumber}`);
  }
  if (requester.openid !== null) add('openid', requester.openid);
  return [...found.values()];
}
