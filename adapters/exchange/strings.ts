// A workbook's shared strings in pages of bytes, outside the heap: as strings each of them would keep alive what it was parsed from.

export interface SharedStrings {
  /** The string at a place, undefined where there is none. */
  get(place: number): string | undefined;
}

export interface StringsBuilder extends SharedStrings {
  add(text: string): void;
}

const PAGE = 1024 * 1024;
/** UTF-16 holds Chinese in less room than UTF-8 and loses nothing; numbers and plain words need one byte a sign. */
const NARROW = /^[\0-\xff]*$/;

/** @param pageBytes a string that is longer gets a page of its own */
export function sharedStrings(pageBytes = PAGE): StringsBuilder {
  const pages: Buffer[] = [];
  let used = 0;
  /** By place: twice the page, and one more where a sign has two bytes; where in the page the string begins and ends. */
  let marks = new Uint32Array(3 * 1024);
  let count = 0;

  return {
    add(text) {
      const wide = NARROW.test(text) ? 0 : 1;
      const bytes = text.length << wide;
      if (pages.length === 0 || used + bytes > pageBytes) {
        pages.push(Buffer.allocUnsafeSlow(Math.max(pageBytes, bytes)));
        used = 0;
      }
      if (3 * (count + 1) > marks.length) marks = grown(marks);
      (pages.at(-1) as Buffer).write(text, used, wide === 1 ? 'utf16le' : 'latin1');
      marks.set([2 * (pages.length - 1) + wide, used, used + bytes], 3 * count++);
      used += bytes;
    },
    get(place) {
      if (!(Number.isInteger(place) && place >= 0 && place < count)) return undefined;
      const at = 3 * place;
      const page = marks[at] as number;
      return (pages[page >> 1] as Buffer).toString(page & 1 ? 'utf16le' : 'latin1', marks[at + 1], marks[at + 2]);
    },
  };
}

function grown(marks: Uint32Array): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(2 * marks.length);
  more.set(marks);
  return more;
}
