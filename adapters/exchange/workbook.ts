// A workbook's frame: its sheets, its shared strings, how its styles show numbers, and its day count.
import { posix } from 'node:path';
import { type NumberFormat, numberFormat } from './number-formats.ts';
import { FileFault } from './row-errors.ts';
import { type SharedStrings, sharedStrings } from './strings.ts';
import { readXml } from './xml.ts';
import type { Archive } from './zip.ts';

export interface Workbook {
  /** Sheets of cells, as their tabs stand; those of charts are left out. */
  readonly sheets: readonly Sheet[];
  readonly strings: SharedStrings;
  /** By the place of a cell's style. */
  readonly formats: readonly NumberFormat[];
  readonly system: '1900' | '1904';
}

export interface Sheet {
  readonly name: string;
  readonly hidden: boolean;
  /** As a person counts the tabs that can be seen, from 1; hidden ones have the count before them. */
  readonly tab: number;
  /** Name of its part in the archive. */
  readonly part: string;
}

const FRAME = 'xl/workbook.xml';
const LINKS = 'xl/_rels/workbook.xml.rels';
/** `_x000D_` stands for a character that XML cannot hold. */
const ESCAPED = /_x([0-9A-Fa-f]{4})_/g;

export const unescapeText = (text: string): string =>
  text.includes('_x')
    ? text.replace(ESCAPED, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : text;

/** @throws FileFault */
export async function openWorkbook(archive: Archive): Promise<Workbook> {
  if (!archive.has(FRAME) || !archive.has(LINKS)) throw new FileFault('exchange.bad_workbook');
  const targets = await links(archive);
  const { system, sheets } = await readFrame(archive);
  const part = (type: string) => {
    const named = [...targets.values()].find(target => target.type.endsWith(type))?.part;
    return named !== undefined && archive.has(named) ? named : undefined;
  };
  const strings = part('/sharedStrings');
  const styles = part('/styles');
  return {
    sheets: sheetsOf(sheets, targets).filter(sheet => archive.has(sheet.part)),
    system,
    strings: strings === undefined ? sharedStrings() : await readStrings(archive, strings),
    formats: styles === undefined ? [] : await readFormats(archive, styles),
  };
}

function sheetsOf(listed: Frame['sheets'], targets: ReadonlyMap<string, Target>): readonly Sheet[] {
  let tab = 0;
  return listed.flatMap(({ name, link, hidden }) => {
    if (!hidden) tab++;
    const target = targets.get(link);
    return target?.type.endsWith('/worksheet') === true ? [{ name, hidden, tab, part: target.part }] : [];
  });
}

interface Target {
  readonly type: string;
  readonly part: string;
}

/** Parts by the id that the frame names them by. */
async function links(archive: Archive): Promise<ReadonlyMap<string, Target>> {
  const found = new Map<string, Target>();
  await readXml(archive.read(LINKS), {
    open: (name, { Id, Type, Target, TargetMode }) => {
      if (name !== 'Relationship' || TargetMode === 'External') return;
      if (Id === undefined || Type === undefined || Target === undefined) return;
      found.set(Id, { type: Type, part: partOf(Target) });
    },
  });
  return found;
}

/** Named from the folder of the frame (`worksheets/…`, `./…`, `../xl/…`), or with a slash from the root. */
const partOf = (target: string): string => posix.resolve('/', posix.dirname(FRAME), target).slice(1);

interface Frame {
  readonly system: '1900' | '1904';
  readonly sheets: readonly { readonly name: string; readonly link: string; readonly hidden: boolean }[];
}

async function readFrame(archive: Archive): Promise<Frame> {
  const sheets: { name: string; link: string; hidden: boolean }[] = [];
  let system: Frame['system'] = '1900';
  await readXml(archive.read(FRAME), {
    open: (name, attributes) => {
      if (name === 'workbookPr' && /^(1|true)$/.test(attributes['date1904'] ?? '')) system = '1904';
      if (name !== 'sheet') return;
      const link = Object.entries(attributes).find(([key]) => /(^|:)id$/.test(key))?.[1];
      const { name: title = '', state = 'visible' } = attributes;
      if (link !== undefined) sheets.push({ name: title, link, hidden: state !== 'visible' });
    },
  });
  return { system, sheets };
}

/** Runs of rich text are put together; readings of Japanese (`rPh`) are no part of the text. */
async function readStrings(archive: Archive, part: string): Promise<SharedStrings> {
  const strings = sharedStrings();
  let text = '';
  let taken = false;
  let phonetic = false;
  await readXml(archive.read(part), {
    open: name => {
      if (name === 'si') text = '';
      else if (name === 'rPh') phonetic = true;
      else if (name === 't') taken = !phonetic;
    },
    text: more => {
      if (taken) text += more;
    },
    close: name => {
      if (name === 't') taken = false;
      else if (name === 'rPh') phonetic = false;
      else if (name === 'si') strings.add(unescapeText(text));
    },
  });
  return strings;
}

async function readFormats(archive: Archive, part: string): Promise<readonly NumberFormat[]> {
  const codes = new Map<number, string>();
  const formats: NumberFormat[] = [];
  let within = '';
  await readXml(archive.read(part), {
    open: (name, attributes) => {
      if (name === 'cellXfs' || name === 'cellStyleXfs') within = name;
      else if (name === 'numFmt') codes.set(Number(attributes['numFmtId']), attributes['formatCode'] ?? '');
      else if (name === 'xf' && within === 'cellXfs') {
        const id = Number(attributes['numFmtId'] ?? 0);
        formats.push(numberFormat(id, codes.get(id)));
      }
    },
    close: name => {
      if (name === within) within = '';
    },
  });
  return formats;
}
