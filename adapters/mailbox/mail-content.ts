// A mail taken apart, before anybody asks what it means.
import type { MailHeaders } from './headers.ts';

export interface MailAddress {
  readonly name: string;
  /** '' where the header names none. */
  readonly address: string;
}

/** One part that is text or holds parts; attachments stand apart. */
export interface MailPart {
  /** Media type in lower case. */
  readonly type: string;
  /** Decoded text of a text part, else ''. */
  readonly text: string;
  readonly parts: readonly MailPart[];
}

export interface MailFile {
  /** '' where the part names none. */
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

export interface MailContent {
  readonly headers: MailHeaders;
  readonly subject: string;
  readonly from: MailAddress;
  readonly replyTo: MailAddress;
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly references: readonly string[];
  /** report-type of a multipart/report, lower-case; else ''. */
  readonly reportType: string;
  readonly root: MailPart;
  readonly files: readonly MailFile[];
}
