// Writes what was opened for somebody to a file of its own.
import { open, unlink } from 'node:fs/promises';
import { DeskError, EXIT } from '../desk/desk-error.ts';

/** Of a failure of the file system. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown';

/** Never over another file; nothing is left where what goes with it fails. Throws `DeskError`. */
export async function writeNew(file: string, bytes: Uint8Array, also: () => Promise<void>): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'wx', 0o600);
  } catch (error) {
    throw new DeskError('import.cannot_write', { file, reason: codeOf(error) }, EXIT.unavailable);
  }
  try {
    await also();
    await handle.writeFile(bytes);
  } catch (error) {
    await unlink(file);
    throw error;
  } finally {
    await handle.close();
  }
}
