// Which encoding a text is in, and its bytes as UTF-8 in pieces: byte order marks, then UTF-8, UTF-16 by its zeros, GB18030.
import { isUtf8 } from 'node:buffer';
import { FileFault } from './row-errors.ts';
import type { ExchangeSettings } from './settings.ts';

export type Encoding = Exclude<ExchangeSettings['encoding'], 'auto'>;

interface Detected {
  readonly encoding: Encoding;
  /** Bytes of the byte order mark. */
  readonly mark: number;
}

const MARKS: readonly { readonly bytes: readonly number[]; readonly encoding: Encoding }[] = [
  { bytes: [0xef, 0xbb, 0xbf], encoding: 'utf-8' },
  { bytes: [0x84, 0x31, 0x95, 0x33], encoding: 'gb18030' },
  { bytes: [0xff, 0xfe], encoding: 'utf-16le' },
  { bytes: [0xfe, 0xff], encoding: 'utf-16be' },
];
const SAMPLE = 256 * 1024;
/** Signs that cannot be decoded, of all that are not ASCII: a few are somebody's broken character, many another encoding. */
const FEW_BROKEN = 0.01;
/** Chinese of GB18030 is no UTF-8 at all, so that may have more: programs cut texts by bytes, in the middle of a sign. */
const SOME_BROKEN = 0.2;
/** Of the bytes at odd or at even places, that are zero, where text with commas and digits is in UTF-16. */
const ZEROS = 0.05;
const PIECE = 64 * 1024;

/** @throws FileFault `exchange.encoding_unknown` */
export function detectEncoding(bytes: Uint8Array, wanted: ExchangeSettings['encoding']): Detected {
  const marked = MARKS.find(({ bytes: mark }) => mark.every((byte, at) => bytes[at] === byte));
  if (wanted !== 'auto') {
    return { encoding: wanted, mark: marked?.encoding === wanted ? marked.bytes.length : 0 };
  }
  if (marked !== undefined) return { encoding: marked.encoding, mark: marked.bytes.length };
  const sample = bytes.subarray(0, SAMPLE);
  const wide = utf16Of(sample);
  // Chinese that is sound UTF-8 is no UTF-16, whatever zeros somebody's program left in it.
  const plain = isUtf8(sample) && sample.some(byte => byte >= 0x80);
  if (wide !== null && !plain) return { encoding: wide, mark: 0 };
  if (isUtf8(bytes)) return { encoding: 'utf-8', mark: 0 };
  // Nothing is told by what all encodings have: the first sign of another kind may stand far behind.
  const telling = fromFirstWide(bytes);
  // Broken signs must not make Chinese of another kind of the whole file.
  if (brokenShare(telling, 'utf-8') <= SOME_BROKEN) return { encoding: 'utf-8', mark: 0 };
  if (brokenShare(telling, 'gb18030') <= FEW_BROKEN) return { encoding: 'gb18030', mark: 0 };
  throw new FileFault('exchange.encoding_unknown');
}

function fromFirstWide(bytes: Uint8Array): Uint8Array {
  const at = bytes.findIndex(byte => byte >= 0x80);
  return bytes.subarray(Math.max(0, at), Math.max(0, at) + SAMPLE);
}

/** UTF-16 without a mark: ASCII signs have a zero on one side, always the same. */
function utf16Of(sample: Uint8Array): Encoding | null {
  const zeros = [0, 0];
  for (let at = 0; at < sample.length; at++) if (sample[at] === 0) zeros[at & 1] = (zeros[at & 1] as number) + 1;
  const [even, odd] = zeros as [number, number];
  const enough = (sample.length / 2) * ZEROS;
  if (odd > enough && odd > even * 4) return 'utf-16le';
  return even > enough && even > odd * 4 ? 'utf-16be' : null;
}

/** Of the signs that are not ASCII, those that cannot be decoded; a sign cut by the sample's end counts too. */
function brokenShare(sample: Uint8Array, encoding: Encoding): number {
  const text = new TextDecoder(encoding).decode(sample, { stream: true });
  let broken = 0;
  let wide = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0xfffd) broken++;
    // Codes of the private use area and C1 controls are what a wrong guess of GB18030 gives.
    else if ((unit >= 0xe000 && unit <= 0xf8ff) || (unit >= 0x80 && unit < 0xa0)) broken++;
    if (unit >= 0x80) wide++;
  }
  return wide === 0 ? 0 : broken / wide;
}

/** The text's bytes as UTF-8 without its mark, in pieces of some 64 kB; those of UTF-8 are not copied. */
export function* utf8Pieces(bytes: Uint8Array, { encoding, mark }: Detected): Iterable<Uint8Array> {
  const decoder = encoding === 'utf-8' ? null : new TextDecoder(encoding, { ignoreBOM: true });
  for (let at = mark; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    yield decoder === null ? piece : Buffer.from(decoder.decode(piece, { stream: true }), 'utf8');
  }
  const rest = decoder?.decode() ?? '';
  if (rest !== '') yield Buffer.from(rest, 'utf8');
}
