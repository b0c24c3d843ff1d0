// Who types a command, for the audit: the person behind the account that commands run as, where that can be told.
import { userInfo } from 'node:os';

const LONGEST = 64;

/**
 * @returns who called sudo; otherwise the account, in front of it whom HUISU_OPERATOR names: `zhang (huisu)`, since that name is said
 *   and not proven
 */
export function operator(env: NodeJS.ProcessEnv): string {
  const caller = env['SUDO_USER'] ?? '';
  if (caller !== '') return caller;
  const said = [...(env['HUISU_OPERATOR'] ?? '').replace(/[\p{Cc}\p{Cf}()]/gu, '').trim()].slice(0, LONGEST).join('');
  return said === '' ? account() : `${said} (${account()})`;
}

/** An account without a name (a container's random id) goes by its number. */
function account(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid:${process.getuid?.() ?? 'unknown'}`;
  }
}
