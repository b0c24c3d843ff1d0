// Settings of one mailbox account.
import { isIP } from 'node:net';
import Joi from 'joi';

/** OAuth 2.0 instead of a password; a fixed access token, or what is needed to get fresh ones. */
export interface MailboxOauth {
  /** A token made elsewhere; when it has expired the channel halts until there is a new one. */
  readonly accessToken?: string;
  /** Token endpoint of the provider; access tokens are fetched there with the refresh token (RFC 6749, section 6). */
  readonly endpoint?: string;
  readonly clientId?: string;
  /** Left out for public clients. */
  readonly clientSecret?: string;
  readonly refreshToken?: string;
  readonly scope?: string;
}

// Arrays are not readonly here because Joi's strict schema map knows no readonly arrays.
export interface MailboxSettings {
  readonly host: string;
  /** Left out: 993 with `implicit`, else 143. */
  readonly port?: number;
  /** TLS from the first byte, by STARTTLS (required, never skipped), or not at all (own machine only). */
  readonly tls: 'implicit' | 'starttls' | 'none';
  /** PEM file with the authorities to trust instead of the public ones. */
  readonly caFile?: string;
  /** Lets `tls: none` go to another machine: password and mail are then readable on the way. */
  readonly allowUnencrypted: boolean;
  readonly user: string;
  /** Password or, with most providers, an app password (授权码). */
  readonly password?: string;
  readonly oauth?: MailboxOauth;
  /** The first one is watched live, the others are looked at once a minute. */
  readonly folders: string[];
  /** Which mails count at first: `connected`, `all`, or a day (Shanghai time). */
  readonly since: string;
  /** Further addresses of ours; mails from them are loops, not appeals. */
  readonly ownAddresses: string[];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/i;

/** Whether nothing sent to this host leaves the machine. */
function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

const host = Joi.string()
  .max(255)
  .custom((value: string, helpers) =>
    isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value) ? value : helpers.error('mailbox.host_form'),
  );

const since = Joi.string().custom((value: string, helpers) =>
  isSince(value) ? value : helpers.error('mailbox.since_form'),
);

function isSince(value: string): boolean {
  if (value === 'connected' || value === 'all') return true;
  return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(`${value}T00:00:00+08:00`));
}

const secret = () => Joi.string().max(8192).meta({ secret: true });

const oauth = Joi.object<MailboxOauth, true>({
  accessToken: secret().label('访问令牌').description('在别处取得的令牌;过期后渠道停止,直到换上新的'),
  endpoint: Joi.string()
    .uri({ scheme: ['https', 'http'] })
    .label('令牌地址')
    .description('服务商的 OAuth 2.0 令牌端点;用刷新令牌自动取得访问令牌'),
  clientId: Joi.string().max(512).label('客户端编号'),
  clientSecret: secret().label('客户端密钥').description('公开客户端可不填'),
  refreshToken: secret().label('刷新令牌'),
  scope: Joi.string().max(1024).label('授权范围').description('服务商要求时填写'),
})
  .xor('accessToken', 'refreshToken')
  .with('refreshToken', ['endpoint', 'clientId'])
  .label('OAuth2 登录')
  .description('邮箱要求 OAuth 2.0 登录时填写,与密码二选一');

export const settings = Joi.object<MailboxSettings, true>({
  host: host.required().label('服务器').description('IMAP 服务器,如 imap.163.com、imap.exmail.qq.com'),
  port: Joi.number().port().label('端口').description('不填时:implicit 为 993,其余为 143'),
  tls: Joi.string()
    .valid('implicit', 'starttls', 'none')
    .default('implicit')
    .label('加密方式')
    .description('implicit 全程加密;starttls 先连接再加密;none 不加密,只限本机'),
  caFile: Joi.string()
    .max(1024)
    .label('CA 证书文件')
    .description('邮件服务器使用自建 CA 时,填 PEM 文件的路径;只信任其中的证书'),
  allowUnencrypted: Joi.boolean()
    .default(false)
    .label('允许不加密连接外机')
    .description('密码和邮件在网络上可被窃听;仅在专用隔离网络中开启'),
  user: Joi.string().max(320).required().label('账号').description('多数服务商为完整的邮箱地址'),
  password: secret().label('密码').description('163、126、QQ 等须填授权码,不是网页登录密码'),
  oauth,
  folders: Joi.array<string[]>()
    .items(Joi.string().min(1).max(255).label('文件夹'))
    .min(1)
    .max(20)
    .unique()
    .default(['INBOX'])
    .label('文件夹')
    .description('第一个实时监听,其余每分钟查看一次'),
  since: since
    .default('connected')
    .label('起点')
    .description('connected 只收首次连接之后到达的邮件;all 收全部;或填日期,收该日零时(北京时间)以后的'),
  ownAddresses: Joi.array<string[]>()
    .items(Joi.string().email({ tlds: false }).lowercase().label('本单位地址'))
    .max(100)
    .default([])
    .label('本单位地址')
    .description('这些地址发来的是自己的邮件,不作为诉求;账号自身总在其中'),
})
  .xor('password', 'oauth')
  .custom((value: MailboxSettings, helpers) =>
    value.tls !== 'none' || value.allowUnencrypted || isLoopback(value.host)
      ? value
      : helpers.error('mailbox.unencrypted'),
  )
  .label('渠道设置');
