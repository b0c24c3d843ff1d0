// A workbook's frame: which part is the wanted sheet, its shared strings, which styles show dates, and its day count.
import { FileFault } from './row-errors.ts';
import { type SharedStrings, sharedStrings } from './strings.ts';
import { isDateFormat } from './times.ts';
import { readXml } from './xml.ts';
import type { Archive } from './zip.ts';

export interface Workbook {
  /** Name of the sheet's part in the archive. */
  readonly sheet: string;
  readonly strings: SharedStrings;
  /** By the place of a cell's style: whether it shows a date or time. */
  readonly dates: readonly boolean[];
  readonly system: '1900' | '1904';
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
export async function openWorkbook(archive: Archive, wanted: string): Promise<Workbook> {
  if (!archive.has(FRAME) || !archive.has(LINKS)) throw new FileFault('exchange.bad_workbook');
  const targets = await links(archive);
  const frame = await readFrame(archive);
  const chosen =
    wanted === ''
      ? (frame.sheets.find(sheet => !sheet.hidden) ?? frame.sheets[0])
      : frame.sheets.find(sheet => sheet.name === wanted);
  const sheet = chosen === undefined ? undefined : targets.get(chosen.link);
  if (sheet === undefined || !archive.has(sheet.part)) throw new FileFault('exchange.no_sheet');
  const part = (type: string) => [...targets.values()].find(target => target.type.endsWith(type))?.part;
  const strings = part('/sharedStrings');
  const styles = part('/styles');
  return {
    sheet: sheet.part,
    system: frame.system,
    strings: strings !== undefined && archive.has(strings) ? await readStrings(archive, strings) : sharedStrings(),
    dates: styles !== undefined && archive.has(styles) ? await dateStyles(archive, styles) : [],
  };
}

interface Target {
  readonly type: string;
  readonly part: string;
}

/** Parts by the id that the frame names them by; they are named from `xl/`, or from the root with a slash. */
async function links(archive: Archive): Promise<ReadonlyMap<string, Target>> {
  const found = new Map<string, Target>();
  await readXml(archive.read(LINKS), {
    open: (name, { Id, Type, Target, TargetMode }) => {
      if (name !== 'Relationship' || TargetMode === 'External') return;
      if (Id === undefined || Type === undefined || Target === undefined) return;
      found.set(Id, { type: Type, part: Target.startsWith('/') ? Target.slice(1) : `xl/${Target}` });
    },
  });
  return found;
}

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

async function dateStyles(archive: Archive, part: string): Promise<readonly boolean[]> {
  const codes = new Map<number, string>();
  const dates: boolean[] = [];
  let within = '';
  await readXml(archive.read(part), {
    open: (name, attributes) => {
      if (name === 'cellXfs' || name === 'cellStyleXfs') within = name;
      else if (name === 'numFmt') codes.set(Number(attributes['numFmtId']), attributes['formatCode'] ?? '');
      else if (name === 'xf' && within === 'cellXfs') {
        const id = Number(attributes['numFmtId'] ?? 0);
        dates.push(isDateFormat(id, codes.get(id)));
      }
    },
    close: name => {
      if (name === within) within = '';
    },
  });
  return dates;
}
