// Settings of an exchange channel: types and schema, which cannot drift apart.
import { isAbsolute } from 'node:path';
import Joi from 'joi';
import { FIELDS, type Field, type Headings } from './columns.ts';

/** Words of the platform for words of ours, by field: `{ type: { "1": "投诉" } }`. */
export type ValueTables = Readonly<Partial<Record<Field, Readonly<Record<string, string>>>>>;

export interface ExchangeSettings {
  /** Absolute path; in/, work/, done/ and errors/ are made in it. */
  readonly folder: string;
  /** Headings by field, in place of the usual ones of that field. */
  readonly columns: Headings;
  readonly values: ValueTables;
  /** Columns that are no part of the original: a state that changes with each export would make another message of a row. */
  readonly ignoreColumns: string[];
  /** Sheet of a workbook by name; '' for the first visible one that holds rows. */
  readonly sheet: string;
  readonly encoding: 'auto' | 'utf-8' | 'gb18030' | 'utf-16le' | 'utf-16be';
  readonly delimiter: 'auto' | ',' | ';' | '|' | 'tab';
  /** A file is taken once its size and times have stood still for so long. */
  readonly stableSeconds: number;
  /** What becomes of a file whose rows are all durable. */
  readonly done: 'seal' | 'delete' | 'keep';
  /** Days after which what lies in done/ is deleted; 0 for never. */
  readonly doneDays: number;
  /** Seconds to wait at once for what becomes of the rows; later results come with later looks. */
  readonly waitSeconds: number;
  /** Hours after which rows still unread are written off in the error file. */
  readonly giveUpHours: number;
  readonly maxFileMegabytes: number;
  /** Bytes a workbook may declare, summed before anything is inflated. */
  readonly maxInflatedMegabytes: number;
  readonly maxRows: number;
}

const heading = Joi.string().min(1).max(100).label('列名');
const headings = (field: Field) =>
  Joi.array<string[]>().items(heading).single().min(1).max(30).label(`${field} 的列名`);
const table = (field: Field) =>
  Joi.object<Record<string, string>>()
    .pattern(Joi.string().max(200), Joi.string().allow('').max(200).label('对应值'))
    .label(`${field} 的对照表`);
const byField = <T>(schema: (field: Field) => T) => Object.fromEntries(FIELDS.map(field => [field, schema(field)]));

const count = (least: number, most: number, standard: number, zh: string) =>
  Joi.number().integer().min(least).max(most).default(standard).label(zh);

export const settings = Joi.object<ExchangeSettings, true>({
  folder: Joi.string()
    .max(1000)
    .custom((value: string, helpers) => (isAbsolute(value) ? value : helpers.error('exchange.folder_form')))
    .required()
    .label('交换文件夹')
    .description('其中的 in/ 放待收文件;work/、done/、errors/ 由网关使用,不存在时以 0700 建立'),
  columns: Joi.object<Headings>(byField(headings))
    .default({})
    .label('列名对应')
    .description('字段对应的列名,可写多个;未写的字段用通行列名'),
  values: Joi.object<ValueTables>(byField(table))
    .default({})
    .label('取值对照')
    .description('平台的取值换成本系统的取值,如 { type: { "1": 投诉 } }'),
  ignoreColumns: Joi.array<string[]>()
    .items(heading)
    .max(200)
    .default([])
    .label('不收的列')
    .description('每次导出都会变的列(如办理状态)列在这里,否则同一行会被当作内容已变'),
  sheet: Joi.string()
    .allow('')
    .max(100)
    .default('')
    .label('工作表')
    .description('XLSX 的工作表名;留空为第一张可见且有数据的'),
  encoding: Joi.string<ExchangeSettings['encoding']>()
    .valid('auto', 'utf-8', 'gb18030', 'utf-16le', 'utf-16be')
    .default('auto')
    .label('文本编码')
    .description('自动识别 UTF-8、GBK、GB18030 和 UTF-16'),
  delimiter: Joi.string<ExchangeSettings['delimiter']>()
    .valid('auto', ',', ';', '|', 'tab')
    .default('auto')
    .label('分隔符'),
  stableSeconds: count(0, 3600, 5, '静止秒数').description('大小和时间这么久不变才收,避免收到只写了一半的文件'),
  done: Joi.string<ExchangeSettings['done']>()
    .valid('seal', 'delete', 'keep')
    .default('seal')
    .label('收完后')
    .description('seal 加密存入 done/,delete 删除,keep 原样移入 done/'),
  doneDays: count(0, 3650, 30, '留存天数').description('done/ 中的文件保留多少天;0 为一直保留'),
  waitSeconds: count(0, 300, 10, '等待秒数').description('收完后当场等待研读结果多久;更晚的结果稍后补写'),
  giveUpHours: count(1, 720, 24, '最长等待小时数').description('超过后仍未研读的行在错误文件中注明'),
  maxFileMegabytes: count(1, 200, 50, '文件上限(MB)'),
  maxInflatedMegabytes: count(1, 2000, 200, '解压上限(MB)').description('XLSX 各部分解压后大小之和,解压之前先核对'),
  maxRows: count(1, 2_000_000, 200_000, '行数上限'),
}).label('渠道设置');
