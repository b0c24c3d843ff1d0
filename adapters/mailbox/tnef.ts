// winmail.dat (TNEF, [MS-OXTNEF]): the envelope Outlook puts around text and attachments, opened under limits.
import { TextDecoder } from 'node:util';
import { decodeBytes, NO_LABEL } from './charset.ts';

const SIGNATURE = 0x223e9f78;
/** Attributes by the low half of their id. */
const SUBJECT = 0x8004;
const BODY = 0x800c;
const ATTACH_DATA = 0x800f;
const ATTACH_TITLE = 0x8010;
const ATTACH_REND_DATA = 0x9002;
const MESSAGE_PROPERTIES = 0x9003;
const ATTACH_PROPERTIES = 0x9005;
const OEM_CODEPAGE = 0x9007;
/** MAPI properties. */
const P_SUBJECT = 0x0037;
const P_BODY = 0x1000;
const P_RTF = 0x1009;
const P_HTML = 0x1013;
const P_ATTACH_DATA = 0x3701;
const P_ATTACH_NAME = 0x3704;
const P_ATTACH_LONG_NAME = 0x3707;
const P_ATTACH_TYPE = 0x370e;

const MOST_ATTACHMENTS = 100;
const MOST_PROPERTIES = 5000;
/** Sizes of the property types of one fixed width, padded to four. */
const WIDTHS: Readonly<Record<number, number>> = {
  2: 4,
  3: 4,
  4: 4,
  5: 8,
  6: 8,
  7: 8,
  10: 4,
  11: 4,
  20: 8,
  64: 8,
  72: 16,
};
const STRING8 = 0x1e;
const UNICODE = 0x1f;
const BINARY = 0x102;
const OBJECT = 0x0d;

export interface TnefFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface Tnef {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Compressed RTF, as Outlook mostly writes the body; empty where there is none. */
  readonly rtf: Uint8Array;
  readonly files: readonly TnefFile[];
}

/** Reads on until the bytes end; a length that points beyond them ends the reading. */
class Reader {
  at = 0;
  readonly #bytes: Buffer;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  has(count: number): boolean {
    return this.at + count <= this.#bytes.length;
  }
  u8(): number {
    return this.#bytes.readUInt8(this.#step(1));
  }
  u16(): number {
    return this.#bytes.readUInt16LE(this.#step(2));
  }
  u32(): number {
    return this.#bytes.readUInt32LE(this.#step(4));
  }
  take(count: number): Buffer {
    if (!this.has(count)) throw new RangeError('beyond the end');
    return this.#bytes.subarray(this.#step(count), this.at);
  }
  /** Values are padded to four bytes; the last one may lack its padding. */
  padded(count: number): Buffer {
    const value = this.take(count);
    this.at = Math.min(this.#bytes.length, this.at + ((4 - (count % 4)) % 4));
    return value;
  }
  #step(count: number): number {
    const from = this.at;
    this.at += count;
    return from;
  }
}

interface Property {
  readonly id: number;
  readonly type: number;
  readonly value: Buffer;
}

function readProperties(bytes: Buffer): readonly Property[] {
  const reader = new Reader(bytes);
  const found: Property[] = [];
  const count = Math.min(reader.u32(), MOST_PROPERTIES);
  for (let i = 0; i < count && reader.has(4); i++) {
    const type = reader.u16();
    const id = reader.u16();
    if (id >= 0x8000) skipName(reader);
    const values = readValues(reader, type);
    if (values.length > 0) found.push({ id, type: type & 0xfff, value: values[0] as Buffer });
  }
  return found;
}

function skipName(reader: Reader): void {
  reader.take(16);
  if (reader.u32() === 0) reader.u32();
  else reader.padded(reader.u32());
}

