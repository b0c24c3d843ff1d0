// 来件: what an adapter's parse makes of an original, still in the platform's own words.

/** Reasons for which a message is not an appeal; `outcome` carries the word as it stands. */
export const NOT_AN_APPEAL_REASONS = [
  'bounce',
  'auto-reply',
  'follow-event',
  'delivery-report',
  'loop',
  'test',
  'empty',
] as const;
export type NotAnAppealReason = (typeof NOT_AN_APPEAL_REASONS)[number];

/** Who appeals, as the platform says it. Every value is unchecked text. */
export interface InboundContact {
  readonly name?: string;
  readonly sex?: string;
  /** 来电号码: the phone that called or wrote. */
  readonly callerPhone?: string;
  /** 联系方式: the phone to reach the requester by. */
  readonly phone?: string;
  readonly email?: string;
  readonly idKind?: string;
  readonly idNumber?: string;
  /** A platform's own id of the person (openid, uid), already prefixed with the platform: `wechat:oX…`. */
  readonly openid?: string;
  /** 联系地址: the home address, not the scene. */
  readonly address?: string;
  readonly organisation?: string;
  readonly replyBy?: string;
}

/** 事发地: the scene, as the platform says it. */
export interface InboundPlace {
  readonly text?: string;
  /** GB/T 2260 code of 6, 9 or 12 digits, if the platform gives one. */
  readonly division?: string;
  readonly longitude?: number;
  readonly latitude?: number;
  /** Datum of the coordinates: GCJ02, BD09, WGS84, CGCS2000. */
  readonly datum?: string;
}

/** Where the bytes of an attachment are. */
export type AttachmentSource =
  | { readonly kind: 'blob'; readonly sha256: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'platform'; readonly ref: string }
  | { readonly kind: 'inline'; readonly base64: string };

export interface InboundAttachment {
  readonly name: string;
  readonly mediaType?: string;
  readonly size?: number;
  readonly source: AttachmentSource;
}

/** A part of a conversation: parts with one key on one lane become one appeal, but those of people who cannot be one. */
export interface ConversationPart {
  readonly key: string;
  /** True on the part that ends the conversation; otherwise it ends after the quiet time. */
  readonly last: boolean;
  /** Seconds without a further part after which the conversation is over. */
  readonly quietSeconds: number;
}

export const ILLEGIBLE_REASONS = ['encrypted', 'unopened', 'unread'] as const;
export type IllegibleReason = (typeof ILLEGIBLE_REASONS)[number];
/** The problem that its draft carries. */
export const ILLEGIBLE_PROBLEMS: Readonly<Record<IllegibleReason, string>> = {
  encrypted: 'text.encrypted',
  unopened: 'text.unopened',
  unread: 'text.unread',
};

/** 来件, an appeal. */
export interface InboundAppeal {
  readonly kind: 'appeal';
  readonly title?: string;
  readonly content: string;
  /** How `content` is written; HTML is turned into text by the normaliser. Default `text`. */
  readonly contentFormat?: 'text' | 'html';
  /** The sender's own label of the type, matched by label against the value list; an unknown one is kept raw. */
  readonly type?: string;
  /** The sender's own labels of the category, widest first. */
  readonly category?: readonly string[];
  readonly urgency?: string;
  /** 被反映人. */
  readonly subject?: string;
  /** Original text of the time of occurrence and of sending; RFC 3339, or without zone, then Shanghai time. */
  readonly occurredAt?: string;
  readonly sentAt?: string;
  readonly place?: InboundPlace;
  readonly contact: InboundContact;
  readonly anonymous?: boolean;
  /** 保密, 公开: as the requester asked; `undefined` where nothing was said. */
  readonly confidential?: boolean;
  readonly public?: boolean;
  /** The platform's own numbers by name (`externalId`, `parentOrderNo`). */
  readonly externalIds: Readonly<Record<string, string>>;
  readonly attachments: readonly InboundAttachment[];
  readonly conversation?: ConversationPart;
  /** Why nobody here can read what was written: for another key (`encrypted`), in a wrapping that nothing opens (`unopened`), or
   *  because reading it failed (`unread`). The content is then what stands around it, and a person has to look. */
  readonly illegible?: IllegibleReason;
}

/** 来件, not an appeal. */
export interface NotAnAppeal {
  readonly kind: 'not-an-appeal';
  readonly reason: NotAnAppealReason;
  readonly detail?: string;
}

export type InboundMessage = InboundAppeal | NotAnAppeal;
