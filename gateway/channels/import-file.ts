// Hands a file to a channel by hand: opens the channel once more for it, takes the file, closes it again.
import type { AdapterContext, ImportCall, ImportReport, OpenChannel } from '../../adapters/contract.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { ChannelBook } from './channel-book.ts';
import { type ContextParts, contextOf } from './channel-context.ts';
import type { KnownChannel } from './known-channel.ts';

export interface ImportParts extends ContextParts {
  readonly book: Pick<ChannelBook, 'find'>;
}

/**
 * A channel that is switched off takes files by hand all the same.
 *
 * @param path absolute, and to be read by this process
 * @throws DeskError with words, and what the channel throws
 */
export async function importFile(
  parts: ImportParts,
  id: string,
  path: string,
  call: ImportCall,
): Promise<ImportReport> {
  const known = await parts.book.find(id);
  if (known === null) throw new DeskError('channel.none', { id });
  // Only an adapter that takes containers apart can take files; others are not opened just to find that out.
  if (known.definition.split === undefined) throw takesNone(known);
  const channel: OpenChannel = await known.definition.open(contextFor(parts, known, call.signal));
  try {
    if (channel.importFile === undefined) throw takesNone(known);
    return await channel.importFile(path, call);
  } catch (error) {
    throw asDeskError(error, path);
  } finally {
    await channel.close();
  }
}

const contextFor = (parts: ContextParts, known: KnownChannel, signal: AbortSignal): AdapterContext =>
  contextOf(parts, known, signal);
const takesNone = ({ id, kind }: KnownChannel) => new DeskError('import.takes_no_files', { id, kind });

const NOT_READ = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'ELOOP']);
const NOT_WRITTEN = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/** What the file system answers about this very file, or about the one beside it. */
function asDeskError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return error;
  const about = 'path' in error ? String(error.path) : '';
  if (about === path && NOT_READ.has(error.code)) {
    return new DeskError('import.cannot_read', { file: path, reason: error.code }, EXIT.usage);
  }
  if (about.startsWith(path) && NOT_WRITTEN.has(error.code)) {
    return new DeskError('import.cannot_write', { file: about, reason: error.code }, EXIT.unavailable);
  }
  return error;
}