function readValues(reader: Reader, type: number): readonly Buffer[] {
  const many = (type & 0x1000) !== 0;
  const plain = type & 0xfff;
  const variable = plain === STRING8 || plain === UNICODE || plain === BINARY || plain === OBJECT;
  const width = WIDTHS[plain];
  if (!variable && width === undefined) throw new RangeError('a property of unknown type');
  const count = many || variable ? reader.u32() : 1;
  const values: Buffer[] = [];
  for (let i = 0; i < count; i++) values.push(variable ? reader.padded(reader.u32()) : reader.take(width as number));
  return values;
}

class Letter {
  subject = '';
  text = '';
  html = '';
  rtf: Uint8Array = new Uint8Array();
  readonly files: { name: string; mediaType: string; bytes: Uint8Array }[] = [];
  #charset = NO_LABEL;

  attribute(id: number, data: Buffer): void {
    const file = this.files.at(-1);
    if (id === OEM_CODEPAGE && data.length >= 4) this.#charset = charsetOf(data.readUInt32LE(0));
    else if (id === SUBJECT) this.subject ||= this.#string(data);
    else if (id === BODY) this.text ||= this.#string(data);
    else if (id === MESSAGE_PROPERTIES) for (const property of readProperties(data)) this.#message(property);
    else if (id === ATTACH_REND_DATA && this.files.length < MOST_ATTACHMENTS) {
      this.files.push({ name: '', mediaType: '', bytes: new Uint8Array() });
    } else if (file === undefined) return;
    else if (id === ATTACH_TITLE) file.name ||= this.#string(data);
    else if (id === ATTACH_DATA) file.bytes = data;
    else if (id === ATTACH_PROPERTIES) for (const property of readProperties(data)) this.#file(property, file);
  }

  #message(property: Property): void {
    if (property.id === P_SUBJECT) this.subject = this.#value(property);
    else if (property.id === P_BODY) this.text = this.#value(property);
    else if (property.id === P_HTML) this.html = this.#value(property);
    else if (property.id === P_RTF) this.rtf = property.value;
  }

  #file(property: Property, file: { name: string; mediaType: string; bytes: Uint8Array }): void {
    if (property.id === P_ATTACH_LONG_NAME) file.name = this.#value(property);
    else if (property.id === P_ATTACH_NAME) file.name ||= this.#value(property);
    else if (property.id === P_ATTACH_TYPE) file.mediaType = this.#value(property);
    else if (property.id === P_ATTACH_DATA && file.bytes.length === 0) {
      // An object begins with the id of its interface.
      file.bytes = property.type === OBJECT ? property.value.subarray(16) : property.value;
    }
  }

  #value({ type, value }: Property): string {
    return type === UNICODE ? cut(new TextDecoder('utf-16le').decode(value)) : this.#string(value);
  }

  #string(bytes: Buffer): string {
    return cut(decodeBytes(bytes, this.#charset));
  }
}

/** Texts end with a NUL. */
function cut(text: string): string {
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}

function charsetOf(codepage: number): string {
  if (codepage === 936) return 'gb18030';
  if (codepage === 950) return 'big5';
  return codepage === 65001 ? 'utf-8' : NO_LABEL;
}

/**
 * Opens a winmail.dat. What a broken one held up to the break is kept.
 * @returns null for what is no TNEF, or holds nothing.
 */
export function openTnef(bytes: Uint8Array): Tnef | null {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  if (!reader.has(6) || reader.u32() !== SIGNATURE) return null;
  reader.u16();
  const letter = new Letter();
  try {
    while (reader.has(9)) {
      reader.u8();
      const id = reader.u16();
      reader.u16();
      const data = reader.take(reader.u32());
      // Behind each attribute stands the sum of its bytes; nobody writes it wrongly on purpose, so it is not checked.
      reader.at += 2;
      letter.attribute(id, data);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const { subject, text, html, rtf } = letter;
  const files = letter.files.filter(file => file.bytes.length > 0);
  if (text === '' && html === '' && rtf.length === 0 && files.length === 0) return null;
  return { subject, text, html, rtf, files };
}
