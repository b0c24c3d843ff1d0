// What the gateway and a split process say to each other: frames with their length in front, originals as head and bytes.
import type { FilePart, Original } from '../../normalizer/original.ts';
import type { PlainError } from './plain-error.ts';

/** First byte of a frame. To the process go a task and a container; it answers `ready`, then parts, then `end` or `failed`. */
export const FRAME = { ready: 0, part: 1, end: 2, failed: 3, task: 4, container: 5 } as const;

/** Why a process could not split: an error of the contract with its fields, or a defect without its text. */
export type SplitFailure =
  | {
      readonly kind: 'platform';
      readonly name: string;
      readonly code: string;
      readonly message: string;
      readonly field?: string;
      readonly retryAfterSeconds?: number;
    }
  | { readonly kind: 'memory' }
  | { readonly kind: 'defect'; readonly defect: PlainError };

/** What a split process is started with; it gets no keys and no secrets. */
export interface SplitStart {
  readonly adapters: readonly string[];
  readonly baseFolder: string;
  /** Bytes by which the process may grow once it is ready. */
  readonly memory: number;
  /** The process ends when this one is no longer its parent. */
  readonly parent: number;
}

/** Says whose containers follow. */
export interface SplitTask {
  readonly kind: string;
  readonly settings: unknown;
}

interface Head extends Omit<Original, 'body' | 'files'> {
  readonly files?: readonly (Omit<FilePart, 'bytes'> & { readonly size: number })[];
}

/** A frame of one piece. */
export function frame(type: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const bytes = Buffer.allocUnsafe(5 + payload.length);
  bytes.writeUInt32LE(1 + payload.length, 0);
  bytes[4] = type;
  bytes.set(payload, 5);
  return bytes;
}

/**
 * An original as a frame in pieces: what is long is not copied.
 *
 * @throws TypeError when it is none: an adapter's type is no proof
 */
export function originalFrame(type: number, original: Original): readonly Uint8Array[] {
  const { platformId, sender, mediaType, meta, body, files = [] } = original;
  const head = { platformId, sender, mediaType, meta };
  if (!isHead(head) || !(body instanceof Uint8Array)) throw new TypeError('split gave something that is no original');
  const listed = files.map(({ bytes, ...file }) => ({ ...file, size: bytes.length }));
  const text = Buffer.from(JSON.stringify(files.length === 0 ? head : { ...head, files: listed }));
  const front = Buffer.allocUnsafe(9 + text.length);
  const rest = files.reduce((sum, { bytes }) => sum + bytes.length, body.length);
  front.writeUInt32LE(5 + text.length + rest, 0);
  front[4] = type;
  front.writeUInt32LE(text.length, 5);
  front.set(text, 9);
  return [front, body, ...files.map(({ bytes }) => bytes)];
}

/**
 * Reads the payload of an `originalFrame`. Throws where it is malformed, which only a broken sender makes it.
 *
 * @param bytes `copied` into memory of their own, or `viewed` where the payload is kept all the same
 */
export function decodeFramed(payload: Buffer, bytes: 'copied' | 'viewed' = 'copied'): Original {
  const headEnd = 4 + payload.readUInt32LE(0);
  const head: unknown = JSON.parse(payload.toString('utf8', 4, headEnd));
  if (!isHead(head)) throw new TypeError('a frame without a proper head');
  const { files = [], platformId, sender, mediaType, meta } = head;
  const bodyEnd = files.reduce((end, { size }) => end - size, payload.length);
  if (bodyEnd < headEnd) throw new RangeError('a frame shorter than its head says');
  // A view would keep the whole chunk that a small part came in.
  const taken = (view: Buffer): Buffer => (bytes === 'viewed' ? view : Buffer.from(view));
  let at = bodyEnd;
  const parts = files.map(({ name, mediaType, sha256, size }): FilePart => {
    at += size;
    return { name, mediaType, sha256, bytes: taken(payload.subarray(at - size, at)) };
  });
  const original = { platformId, sender, mediaType, meta, body: taken(payload.subarray(headEnd, bodyEnd)) };
  return parts.length === 0 ? original : { ...original, files: parts };
}

function isHead(value: unknown): value is Head {
  if (typeof value !== 'object' || value === null) return false;
  const { platformId, sender, mediaType, meta, files = [] } = value as Record<string, unknown>;
  return (
    typeof platformId === 'string' &&
    (sender === null || typeof sender === 'string') &&
    typeof mediaType === 'string' &&
    typeof meta === 'object' &&
    meta !== null &&
    Object.values(meta).every(fact => typeof fact === 'string') &&
    Array.isArray(files) &&
    files.every(isFile)
  );
}

function isFile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, mediaType, sha256, size } = value as Record<string, unknown>;
  const words = [name, mediaType, sha256].every(word => typeof word === 'string');
  return words && Number.isSafeInteger(size) && (size as number) >= 0;
}

/** A frame announced itself as longer than anything the other side may send. */
export class FrameTooLong extends Error {
  override readonly name = 'FrameTooLong';
}

/**
 * Puts frames together from chunks as they come, each byte copied at most once.
 *
 * @param longest bytes of one frame; room for a longer one is never made
 * @returns takes a chunk and gives the frames that end in it; throws `FrameTooLong`, those before it given first
 */
export function createFrameReader(longest: number): (chunk: Buffer) => readonly Buffer[] {
  const prefix = Buffer.alloc(4);
  let prefixed = 0;
  let open: Buffer | null = null;
  let filled = 0;
  let refused: FrameTooLong | null = null;

  /** Reads on in the prefix; the frame's length, or null while the prefix is not whole or where it is refused. */
  function lengthAt(chunk: Buffer, at: number): number | null {
    prefixed += chunk.copy(prefix, prefixed, at, at + 4 - prefixed);
    if (prefixed < 4) return null;
    prefixed = 0;
    const length = prefix.readUInt32LE(0);
    if (length > 0 && length <= longest) return length;
    refused = new FrameTooLong(`a frame of ${length} bytes`);
    return null;
  }

  return chunk => {
    const frames: Buffer[] = [];
    let at = refused === null ? 0 : chunk.length;
    while (at < chunk.length) {
      if (open === null) {
        const missing = 4 - prefixed;
        const length = lengthAt(chunk, at);
        if (length === null) break;
        at += missing;
        if (chunk.length - at >= length) {
          frames.push(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
        open = Buffer.allocUnsafeSlow(length);
        filled = 0;
      }
      const taken = chunk.copy(open, filled, at);
      filled += taken;
      at += taken;
      if (filled < open.length) continue;
      frames.push(open);
      open = null;
    }
    if (refused !== null && frames.length === 0) throw refused;
    return frames;
  };
}
