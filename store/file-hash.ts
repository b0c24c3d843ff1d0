// SHA-256 of a file, read piece by piece.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Hex. Rejects with the file system's error. */
export function hashFile(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    createReadStream(file, { highWaterMark: 1024 * 1024 })
      .on('data', chunk => hash.update(chunk))
      .on('end', () => resolve(hash.digest('hex')))
      .on('error', reject);
  });
}
