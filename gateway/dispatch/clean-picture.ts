// Takes out of a picture's file what it says of who took it, where, when and with what; its pixels stay as they are.
import { crc32 } from 'node:zlib';

/** More pieces than any camera or program writes, in a file and in one picture of an animation. */
const MOST_PIECES = 20_000;
const MOST_OF_FRAME = 16;

/**
 * The picture (JPEG, PNG or WebP, told by its bytes and not by its name) with what is needed to show it and nothing else: no
 * Exif but which way up, no XMP, IPTC, comments, texts, times, thumbnails or colour profiles (a screen's names its owner), nothing behind its end.
 * Lossless; looks at each byte once. null: another kind of file, or one whose parts do not add up, so that nobody can say what is in it.
 */
export function cleanPicture(given: Uint8Array): Uint8Array | null {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
  const format = FORMATS.find(({ begins }) => begins(bytes));
  if (format === undefined) return null;
  try {
    const pieces = format.clean(bytes);
    return pieces && Buffer.concat(pieces);
  } catch (error) {
    // What Buffer throws where a length leads beyond the end.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

interface Format {
  begins(bytes: Buffer): boolean;
  clean(bytes: Buffer): readonly Buffer[] | null;
}

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const FORMATS: readonly Format[] = [
  { begins: bytes => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff])), clean: cleanJpeg },
  { begins: bytes => bytes.subarray(0, 8).equals(PNG_SIGNATURE), clean: cleanPng },
  { begins: bytes => named(bytes, 0) === 'RIFF' && named(bytes, 8) === 'WEBP', clean: cleanWebp },
];

const named = (bytes: Buffer, at: number): string => bytes.toString('latin1', at, at + 4);

/** `length` bytes from there, all of them. */
function slice(bytes: Buffer, at: number, length: number): Buffer {
  if (at + length > bytes.length) throw new RangeError('cut off');
  return bytes.subarray(at, at + length);
}

const SOI = Buffer.from([0xff, 0xd8]);
const EOI = Buffer.from([0xff, 0xd9]);
const SCAN = 0xda;
const END = 0xd9;
const FILL = 0xff;
/** Frames, tables, scans, restart intervals (ITU-T T.81, table B.1); 0xc8 is reserved. */
const shows = (code: number): boolean =>
  ((code >= 0xc0 && code <= 0xcf) || (code >= SCAN && code <= 0xdf)) && code !== 0xc8;
const standsAlone = (code: number): boolean => code <= 0x01 || (code >= 0xd0 && code <= 0xd8);

function cleanJpeg(bytes: Buffer): readonly Buffer[] | null {
  const head: Buffer[] = [SOI];
  const kept: Buffer[] = [];
  let orientation: number | null = null;
  let scans = 0;
  let at = 2;
  for (let seen = 0; seen <= MOST_PIECES; seen++) {
    // Cut off on a bad line it is a picture still: what a scan holds is pixels.
    const code = at >= bytes.length && scans > 0 ? END : markerAt(bytes, at);
    if (code === END) {
      const turned = orientation === null ? [] : [Buffer.from([0xff, 0xe1, 0, 34]), EXIF, tiffOf(orientation)];
      return scans === 0 ? null : [...head, ...turned, ...kept, EOI];
    }
    if (code === FILL) {
      at++;
      continue;
    }
    if (standsAlone(code)) return null;
    const segment = slice(bytes, at, 2 + Math.max(2, bytes.readUInt16BE(at + 2)));
    at += segment.length;
    if (code === 0xe0) head.push(...withoutThumbnail(segment));
    else if (code === 0xe1) orientation ??= orientationOf(segment.subarray(4));
    else if (code === 0xee) kept.push(...colours(segment));
    else if (shows(code)) kept.push(segment);
    if (code !== SCAN) continue;
    const end = endOfScan(bytes, at);
    kept.push(bytes.subarray(at, end));
    at = end;
    scans++;
  }
  return null;
}

function markerAt(bytes: Buffer, at: number): number {
  // What is no marker is taken for one that may not stand there.
  return bytes.readUInt8(at) === 0xff ? bytes.readUInt8(at + 1) : 0;
}

/** Where the next marker begins; a stuffed zero, a restart and a fill byte belong to the scan. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] !== 0xff) continue;
    const next = bytes[at + 1];
    if (next === undefined) return bytes.length;
    if (next !== 0x00 && next !== 0xff && (next < 0xd0 || next > 0xd7)) return at;
  }
  return bytes.length;
}

const says = (segment: Buffer, name: string): boolean =>
  segment.length >= 16 && segment.toString('latin1', 4, 9) === name;

/** JFIF: version and density. */
function withoutThumbnail(segment: Buffer): readonly Buffer[] {
  if (!says(segment, 'JFIF\0')) return [];
  return [Buffer.from([0xff, 0xe0, 0, 16]), segment.subarray(4, 16), Buffer.from([0, 0])];
}

/** Adobe: how its colours are coded, without which they are shown wrong. */
function colours(segment: Buffer): readonly Buffer[] {
  return says(segment, 'Adobe') ? [Buffer.from([0xff, 0xee, 0, 14]), segment.subarray(4, 16)] : [];
}

/** Chunks by which a PNG is drawn (third edition, with animation); what is not here is text, time, Exif, a profile, or a program's own. */
const PNG_CHUNKS = new Set('IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB sBIT bKGD pHYs cICP acTL fcTL fdAT'.split(' '));

