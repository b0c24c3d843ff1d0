// 原件: what an adapter hands over, byte for byte as the platform sent it.

/** A file that came in the same request as the original (a multipart body); stored before the original is acknowledged. */
export interface FilePart {
  readonly name: string;
  readonly mediaType: string;
  /** SHA-256 of the bytes, lower-case hex; the original names the file by it. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** 原件: one message of a platform, before anything is read out of it. */
export interface Original {
  /** 平台消息号: the platform's own id. The same id again is a redelivery. */
  readonly platformId: string;
  /** The sender in the platform's words (openid, phone, envelope From, a partner's contact); `null` where there is none.
   *  Messages of one sender on one channel are decided in the order of their acceptance (a lane). */
  readonly sender: string | null;
  /** Bytes after transport decryption, else byte for byte. */
  readonly body: Uint8Array;
  readonly mediaType: string;
  /** Small facts that are not in the body (INTERNALDATE, file and row). Never secrets. */
  readonly meta: Readonly<Record<string, string>>;
  readonly files?: readonly FilePart[];
}
