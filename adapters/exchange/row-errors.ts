// What is wrong with a row or a file: codes, their words in both languages, and the error file they are written to.

/** Templates by code; `{x}` is filled in. No cell's text is ever filled in, only places and counts. */
const WORDS = {
  'exchange.no_content': ['没有诉求内容（内容和标题都为空）', 'no content: neither content nor title is filled'],
  'exchange.total_row': ['这是合计行，不是诉求，未收', 'a row of totals, no appeal, was not taken'],
  'exchange.formula_without_value': [
    '公式没有保存计算结果；请在 Excel 中打开并保存，或粘贴为值',
    'a formula without a saved result; open and save it in Excel, or paste as values',
  ],
  'exchange.cell_error': ['单元格是错误值（如 #N/A）', 'the cell holds an error such as #N/A'],
  'exchange.digits_lost': [
    'Excel 已丢失号码的后几位（超过 15 位，或写成了 1.38E+10 的样子）；请把该列设为文本，填回原来的号码',
    'Excel has lost digits of a number (more than 15, or written like 1.38E+10); make the column text and enter the number again',
  ],
  'exchange.nul_bytes': ['该行含有空字节（NUL），不是文本', 'the row holds NUL bytes, which no text has'],
  'exchange.cell_too_long': ['单元格超过 {most} 字', 'the cell is longer than {most} characters'],
  'exchange.too_many_cells': ['该行的列比表头多', 'the row has more cells than the header'],
  'exchange.bad_number': ['编号超过 {most} 个字符', 'the number is longer than {most} characters'],
  'exchange.not_json': ['该行不是一个 JSON 对象', 'the line is no JSON object'],
  'exchange.line_too_long': ['该行超过 {most} 字节', 'the row is longer than {most} bytes'],
  'exchange.number_reused': [
    '该编号已收过，内容不同，本行未收；若是合并单元格请先拆分，若是每次都变的列请列入“不收的列”',
    'this number was taken before with other content, so the row was not; split merged cells, or list columns that change with each export under ignoreColumns',
  ],
  'exchange.quarantined': [
    '已收下（编号 {number}），研读失败已隔离：{reason}',
    'taken (number {number}) but could not be read and is quarantined: {reason}',
  ],
  'exchange.not_an_appeal': [
    '已收下（编号 {number}），不是诉求：{reason}',
    'taken (number {number}) but no appeal: {reason}',
  ],
  'exchange.still_unread': [
    '已收下（编号 {number}），{hours} 小时内没有研读完；可用 huisu messages list 查看',
    'taken (number {number}) but not read within {hours} hours; see huisu messages list',
  ],
  'exchange.empty_file': ['文件是空的', 'the file is empty'],
  'exchange.no_rows': ['只有表头，没有数据行', 'there is a header but not one row'],
  'exchange.no_header': [
    '没有找到表头：前 {rows} 行里没有一行含有“内容”或“标题”列；请在渠道设置的“列名对应”中写明',
    'no header: none of the first {rows} rows names a content or title column; name yours under columns in the settings',
  ],
  'exchange.too_many_columns': ['超过 {most} 列', 'more than {most} columns'],
  'exchange.too_many_rows': ['超过 {most} 行，之后的行未收', 'more than {most} rows; those after were not taken'],
  'exchange.file_too_large': ['文件超过 {most} MB', 'the file is larger than {most} MB'],
  'exchange.encoding_unknown': [
    '文本编码无法识别；请存为 UTF-8，或在渠道设置中写明编码',
    'the encoding of the text is not known; save it as UTF-8 or name it in the settings',
  ],
  'exchange.quote_not_closed': [
    '从这一行起引号没有闭合，之后的行未收；请修正后重新放入，收过的行不会重复',
    'a quote opened here is never closed; rows after it were not taken. Mend it and put the file in again: no row is taken twice',
  ],
  'exchange.row_endless': [
    '该行超过 {most} 字节，多半是引号没有闭合；之后的行未收，修正后可重新放入，收过的行不会重复',
    'the row is longer than {most} bytes, most likely a quote that is never closed; rows after it were not taken. Mend it and put the file in again: no row is taken twice',
  ],
  'exchange.not_csv': ['这一行不合 CSV 格式，之后的行未收', 'not CSV from this row on; rows after it were not taken'],
  'exchange.old_workbook': [
    '这是旧版 .xls 或加了密码的工作簿；请另存为不带密码的 .xlsx',
    'an old .xls or a workbook with a password; save it as .xlsx without one',
  ],
  'exchange.markup': [
    '这是网页或 XML，不是表格（有的系统把网页导出为 .xls）；请在 Excel 中打开并另存为 .xlsx',
    'this is a web page or XML, not a table; open it in Excel and save it as .xlsx',
  ],
  'exchange.bad_workbook': ['工作簿已损坏或不是 .xlsx', 'the workbook is damaged or no .xlsx'],
  'exchange.no_sheet': ['没有这个工作表', 'there is no such sheet'],
  'exchange.sheets_left': [
    '其他工作表（从左数第 {sheets} 张）也有数据，未收；请把每张表另存为单独的文件，或在渠道设置的“工作表”中写明要收的一张',
    'other sheets (counted from the left: {sheets}) hold rows too, which were not taken; save each as a file of its own, or name the one wanted under sheet in the settings',
  ],
  'exchange.json_array': [
    '这是一个 JSON 数组；请改为每行一个对象（JSON Lines）',
    'this is one JSON array; write one object a line (JSON Lines)',
  ],
  'exchange.bomb': [
    '解压后过大（{why}），未解压；确需如此请调高“解压上限”或拆分文件',
    'it would inflate too far ({why}) and was not inflated; raise maxInflatedMegabytes or split the file',
  ],
  'exchange.too_many_merges': ['合并单元格超过 {most} 处', 'more than {most} merged ranges'],
  'exchange.split_failed': [
    '拆分文件时中断（{reason}），之后的行未收；处理后可重新放入，收过的行不会重复',
    'splitting the file broke off ({reason}); rows after it were not taken. It can be put in again: no row is taken twice',
  ],
  'exchange.seen_before': [
    '内容与之前收过的文件完全相同，没有重复收',
    'the very content of a file taken before; nothing was taken twice',
  ],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type RowFaultCode = keyof typeof WORDS;

/** One fault, as it travels from `split` to the error file. */
export interface RowFault {
  readonly code: RowFaultCode;
  /** As Excel and editors count, from 1; 0 for the file as a whole. */
  readonly row: number;
  /** The column's heading; null for the row as a whole. */
  readonly column: string | null;
  readonly values?: Readonly<Record<string, string | number>>;
  /** Nothing, or nothing more, could be taken of the file. */
  readonly whole?: true;
}

/** A fault of the whole file, or from one row to the end. */
export class FileFault extends Error {
  override readonly name = 'FileFault';
  readonly fault: RowFault;
  constructor(code: RowFaultCode, row = 0, values: Readonly<Record<string, string | number>> = {}) {
    super(code);
    this.fault = { code, row, column: null, values, whole: true };
  }
}

/** The sentence of a fault. */
export function sayFault({ code, values = {} }: RowFault, language: 'zh' | 'en'): string {
  const [zh, en] = WORDS[code];
  return (language === 'zh' ? zh : en).replace(/\{(\w+)\}/g, (_all, name: string) => String(values[name] ?? ''));
}

const FORMULA = /^\s*[=+\-@＝＋－＠]|^[\t\r]/;

/** A cell that no spreadsheet takes for a formula: an apostrophe goes before what could be one, full-width signs included. */
export function safeCell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** With a byte order mark and CRLF, which Excel asks for. */
export const ERROR_FILE_HEAD = `\ufeff${['行号 row', '列 column', '代码 code', '原因', 'reason'].join(',')}\r\n`;

export function errorLine(fault: RowFault): string {
  const cells = [String(fault.row), fault.column ?? '', fault.code, sayFault(fault, 'zh'), sayFault(fault, 'en')];
  return `${cells.map(safeCell).join(',')}\r\n`;
}
