// Multipart bodies whose first part is a document that vouches for the files after it.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import busboy, { type FileInfo } from 'busboy';
import type { FilePart } from '../contract.ts';

export type MultipartFault =
  | 'multipart.malformed'
  | 'multipart.first-part-missing'
  | 'multipart.first-part-too-large'
  | 'multipart.file-too-large'
  | 'multipart.too-many-files'
  | 'multipart.too-large';

export class MultipartProblem extends Error {
  override readonly name = 'MultipartProblem';
  readonly code: MultipartFault;
  constructor(code: MultipartFault) {
    super(code);
    this.code = code;
  }
}

export interface MultipartLimits {
  /** Bytes of the first part. */
  readonly firstPart: number;
  /** Bytes of one file, and of all of them. */
  readonly file: number;
  readonly allFiles: number;
  readonly files: number;
}

/** The document: its bytes as sent. */
export interface FirstPart {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/**
 * Reads a multipart body part by part. `first` is called as soon as the first part is complete and before any file is kept
 * in memory: what it throws (a wrong signature) ends the reading. Resolves with the files in their order.
 */
export function readMultipart(
  stream: Readable,
  contentType: string,
  limits: MultipartLimits,
  first: (part: FirstPart) => void | Promise<void>,
): Promise<FilePart[]> {
  const parser = openParser(contentType, limits);
  return new Promise<FilePart[]>((resolve, reject) => {
    const parts = gather(limits, first);
    let failed = false;
    const end = (): void => {
      stream.unpipe(parser);
      stream.off('error', broken).off('close', closed);
    };
    // A fault of a later part must not be told before the first part's own verdict: that may be a wrong signature.
    const fail = (error: unknown): void => {
      failed = true;
      end();
      parts.verdict().then(() => reject(error), reject);
      parser.destroy();
    };
    const malformed = (): void => fail(new MultipartProblem('multipart.malformed'));
    // A cut connection is the sender's; whatever else ends the stream (a budget of the gateway) speaks for itself.
    const broken = (error: Error): void => (isConnectionError(error) ? malformed() : fail(error));
    const closed = (): void => {
      if (!stream.readableEnded) malformed();
    };
    parser.on('field', (_name, value, info) => {
      parts.field(value, info.mimeType, info.valueTruncated).catch(fail);
    });
    parser.on('file', (_name, part, info) => {
      parts.file(part, info).catch(fail);
    });
    parser.on('fieldsLimit', malformed).on('error', malformed);
    parser.on('filesLimit', () => fail(new MultipartProblem('multipart.too-many-files')));
    parser.on('close', () => {
      if (failed) return;
      end();
      parts.done().then(resolve, reject);
    });
    stream.on('error', broken).on('close', closed);
    stream.pipe(parser);
  });
}

function isConnectionError(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && /^E[A-Z_]+$/.test(error.code);
}

/** Takes the parts in their order; a file is not read from the wire before the first part has been found good. */
function gather(limits: MultipartLimits, first: (part: FirstPart) => void | Promise<void>) {
  const files: FilePart[] = [];
  let firstPart: Promise<void> | null = null;
  let last: Promise<void> | null = null;
  let announced = 0;
  let kept = 0;
  return {
    async field(value: string, mediaType: string, truncated: boolean): Promise<void> {
      if (firstPart !== null) throw new MultipartProblem('multipart.malformed');
      firstPart = truncated ? tooLarge() : (async () => first({ bytes: fieldBytes(value), mediaType }))();
      last = firstPart;
      return firstPart;
    },
    file(part: Readable, info: FileInfo): Promise<void> {
      // A part that waits for its turn may be cut off meanwhile; whoever reads it then is told.
      part.on('error', () => undefined);
      last = last === null ? readFirst(part, info) : last.then(() => readFile(part, info));
      firstPart ??= last;
      return last;
    },
    async verdict(): Promise<void> {
      // Without its end a first part has no verdict; what cut it off also ends the wait.
      await firstPart;
    },
    async done(): Promise<FilePart[]> {
      if (last === null) throw new MultipartProblem('multipart.first-part-missing');
      await last;
      return files;
    },
  };
  async function tooLarge(): Promise<void> {
    throw new MultipartProblem('multipart.first-part-too-large');
  }
  async function readFirst(part: Readable, info: FileInfo): Promise<void> {
    const bytes = await collect(part, limits.firstPart, 'multipart.first-part-too-large');
    await first({ bytes, mediaType: info.mimeType });
  }
  async function readFile(part: Readable, info: FileInfo): Promise<void> {
    if (++announced > limits.files) throw new MultipartProblem('multipart.too-many-files');
    const room = Math.min(limits.file, limits.allFiles - kept);
    const fault = room < limits.file ? 'multipart.too-large' : 'multipart.file-too-large';
    const bytes = await collect(part, room, fault);
    kept += bytes.byteLength;
    files.push(filePart(info, bytes));
  }
}

function openParser(contentType: string, limits: MultipartLimits): ReturnType<typeof busboy> {
  try {
    return busboy({
      headers: { 'content-type': contentType },
      // Every byte of a field becomes one character, so that the bytes as sent can be had back.
      defCharset: 'latin1',
      defParamCharset: 'utf8',
      limits: {
        fieldSize: limits.firstPart,
        fileSize: Math.max(limits.file, limits.firstPart) + 1,
        files: limits.files + 1,
        fields: 1,
        headerPairs: 50,
      },
    });
  } catch {
    throw new MultipartProblem('multipart.malformed');
  }
}

/** A part that named its own charset was decoded by it; JSON is UTF-8, so the other reading is the right one then. */
function fieldBytes(value: string): Uint8Array {
  const bytes = Buffer.from(value, 'latin1');
  return bytes.toString('latin1') === value && isUtf8(bytes) ? bytes : Buffer.from(value, 'utf8');
}

async function collect(part: Readable, limit: number, fault: MultipartFault): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of part as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > limit) throw new MultipartProblem(fault);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof MultipartProblem ? error : new MultipartProblem('multipart.malformed');
  }
  return Buffer.concat(chunks, size);
}

function filePart(info: FileInfo, bytes: Uint8Array): FilePart {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name: info.filename ?? sha256, mediaType: info.mimeType, sha256, bytes };
}