function cleanPng(bytes: Buffer): readonly Buffer[] | null {
  const kept: Buffer[] = [PNG_SIGNATURE];
  let orientation: number | null = null;
  let at = PNG_SIGNATURE.length;
  for (let seen = 0; seen <= MOST_PIECES; seen++) {
    const chunk = slice(bytes, at, 12 + bytes.readUInt32BE(at));
    const type = named(chunk, 4);
    at += chunk.length;
    if ((type === 'IHDR') !== (seen === 0)) return null;
    if (PNG_CHUNKS.has(type)) kept.push(chunk);
    // A capital letter: nobody who does not know it can draw the picture.
    else if (/^[^a-z]/.test(type)) return null;
    else if (type === 'eXIf') orientation ??= orientationOf(chunk.subarray(8, -4));
    if (type !== 'IEND') continue;
    // Behind the header, where a reader that turns the picture looks for it.
    if (orientation !== null) kept.splice(2, 0, pngChunk('eXIf', tiffOf(orientation)));
    return kept;
  }
  return null;
}

function pngChunk(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, 'latin1');
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4);
  return chunk;
}

const WEBP_FRAME = new Set(['VP8 ', 'VP8L', 'ALPH']);
const WEBP_CHUNKS = new Set([...WEBP_FRAME, 'VP8X', 'ANIM', 'ANMF']);
/** Flags of the extended header for transparency and animation, and that for Exif. */
const SHOWN_FLAGS = 0x12;
const EXIF_FLAG = 0x08;

function cleanWebp(bytes: Buffer): readonly Buffer[] | null {
  const chunks = webpChunks(slice(bytes, 8, bytes.readUInt32LE(4)).subarray(4), MOST_PIECES);
  if (!chunks.some(({ type }) => WEBP_FRAME.has(type) || type === 'ANMF')) return null;
  const exif = chunks.find(({ type }) => type === 'EXIF');
  const extended = chunks[0]?.type === 'VP8X';
  const orientation = exif === undefined || !extended ? null : orientationOf(exif.data);
  const kept = chunks.flatMap(({ type, data }) => {
    if (!WEBP_CHUNKS.has(type)) return [];
    if (type === 'ANMF') return webpChunk(type, [slice(data, 0, 16), ...frameOf(data.subarray(16))]);
    if (type !== 'VP8X') return webpChunk(type, [data]);
    const flags = (data.readUInt8(0) & SHOWN_FLAGS) | (orientation === null ? 0 : EXIF_FLAG);
    return webpChunk(type, [Buffer.from([flags]), data.subarray(1)]);
  });
  if (orientation !== null) kept.push(...webpChunk('EXIF', [tiffOf(orientation)]));
  const size = kept.reduce((sum, piece) => sum + piece.length, 4);
  return [riffHead('RIFF', size), Buffer.from('WEBP', 'latin1'), ...kept];
}

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

function webpChunks(bytes: Buffer, most: number): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < bytes.length; ) {
    const data = slice(bytes, at + 8, bytes.readUInt32LE(at + 4));
    chunks.push({ type: named(bytes, at), data });
    if (chunks.length > most) throw new RangeError('too many chunks');
    at += 8 + data.length + (data.length % 2);
  }
  return chunks;
}

/** A picture of an animation is chunks again. */
function frameOf(data: Buffer): readonly Buffer[] {
  return webpChunks(data, MOST_OF_FRAME).flatMap(one =>
    WEBP_FRAME.has(one.type) ? webpChunk(one.type, [one.data]) : [],
  );
}

function webpChunk(type: string, data: readonly Buffer[]): readonly Buffer[] {
  const size = data.reduce((sum, piece) => sum + piece.length, 0);
  return [riffHead(type, size), ...data, ...(size % 2 === 0 ? [] : [Buffer.alloc(1)])];
}

function riffHead(type: string, size: number): Buffer {
  const head = Buffer.alloc(8);
  head.write(type, 'latin1');
  head.writeUInt32LE(size, 4);
  return head;
}

const EXIF = Buffer.from('Exif\0\0', 'latin1');
const ORIENTATION = 0x0112;
const SHORT = 3;

/** Which way up the camera was held (Exif 2.32, 4.6.4 A); null where it is as usual, or not said. */
function orientationOf(exif: Buffer): number | null {
  const tiff = exif.subarray(0, 6).equals(EXIF) ? exif.subarray(6) : exif;
  const order = tiff.toString('latin1', 0, 2);
  if (order !== 'II' && order !== 'MM') return null;
  const little = order === 'II';
  const short = (at: number) => (at + 2 > tiff.length ? 0 : little ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = tiff.length < 8 ? tiff.length : little ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  // As far as it is there, whatever it says of its length.
  const end = Math.min(directory + 2 + short(directory) * 12, tiff.length);
  for (let at = directory + 2; at < end; at += 12) {
    if (short(at) !== ORIENTATION) continue;
    const value = short(at + 2) === SHORT ? short(at + 8) : 0;
    return value >= 2 && value <= 8 ? value : null;
  }
  return null;
}

/** Exif that says nothing else. */
function tiffOf(orientation: number): Buffer {
  const tiff = Buffer.from('MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0', 'latin1');
  tiff.writeUInt16BE(orientation, 18);
  return tiff;
}
