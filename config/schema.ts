// The outer shape of the settings file: types and Joi schema. Defaults are figures, so they stand in huisu.yaml beside it.
import Joi from 'joi';
import type { CalendarYear } from '../normalizer/work-calendar.ts';
import { type AlarmSettings, alarmsSchema } from './alarms.ts';
import { type CalendarYearSettings, calendarSchema } from './calendar.ts';
import { type CaseSystemSettings, caseSystemSchema } from './case-system.ts';
import { type EmbeddingSettings, embeddingSchema } from './embedding.ts';
import { type QueueSettings, queueSchema } from './queue.ts';
import { type FileRule, type RetentionSettings, retentionSchema } from './retention.ts';
import { type SplitSettings, splitSchema } from './split.ts';
import { type StoreSettings, storeSchema } from './store.ts';

/** 密钥 profile: AES-256-GCM with SHA-256, or SM4-CBC with HMAC-SM3. */
export type KeyProfile = 'intl' | 'gm';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface TlsSettings {
  /** Absolute paths; PEM. The certificate's file may hold its chain too. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Further certificates of the chain, where the authority gave them apart; null: none. */
  readonly caFile: string | null;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** One channel of the settings file. Channels made by the command line stand in the store instead. */
export interface ChannelConfig {
  /** Part of the webhook's URL, so it stays what it is. */
  readonly id: string;
  /** Kind of an adapter in the registry. */
  readonly kind: string;
  readonly enabled: boolean;
  /** The adapter's own settings; its schema checks them, not this file's. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** 服务配置: everything the gateway is told; frozen, plain data (worker threads get a copy). */
export interface Config {
  /** Absolute path of the data folder; one process owns it. */
  readonly data: string;
  /** 存储: where everything is kept. */
  readonly store: StoreSettings;
  /** Key ring: an absolute path outside the data folder, and the profile a new ring is made with. */
  readonly keys: { readonly file: string; readonly profile: KeyProfile };
  readonly listen: {
    readonly host: string;
    /** 0 takes any free port. */
    readonly port: number;
    /** How partners reach the gateway from outside; null: as the listening address says. */
    readonly publicUrl: string | null;
    /** Addresses and ranges of the proxies whose X-Forwarded-For and -Proto are believed. */
    readonly trustedProxies: readonly string[];
    /** TLS of our own; null: plain HTTP, for this machine alone or behind a proxy. */
    readonly tls: TlsSettings | null;
    /** Plain HTTP on an outer address with no proxy named: only where somebody says that it is meant. */
    readonly plain: boolean;
    /** Connections beyond so many are refused. */
    readonly maxConnections: number;
  };
  /** Absolute path of the region file (divisions and towns); the settings file may give the name of a shipped one. */
  readonly region: string;
  /** Absolute path of the rules folder. */
  readonly rules: string;
  /** 放假安排: years of the work calendar beside those of the library. */
  readonly calendar: readonly CalendarYear[];
  readonly reading: {
    /** Parser threads. */
    readonly parsers: number;
    /** Longest time for one message in a parser, after which the parser is stopped. */
    readonly messageSeconds: number;
    /** Heap of one parser thread. */
    readonly memoryMb: number;
    /** Readers a message may kill before it is quarantined. */
    readonly attempts: number;
    /** Messages handed to a parser, and decisions to the writer, at once. */
    readonly batch: number;
    /** What one container may take. */
    readonly split: SplitSettings;
  };
  readonly intake: {
    /** Bodies being received at one time; beyond it senders are told to come back (503, Retry-After). */
    readonly maxInFlightMb: number;
    /** Intake stops while less than this is free under the data folder: the greater of the two. */
    readonly minFreeMb: number;
    readonly minFreePercent: number;
    /** How long a commit waits for company; 0: only for the commit before it. */
    readonly groupCommitMs: number;
    /** Servers with inner addresses that attachments may be downloaded from, `host:port`; all public ones may be anyway. */
    readonly attachmentServers: readonly string[];
  };
  readonly dispatch: {
    /** How long a ticket waits for its attachments before it goes without them. */
    readonly attachmentWaitMinutes: number;
    /** Entries forwarded at one time. */
    readonly concurrency: number;
  };
  /** 队列: how work is spread over processes. */
  readonly queue: QueueSettings;
  /** 语义向量服务; null: none is asked. */
  readonly embedding: EmbeddingSettings | null;
  /** 工单系统; null: entries wait in the outbox. */
  readonly caseSystem: CaseSystemSettings | null;
  /** 报警: whom to tell and when. Alarms are kept and shown without anybody to tell, too. */
  readonly alarms: AlarmSettings;
  /** 保存期限: what is kept how long. */
  readonly retention: RetentionSettings;
  /** Third parties' adapters: package names, or paths. */
  readonly adapters: readonly string[];
  readonly channels: readonly ChannelConfig[];
  readonly log: { readonly level: LogLevel };
}

/** The file as written, before paths are made absolute and `auto` becomes a number. */
export interface RawConfig
  extends Omit<Config, 'listen' | 'calendar' | 'reading' | 'intake' | 'retention' | 'adapters' | 'channels'> {
  readonly calendar: CalendarYearSettings[];
  readonly listen: Omit<Config['listen'], 'trustedProxies'> & { readonly trustedProxies: string[] };
  readonly intake: Omit<Config['intake'], 'attachmentServers'> & { readonly attachmentServers: string[] };
  readonly retention: Omit<RetentionSettings, 'attachments'> & { attachments: FileRule[] };
  readonly adapters: string[];
  readonly channels: ChannelConfig[];
  readonly reading: Omit<Config['reading'], 'parsers'> & { readonly parsers: number | 'auto' };
}

const CHANNEL_ID = /^[a-z][a-z0-9-]{0,39}$/;
const SERVER = /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}:[1-9][0-9]{0,4}$/;

const whole = (min: number, max: number) => Joi.number().integer().min(min).max(max).required();
const group = <T>(keys: Joi.StrictSchemaMap<T>) => Joi.object<T, true>(keys).required();

const channelSchema = Joi.object<ChannelConfig, true>({
  id: Joi.string()
    .pattern(CHANNEL_ID, 'channel id')
    .required()
    .label('渠道编号')
    .description('Lower-case letters, digits and hyphens; becomes part of the webhook URL.'),
  kind: Joi.string().required().label('渠道类型').description('Kind of the adapter, such as app.'),
  enabled: Joi.boolean().default(true).label('启用').description('False: the channel is kept but not opened.'),
  settings: Joi.object().unknown().default({}).label('渠道设置').description("The adapter's own settings."),
});

const tlsSchema = Joi.object<TlsSettings, true>({
  certFile: Joi.string().required().label('证书文件').description('PEM file of the certificate, its chain after it.'),
  keyFile: Joi.string().required().label('私钥文件').description("PEM file of the certificate's key."),
  caFile: Joi.string()
    .allow(null)
    .default(null)
    .label('中间证书文件')
    .description('PEM file of the chain, where it is not in the file of the certificate.'),
  minVersion: Joi.string()
    .valid('TLSv1.2', 'TLSv1.3')
    .default('TLSv1.2')
    .label('最低版本')
    .description('Least version of TLS.'),
}).label('TLS');

/** Schema of the settings with the shipped defaults already under them, hence everything is required. */
export const configSchema = Joi.object<RawConfig, true>({
  data: Joi.string().required().label('数据目录').description('Data folder; one process owns it.'),
  store: storeSchema,
  keys: group<Config['keys']>({
    file: Joi.string().required().label('密钥文件').description('Key ring; outside the data folder.'),
    profile: Joi.string()
      .valid('intl', 'gm')
      .required()
      .label('密码算法')
      .description('intl: AES-256-GCM; gm: SM4-CBC with HMAC-SM3. For new key rings.'),
  }).label('密钥'),
  listen: group<RawConfig['listen']>({
    host: Joi.string().hostname().required().label('监听地址').description('Address to listen on.'),
    port: whole(0, 65_535).label('端口').description('Port; 0 takes a free one.'),
    publicUrl: Joi.string()
      .uri({ scheme: ['http', 'https'] })
      .allow(null)
      .required()
      .label('对外地址')
      .description('How partners reach the gateway; null: as it listens.'),
    trustedProxies: Joi.array()
      .items(Joi.string().ip({ cidr: 'optional' }))
      .unique()
      .required()
      .label('可信代理')
      .description('Addresses and ranges of the proxies in front; only from them X-Forwarded-For is believed.'),
    tls: tlsSchema.allow(null).required().description('null: plain HTTP.'),
    plain: Joi.boolean()
      .required()
      .label('允许明文')
      .description('Plain HTTP on an outer address with no trusted proxy in front.'),
    maxConnections: whole(1, 65_535).label('最大连接数').description('Connections at one time.'),
  }).label('监听'),
  region: Joi.string().required().label('城市').description('Name of a shipped region file, or the path of one.'),
  rules: Joi.string().required().label('规则目录').description('Folder of the rule files.'),
  calendar: calendarSchema,
  reading: group<RawConfig['reading']>({
    parsers: Joi.alternatives(Joi.string().valid('auto'), Joi.number().integer().min(1).max(64))
      .required()
      .label('解析线程数')
      .description('Parser threads; auto: one fewer than cores, at least one.'),
    messageSeconds: whole(1, 300).label('单件时限（秒）').description('Longest time for one message.'),
    memoryMb: whole(32, 4096).label('单线程内存（MB）').description('Heap of one parser thread.'),
    attempts: whole(1, 10).label('最多尝试次数').description('Readers a message may kill.'),
    batch: whole(1, 1024).label('批量').description('Messages handed over at once.'),
    split: splitSchema.required().label('拆分'),
  }).label('研读'),
  intake: group<RawConfig['intake']>({
    maxInFlightMb: whole(1, 4096).label('在途上限（MB）').description('Bodies being received at one time.'),
    minFreeMb: whole(0, 1_048_576).label('最少剩余空间（MB）').description('Intake stops below it.'),
    minFreePercent: Joi.number()
      .min(0)
      .max(50)
      .required()
      .label('最少剩余空间（%）')
      .description('Intake stops below it.'),
    groupCommitMs: whole(0, 100).label('合并提交等待（毫秒）').description('How long a commit waits for company.'),
    attachmentServers: Joi.array()
      .items(Joi.string().pattern(SERVER, 'host:port'))
      .unique()
      .required()
      .label('内网附件服务器')
      .description('Inner servers that attachments may come from, host:port; public ones need no entry.'),
  }).label('收件'),
  dispatch: group<Config['dispatch']>({
    attachmentWaitMinutes: whole(0, 1440).label('等附件（分钟）').description('How long a ticket waits for its files.'),
    concurrency: whole(1, 256).label('并发').description('Entries forwarded at one time.'),
  }).label('派单'),
  embedding: embeddingSchema.allow(null).required().description('null: no service is asked.'),
  queue: queueSchema,
  caseSystem: caseSystemSchema.allow(null).required().description('null: entries wait.'),
  alarms: alarmsSchema,
  retention: retentionSchema,
  adapters: Joi.array()
    .items(Joi.string())
    .unique()
    .required()
    .label('第三方适配器')
    .description('Package names or paths.'),
  channels: Joi.array()
    .items(channelSchema)
    .required()
    .label('渠道')
    .description('Channels; more of them in channels/*.yaml beside the file.'),
  log: group<Config['log']>({
    level: Joi.string()
      .valid('debug', 'info', 'warn', 'error')
      .required()
      .label('日志级别')
      .description('Least level.'),
  }).label('日志'),
});
