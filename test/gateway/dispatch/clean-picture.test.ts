// Pictures as phones and programs write them lose what they say of their author, and nothing of what they show.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { cleanPicture } from '../../../gateway/dispatch/clean-picture.ts';

const FOLDER = join(import.meta.dirname, 'pictures');
const pictures = readdirSync(FOLDER).sort();
const picture = (name: string) => readFileSync(join(FOLDER, name));
/** What was planted: Exif with a place, owner and thumbnail, XMP, IPTC, texts, profiles, a film or a cut-off part behind the end. */
const PLANTED = [
  'OUYANG',
  '欧阳',
  'HUAWEI',
  '13912345678',
  '2026:11:20',
  'xmpmeta',
  'ICC_PROFILE',
  'iCCP',
  'tEXt',
  'tIME',
];

function cleaned(name: string): Buffer {
  const clean = cleanPicture(picture(name));
  assert.ok(clean !== null, `${name} was not taken for a whole picture`);
  return Buffer.from(clean);
}

/** What a decoder draws: all from the first byte of the first scan on, or the data of these chunks, in order. */
function drawn(bytes: Buffer, name: string): Buffer {
  if (name.endsWith('.png'))
    return chunksOf(bytes, 8, 12, at => bytes.readUInt32BE(at), ['IHDR', 'IDAT', 'fcTL', 'fdAT']);
  if (name.endsWith('.webp')) {
    const sizeOf = (at: number) => bytes.readUInt32LE(at + 4) + (bytes.readUInt32LE(at + 4) % 2);
    return chunksOf(bytes.subarray(0, 8 + bytes.readUInt32LE(4)), 12, 8, sizeOf, [
      'VP8 ',
      'VP8L',
      'ALPH',
      'ANIM',
      'ANMF',
    ]);
  }
  const kept: Buffer[] = [];
  for (let at = 2; bytes[at + 1] !== 0xd9; ) {
    while (bytes[at + 1] === 0xff) at++;
    const code = bytes[at + 1] as number;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    const shows = code < 0xe0;
    let next = end;
    while (code === 0xda && !endsScan(bytes, next)) next++;
    if (shows) kept.push(bytes.subarray(at, next));
    at = next;
  }
  return Buffer.concat(kept);
}

/** A marker that is neither a stuffed zero nor a restart. */
function endsScan(bytes: Buffer, at: number): boolean {
  const next = bytes[at + 1] ?? 0xd9;
  return bytes[at] === 0xff && next !== 0 && (next < 0xd0 || next > 0xd7);
}

function chunksOf(
  bytes: Buffer,
  from: number,
  around: number,
  sizeOf: (at: number) => number,
  types: readonly string[],
): Buffer {
  const kept: Buffer[] = [];
  for (let at = from; at < bytes.length; at += around + sizeOf(at)) {
    const length = around + sizeOf(at);
    const chunk = bytes.subarray(at, at + length);
    if (types.some(type => chunk.subarray(0, 8).includes(type))) kept.push(chunk);
    if (chunk.subarray(0, 8).includes('IEND')) break;
  }
  return Buffer.concat(kept);
}

describe('a picture on its way out', () => {
  for (const name of pictures) {
    it(`keeps what it shows and loses what it says of its author: ${name}`, () => {
      const clean = cleaned(name);
      for (const words of PLANTED) assert.ok(!clean.includes(words), `${words} went out`);
      const before = drawn(picture(name), name);
      assert.ok(before.length > 300);
      assert.ok(drawn(clean, name).equals(before));
    });
  }

  it('is not told apart from its own cleaned form, which stays as it is', () => {
    for (const name of pictures) assert.deepEqual(Buffer.from(cleanPicture(cleaned(name)) ?? []), cleaned(name));
  });

  it('is shown the right way up still, by an Exif that says nothing else', () => {
    const says = (value: number) => Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0]);
    for (const [name, value] of [
      ['phone.jpg', 6],
      ['screen.png', 8],
      ['phone.webp', 3],
    ] as const) {
      const clean = cleaned(name);
      assert.ok(clean.includes(says(value)), name);
      assert.equal(clean.toString('latin1').split('MM\0\x2a').length, 2, name);
    }
    for (const name of ['cmyk.jpg', 'progressive.jpg', 'moving.png', 'moving.webp'])
      assert.ok(!/Exif|eXIf|EXIF/.test(cleaned(name).toString('latin1')), name);
  });

  it('that was cut off on a bad line goes as far as it came, and one cut off before it shows anything does not', () => {
    const whole = picture('progressive.jpg');
    const clean = cleanPicture(whole.subarray(0, -40));
    assert.ok(clean !== null && Buffer.from(clean.subarray(-2)).equals(Buffer.from([0xff, 0xd9])));
    assert.equal(cleanPicture(whole.subarray(0, 60)), null);
    assert.equal(cleanPicture(picture('screen.png').subarray(0, -40)), null);
    assert.equal(cleanPicture(picture('phone.webp').subarray(0, -40)), null);
  });

  it('is none where it only is called one', () => {
    for (const bytes of [
      '%PDF-1.7',
      'PK\x03\x04word/document.xml',
      '\0\0\0\x18ftypheic',
      'GIF89a',
      '',
      '\xff\xd8',
      '<svg/>',
    ])
      assert.equal(cleanPicture(Buffer.from(bytes, 'latin1')), null, bytes);
  });

  it('with a part of which nobody knows what it shows is not taken for clean', () => {
    const png = picture('screen.png');
    const at = png.indexOf('IDAT') - 4;
    const own = Buffer.concat([png.subarray(0, at), Buffer.from('\0\0\0\0CgBI\0\0\0\0', 'latin1'), png.subarray(at)]);
    assert.equal(cleanPicture(own), null);
  });

  it('of more pieces than any program writes is left alone, before it takes long', () => {
    const comments = Buffer.alloc(4 * 200_000, Buffer.from([0xff, 0xfe, 0, 2]));
    const jpeg = picture('phone.jpg');
    assert.equal(cleanPicture(Buffer.concat([jpeg.subarray(0, 2), comments, jpeg.subarray(2)])), null);
    const frames = Buffer.alloc(8 * 200_000, Buffer.from('JUNK\0\0\0\0', 'latin1'));
    const head = Buffer.from('RIFF\0\0\0\0WEBP', 'latin1');
    head.writeUInt32LE(4 + frames.length, 4);
    assert.equal(cleanPicture(Buffer.concat([head, frames])), null);
  });

  it('made wrong by chance or on purpose throws nothing and lets nothing through', () => {
    const sources = pictures.map(picture);
    fc.assert(
      fc.property(
        fc.nat(sources.length - 1),
        fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (which, changes) => {
          const bent = Buffer.from(sources[which] as Buffer);
          for (const [at, value] of changes) bent[at % bent.length] = value;
          const clean = cleanPicture(bent);
          return clean === null || clean.length <= bent.length + 64;
        },
      ),
      { numRuns: 2000 },
    );
  });
});
