// The six platform errors, each named after what the gateway does next. No personal data in any text.

/** Base of the six. `code` is stable (`mailbox.login_refused`) and explained in docs/errors.md. */
export abstract class PlatformError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** 暂不可用: back off, log once down and once up. Seen by a platform as 503. */
export class Unavailable extends PlatformError {
  readonly retryAfterSeconds: number | undefined;
  constructor(code: string, message: string, options?: ErrorOptions & { retryAfterSeconds?: number | undefined }) {
    super(code, message, options);
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}

/** 凭证失效: halt polls and replies, alarm a person once, wait for new settings. */
export class CredentialsRefused extends PlatformError {}

/** 配置有误: refuse to open the channel; `field` is a JSON Pointer into its settings. */
export class Misconfigured extends PlatformError {
  readonly field: string;
  /** What there is instead, for whoever asked for a connection check; goes to nobody else and into no log. */
  readonly found: { readonly zh: string; readonly en: string } | undefined;
  constructor(
    code: string,
    field: string,
    message: string,
    options?: ErrorOptions & { found?: { readonly zh: string; readonly en: string } },
  ) {
    super(code, message, options);
    this.field = field;
    this.found = options?.found;
  }
}

/** 无法识别: the message was acknowledged and goes to quarantine; the channel goes on. */
export class Unreadable extends PlatformError {}

/** 对方拒收: a dead letter; a person decides. */
export class Refused extends PlatformError {}

/** 验签失败: nothing is stored, the attempt is counted. Seen by a platform as 401. */
export class Unauthentic extends PlatformError {}
