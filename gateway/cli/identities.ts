// Whom a command is about: what somebody is known by, as it was read from their appeals, and the tickets found by it.
import { loadRules } from '../../config/load-rules.ts';
import { readRequester, requesterIdentities } from '../../normalizer/requester.ts';
import { compileRulebook } from '../../normalizer/rulebook.ts';
import type { Requester } from '../../normalizer/ticket.ts';
import type { TicketRow } from '../../store/store.ts';
import { identityKey } from '../reading/facts-of.ts';
import type { Arguments, CommandContext, Option } from './command.ts';
import { textOf } from './parts.ts';

const PAGE = 500;
const IDENTITIES = [
  { name: 'phone', flags: '--phone <phone>', zh: '电话', en: 'phone' },
  { name: 'email', flags: '--email <address>', zh: '邮箱', en: 'e-mail address' },
  { name: 'idNumber', flags: '--id-number <number>', zh: '身份证号', en: 'ID number' },
  { name: 'openid', flags: '--openid <openid>', zh: '平台账号', en: 'account on a platform' },
] as const;

export const IDENTITY_OPTIONS: readonly Option[] = IDENTITIES.map(({ flags, zh, en }) => ({
  flags,
  summary: { zh, en },
}));

export interface AskedFor {
  readonly requester: Requester;
  /** Kinds of what is asked by, for the audit. */
  readonly kinds: readonly string[];
  /** Blind index keys. */
  readonly keys: readonly string[];
}

/** In the form in which it is read from an appeal; null where nothing by which somebody is known was given. */
export function askedFor({ loaded, cipher }: CommandContext, args: Arguments): AskedFor | null {
  const { rules, region } = loaded.config;
  const rulebook = compileRulebook(loadRules({ rulesFolder: rules, regionFile: region }));
  const contact = Object.fromEntries(IDENTITIES.map(({ name }) => [name, textOf(args, name)]));
  const { requester } = readRequester(contact, rulebook);
  const identities = requesterIdentities(requester);
  if (identities.length === 0) return null;
  return {
    requester,
    kinds: [...new Set(identities.map(({ kind }) => kind))],
    keys: identities.map(({ kind, value }) => identityKey(cipher, kind, value)),
  };
}

/** Each once, whichever of the keys it is found by. */
export async function ticketsBy(context: CommandContext, keys: readonly string[]): Promise<readonly TicketRow[]> {
  const found = new Map<string, TicketRow>();
  for (const key of keys) for (const row of await ticketsOf(context, key)) found.set(row.number, row);
  return [...found.values()];
}

/** Newest first. */
async function ticketsOf({ store }: CommandContext, key: string): Promise<readonly TicketRow[]> {
  const all: TicketRow[] = [];
  for (let before: number | undefined; ; ) {
    const more = before === undefined ? {} : { before };
    const rows = await store.tickets.list({ identityKey: key, limit: PAGE, ...more });
    all.push(...rows);
    if (rows.length < PAGE) return all;
    before = rows.at(-1)?.ordinal;
  }
}
