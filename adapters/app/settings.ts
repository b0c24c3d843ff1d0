// Settings of one partner's channel.
import Joi from 'joi';
import { isAddressOrRange } from '../kit/address.ts';
import { isSecret } from '../kit/signature.ts';

// Arrays are not readonly here because Joi's strict schema map knows no readonly arrays.
export interface AppSettings {
  /** One secret, or two while the partner changes over; the newest first. */
  readonly secrets: string[];
  /** Requests per second over time, and how many more may come at once. */
  readonly ratePerSecond: number;
  readonly burst: number;
  /** Seconds of silence after which a conversation without a `last` part is taken to be over. */
  readonly quietSeconds: number;
  /** Whether attachments may be named by URL, and from which hosts; an empty list means any public host. */
  readonly allowUrlAttachments: boolean;
  readonly attachmentHosts: string[];
  /** Addresses and CIDR ranges requests may come from; an empty list means from anywhere. */
  readonly sources: string[];
}

const secret = Joi.string()
  .custom((value: string, helpers) => (isSecret(value) ? value : helpers.error('app.secret_form')))
  .meta({ secret: true })
  .label('签名密钥');

const source = Joi.string()
  .custom((value: string, helpers) => (isAddressOrRange(value) ? value : helpers.error('app.source_form')))
  .label('来源地址');

const host = Joi.string().hostname().lowercase().label('附件主机');

export const settings = Joi.object<AppSettings, true>({
  secrets: Joi.array<string[]>()
    .items(secret)
    .min(1)
    .max(2)
    .required()
    .label('签名密钥')
    .description('Standard Webhooks 密钥;轮换期间可同时填新旧两个,新的在前')
    .meta({ secret: true }),
  ratePerSecond: Joi.number()
    .integer()
    .min(1)
    .max(100_000)
    .default(100)
    .label('每秒请求数')
    .description('每个网关进程的平均上限'),
  burst: Joi.number()
    .integer()
    .min(0)
    .max(1_000_000)
    .default(400)
    .label('突发请求数')
    .description('超出平均上限后还可连续接受的请求数'),
  quietSeconds: Joi.number()
    .integer()
    .min(1)
    .max(3600)
    .default(30)
    .label('会话静默秒数')
    .description('多段来件在最后一段之后等待这么久即视为结束'),
  allowUrlAttachments: Joi.boolean()
    .default(true)
    .label('允许网址附件')
    .description('附件可只给网址,由网关下载(只下载公网地址)'),
  attachmentHosts: Joi.array<string[]>()
    .items(host)
    .max(50)
    .default([])
    .label('附件主机')
    .description('只从这些主机下载附件;留空为任意公网主机'),
  sources: Joi.array<string[]>()
    .items(source)
    .max(100)
    .default([])
    .label('来源地址')
    .description('只接受来自这些地址或网段的请求;留空不限'),
}).label('渠道设置');
