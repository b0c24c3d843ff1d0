// The form in which an original lies sealed in the store: a small JSON head, then the body's bytes as they came.
import type { Original } from '../normalizer/original.ts';

/** A file that came with an original and lies sealed in the blob store under `blob`. */
export interface KeptFile {
  readonly name: string;
  readonly mediaType: string;
  readonly sha256: string;
  readonly size: number;
  readonly blob: string;
}

/** An original as it is read back: its files are in the blob store. */
export interface KeptOriginal extends Omit<Original, 'files'> {
  readonly kept: readonly KeptFile[];
}

/** Four bytes of head length, little-endian, then the head, then the body. */
export function encodeOriginal(original: Omit<Original, 'files'>, kept: readonly KeptFile[]): Buffer {
  const { platformId, sender, mediaType, meta, body } = original;
  // What is undefined is left out of the text.
  const head = JSON.stringify({ platformId, sender, mediaType, meta, kept: kept.length > 0 ? kept : undefined });
  const headLength = Buffer.byteLength(head);
  const bytes = Buffer.allocUnsafe(4 + headLength + body.length);
  bytes.writeUInt32LE(headLength, 0);
  bytes.write(head, 4, 'utf8');
  bytes.set(body, 4 + headLength);
  return bytes;
}

/** Reads what `encodeOriginal` wrote; the body is a view into `bytes`. */
export function decodeOriginal(bytes: Uint8Array): KeptOriginal {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headEnd = 4 + view.readUInt32LE(0);
  const head = JSON.parse(view.toString('utf8', 4, headEnd)) as Omit<KeptOriginal, 'body' | 'kept'> & {
    readonly kept?: readonly KeptFile[];
  };
  return { ...head, kept: head.kept ?? [], body: bytes.subarray(headEnd) };
}
