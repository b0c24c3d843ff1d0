// Why keys cannot be had, used or written, and what to do about it, in words for the operator.
import { KeyError } from './errors.ts';

/** What a file system's error is called; `unknown` for any other error. */
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown';

/** @param variable of the environment that may hold the keys */
export function missingKeys(name: string, variable: string): KeyError {
  return new KeyError('keys.missing', {
    zh: `没有密钥“${name}”。请指定密钥文件或设置环境变量 ${variable}。`,
    en: `There is no key "${name}". Name a key file or set the environment variable ${variable}.`,
  });
}

/** The store knows keys that are not in the ring. */
export function keysMissing(names: readonly string[]): KeyError {
  return notTheKeys('keys.missing', names, '缺少', 'are missing');
}

/** The ring has other keys under names that the store knows. */
export function keysWrong(names: readonly string[]): KeyError {
  return notTheKeys('keys.wrong', names, '不符', 'are other keys than the store was made with');
}

function notTheKeys(code: string, names: readonly string[], zh: string, en: string): KeyError {
  return new KeyError(code, {
    zh: `密钥${zh}：${names.join('、')}。请从保管处恢复建库时的密钥文件；没有这些密钥，已存的原件、工单和诉求人信息无法打开，也无法识别重投。`,
    en: `These keys ${en}: ${names.join(', ')}. Restore the key file the store was made with: without it the stored originals, tickets and requesters cannot be opened and redeliveries are not recognised.`,
  });
}

export function otherProfile(stored: string, given: string): KeyError {
  return new KeyError('keys.other_profile', {
    zh: `数据是按密码套件“${stored}”建立的，当前密钥为“${given}”。请换回原来的密钥文件。`,
    en: `The store was made under the profile "${stored}", these keys are for "${given}". Bring back its own key file.`,
  });
}

export function cannotRotate(name: string, rotating: readonly string[]): KeyError {
  return new KeyError('keys.cannot_rotate', {
    zh: `密钥“${name}”不能轮换：已存的记录只能用它核对。可轮换的有：${rotating.join('、')}。`,
    en: `The key "${name}" cannot be rotated: stored records can only be matched with it. Those that can: ${rotating.join(', ')}.`,
  });
}

export function inUse(file: string, cause: unknown): KeyError {
  const words = {
    zh: `另一个进程正在改写密钥文件 ${file}，稍后请重试。`,
    en: `Another process is changing the key file ${file}: try again in a moment.`,
  };
  return new KeyError('keys.in_use', words, { cause });
}

export function insideDataFolder(file: string, dataFolder: string): KeyError {
  return new KeyError('keys.inside_data_folder', {
    zh: `密钥文件 ${file} 位于数据目录 ${dataFolder} 之内，备份会把数据和密钥一起带走。请移到目录之外。`,
    en: `The key file ${file} lies inside the data folder ${dataFolder}, so that a backup carries data and keys together. Move it out.`,
  });
}

export function unreadable(file: string, cause: unknown): KeyError {
  const code = codeOf(cause);
  if (code === 'EACCES' || code === 'EPERM') return notForThisAccount(file, code, cause);
  const words = {
    zh: `密钥文件 ${file} 读不出（${code}）。若已丢失，请从保管处恢复；没有它，已存数据无法打开。`,
    en: `The key file ${file} cannot be read (${code}). If it is lost, restore it from its custodian: without it the stored data cannot be opened.`,
  };
  return new KeyError('keys.unreadable_file', words, { cause });
}

/** Made or put back by another account, such as root: it is there, and a copy in custody would change nothing. */
function notForThisAccount(file: string, code: string, cause: unknown): KeyError {
  const words = {
    zh: `本账号无权读密钥文件 ${file}（${code}）。请让它和所在目录归运行网关的账号所有：chown 账号 ${file}`,
    en: `This account may not read the key file ${file} (${code}). Let it and its folder belong to the gateway's account: chown ACCOUNT ${file}`,
  };
  return new KeyError('keys.unreadable_file', words, { cause });
}

export function tooOpen(file: string, mode: number): KeyError {
  return new KeyError('keys.file_too_open', {
    zh: `密钥文件 ${file} 权限为 ${mode.toString(8)}，他人可读。请执行：chmod 600 ${file}`,
    en: `The key file ${file} has mode ${mode.toString(8)}, so that others can read it. Run: chmod 600 ${file}`,
  });
}

/** @param source the file, or the variable of the environment */
export function malformed(source: string, zh: string, en: string): KeyError {
  return new KeyError('keys.malformed', {
    zh: `密钥（${source}）格式有误：${zh}。请恢复保管的那一份，不要手工改写。`,
    en: `The keys in ${source} are malformed: ${en}. Restore the copy in custody, do not edit it by hand.`,
  });
}

/** What to throw where writing has failed: any error that is none of the file system's as it is. */
export function notWritten(file: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === 'EEXIST') return exists(file, error);
  if (code === 'unknown') return error;
  const words = {
    zh: `密钥文件 ${file} 写不成（${code}）：请检查所在目录是否存在、可写，磁盘是否有空间。`,
    en: `The key file ${file} could not be written (${code}): see that its folder is there and may be written to, and that the disk has room.`,
  };
  return new KeyError('keys.unwritable_file', words, { cause: error });
}

function exists(file: string, cause: unknown): KeyError {
  const words = {
    zh: `密钥文件 ${file} 已存在，不会覆盖。`,
    en: `The key file ${file} exists already and is not overwritten.`,
  };
  return new KeyError('keys.file_exists', words, { cause });
}
