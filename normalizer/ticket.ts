// 工单: the unified record of one appeal, its types and value lists. The Joi schema stands in ticket-schema.ts, bound to these types.
import type { NotAnAppealReason } from './inbound-message.ts';

/** 诉求类型, article 9 of the hotline's regulation (举报 and 表扬 kept apart). */
export const TICKET_TYPES = ['咨询', '求助', '投诉', '举报', '建议', '表扬', '其他'] as const;
export type TicketType = (typeof TICKET_TYPES)[number];

/** 紧急程度, article 16. */
export const URGENCIES = ['一般', '紧急', '复杂'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** The eight steps of article 13. */
export const STEPS = ['受理', '派单', '办理', '答复', '督办', '办结', '回访', '评价'] as const;
export type Step = (typeof STEPS)[number];

/** Where a ticket stands with us: held 待审, queued 待派, dispatched 已派, accepted 已受理, closed 已办结, refused 不予受理,
 *  joined 已并入 (a clerk linked it to an earlier one). */
export const TICKET_STATES = ['held', 'queued', 'dispatched', 'accepted', 'closed', 'refused', 'joined'] as const;
export type TicketState = (typeof TICKET_STATES)[number];
/** In these a ticket takes follow-ups; a joined, closed or refused one does not. */
export const OPEN_STATES: ReadonlySet<TicketState> = new Set(['held', 'queued', 'dispatched', 'accepted']);

/** A value with the words it was decided by and how sure it is (0 to 1). */
export interface Decided<T> {
  readonly value: T;
  /** Who or what set it: `sender` (the platform said so), `rule`, `model`, `clerk`. */
  readonly by: 'sender' | 'rule' | 'model' | 'clerk';
  readonly words: readonly string[];
  readonly confidence: number;
  /** The sender's own value where it is on no list. */
  readonly raw?: string;
}

export interface Category {
  /** Codes and labels of up to three levels, widest first. */
  readonly codes: readonly string[];
  readonly labels: readonly string[];
}

/** Something found in the text that says who somebody is; positions are UTF-16 offsets into `content`. */
export interface PersonalSpan {
  readonly kind: 'phone' | 'email' | 'id-number' | 'plate' | 'bank-card' | 'name';
  readonly start: number;
  readonly end: number;
}

/** A place named in the text; positions are UTF-16 offsets into it. */
export interface PlaceSpan {
  readonly kind: 'division' | 'town' | 'road' | 'estate' | 'village' | 'houseNumber';
  readonly start: number;
  readonly end: number;
}

/** What a clerk can be asked about. */
export const ASKED_FIELDS = ['type', 'category', 'urgency', 'place'] as const;
export type AskedField = (typeof ASKED_FIELDS)[number];

export interface Attachment {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number | null;
  readonly source: 'blob' | 'url' | 'platform' | 'inline';
  /** SHA-256 hex of the bytes once they are kept, else null. */
  readonly sha256: string | null;
  /** URL or the platform's reference while the bytes are not yet here. */
  readonly ref: string | null;
  /** Place in the list when it was read first, under which its bytes are kept; absent where it still stands there. */
  readonly place?: number;
}

/** 诉求. */
export interface Appeal {
  readonly type: Decided<TicketType>;
  readonly category: Decided<Category> | null;
  readonly urgency: Decided<Urgency>;
  readonly title: string;
  readonly content: string;
  /** 被反映人. */
  readonly subject: string | null;
  readonly attachments: readonly Attachment[];
  readonly language: string;
  readonly personal: readonly PersonalSpan[];
  /** The same for `title`: offsets into it. */
  readonly titlePersonal?: readonly PersonalSpan[];
  /** Places named in the content and in the title. */
  readonly places?: readonly PlaceSpan[];
  readonly titlePlaces?: readonly PlaceSpan[];
  /** What reading was less sure of than the rules ask for (`ask`): a clerk looks at it. */
  readonly asks?: readonly AskedField[];
  /** Problems met while reading (`text.broken-bytes`), never an exception. */
  readonly problems: readonly string[];
}

/** 事发地. */
export interface Place {
  /** Division code of the region file (`220502`), null when not known. */
  readonly division: string | null;
  readonly divisionName: string | null;
  readonly town: string | null;
  readonly road: string | null;
  readonly estate: string | null;
  readonly houseNumber: string | null;
  /** The words of the text that named the place. */
  readonly text: string | null;
  /** False when a place outside the city was named (article 10 (6)), null when none was. */
  readonly inCity: boolean | null;
  readonly longitude: number | null;
  readonly latitude: number | null;
  readonly datum: string | null;
  /** The words that named the place or put it outside the city, and how sure the reading is (0 to 1). */
  readonly words?: readonly string[];
  readonly confidence?: number;
  /** Where a person has written `text`; absent where it was read. */
  readonly by?: 'clerk';
}

/** 诉求人; every field is sealed on its own under the identity key. */
export interface Requester {
  readonly name: string | null;
  readonly sex: string | null;
  /** 来电号码 and 联系方式, E.164 where they could be read (`+8613800138000`), else as sent. */
  readonly callerPhone: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  readonly idKind: string | null;
  readonly idNumber: string | null;
  readonly openid: string | null;
  readonly address: string | null;
  readonly organisation: string | null;
  readonly replyBy: string | null;
}

/** All fields of a requester. */
export const REQUESTER_FIELDS = [
  'name',
  'sex',
  'callerPhone',
  'phone',
  'email',
  'idKind',
  'idNumber',
  'openid',
  'address',
  'organisation',
  'replyBy',
] as const satisfies readonly (keyof Requester)[];

export interface Flag {
  readonly value: boolean;
  /** Who or what set it, and by which words. */
  readonly by: 'sender' | 'rule' | 'clerk' | 'default';
  readonly words: readonly string[];
  /** 0 to 1. */
  readonly confidence?: number;
}

/** What is held under no clause: nothing to read in it, no sense in it, or an advertisement. */
export const HOLD_REASONS = ['nothing-to-read', 'nonsense', 'advertising'] as const;
export type HoldReason = (typeof HOLD_REASONS)[number];

/** 受理判定. */
export interface Triage {
  readonly verdict: 'accept' | 'hold' | 'advise-refusal';
  /** `10.6` and the like; null when accepted. */
  readonly clause: string | null;
  /** The clause's sentence in Chinese, quoted to the requester. */
  readonly basis: string | null;
  readonly words: readonly string[];
  readonly by: 'rule' | 'clerk';
  /** 0 to 1. */
  readonly confidence?: number;
  /** Why it is held where no clause says so. */
  readonly reason?: HoldReason;
}

export interface Deadline {
  /** What is due: `dispatch` (article 15), `return` (15), `result` (16). */
  readonly what: 'dispatch' | 'return' | 'result';
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Working days counted, null for a clock in hours. */
  readonly workingDays: number | null;
  /** Extensions of so many working days that may be asked for. */
  readonly extensions: number;
  readonly article: string;
}

/** 办理方式. */
export const METHODS = ['转办', '督办', '回访复核'] as const;
export type Method = (typeof METHODS)[number];

export interface Handling {
  /** 主办 and 协办, suggested from place and category, or named by a clerk. */
  readonly unit: string | null;
  readonly coUnits: readonly string[];
  readonly method: Method;
  /** Where a clerk has named the units; absent where the rules suggest them. */
  readonly by?: 'clerk';
  /** 被反映单位: units by class and place that the appeal is about. An accusation is not suggested to them; absent: none was found. */
  readonly accused?: readonly string[];
  readonly deadlines: readonly Deadline[];
}

export interface Source {
  readonly channel: string;
  /** Adapter kind. */
  readonly kind: string;
  readonly externalIds: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  readonly occurredAt: number | null;
  readonly occurredText: string | null;
  readonly sentAt: number | null;
}

/** 工单草稿: what the normaliser makes of an inbound message; pure, so the same input gives the same draft. */
export interface TicketDraft {
  readonly appeal: Appeal;
  readonly place: Place;
  readonly requester: Requester;
  readonly anonymous: boolean;
  readonly confidential: Flag;
  readonly public: Flag;
  readonly triage: Triage;
  readonly handling: Handling;
  readonly externalIds: Readonly<Record<string, string>>;
  readonly occurredAt: number | null;
  readonly occurredText: string | null;
  readonly sentAt: number | null;
}

export type RepeatKind = 'repeat' | 'closed-repeat' | 'incident';

/** A link to an earlier ticket, with what a person needs to check it. */
export interface Link {
  readonly kind: RepeatKind;
  /** Number of the earlier ticket. */
  readonly of: string;
  readonly score: number;
  readonly threshold: number;
  readonly features: Readonly<Record<string, number>>;
  /** Sentences-to-be: locale keys with their values, and the shared words. */
  readonly reasons: readonly string[];
  readonly words: readonly string[];
  /** Keyed terms that both appeals have, heaviest first; `words` are made of them. Absent on a clerk's link. */
  readonly terms?: readonly number[];
  readonly weightsVersion: string;
  readonly by: 'rule' | 'clerk';
  /** Present where the link was not made, but left to a clerk. */
  readonly suggested?: true;
}

/** The part of a ticket that its decision makes; a decision of a higher revision rewrites it. */
export interface BornTicket {
  readonly number: string;
  readonly revision: number;
  readonly source: Source;
  readonly appeal: Appeal;
  readonly place: Place;
  readonly requester: Requester;
  readonly anonymous: boolean;
  readonly confidential: Flag;
  readonly public: Flag;
  readonly triage: Triage;
  readonly handling: Handling;
  /** Number of the earlier, closed ticket of the same requester about the same matter (article 10 (5)). */
  readonly closedRepeatOf: string | null;
  /** 同一事件: the incident's id, which is the number of its first ticket. */
  readonly incident: string | null;
  readonly links: readonly Link[];
}

export interface HistoryEntry {
  readonly at: number;
  readonly state: TicketState;
  readonly step: Step | null;
  /** `system`, `case-system` or a clerk's name. */
  readonly by: string;
  readonly note: string | null;
}

export interface FollowUp {
  /** Number of the message that joined. */
  readonly message: string;
  readonly at: number;
  readonly link: Link | null;
  readonly undone: boolean;
}

/** The part of a ticket that life adds to; never rewritten by a decision. */
export interface LivedTicket {
  readonly state: TicketState;
  readonly step: Step | null;
  readonly history: readonly HistoryEntry[];
  readonly followUps: readonly FollowUp[];
  /** 催办次数. */
  readonly urgeCount: number;
  readonly supervised: boolean;
  readonly caseNumber: string | null;
  readonly returned: { readonly at: number; readonly reason: string } | null;
  readonly result: { readonly at: number; readonly text: string; readonly solved: boolean | null } | null;
  readonly satisfaction: '满意' | '基本满意' | '不满意' | null;
}

export interface Ticket {
  readonly born: BornTicket;
  readonly lived: LivedTicket;
}

/** 处理结果: what became of an acknowledged message; exactly one of these in the end. */
export type Outcome =
  | { readonly kind: 'ticket'; readonly held: boolean; readonly closedRepeatOf?: string; readonly incident?: string }
  | { readonly kind: 'repeat'; readonly of: string }
  | { readonly kind: 'part'; readonly of: string }
  | { readonly kind: 'not-an-appeal'; readonly reason: NotAnAppealReason }
  | { readonly kind: 'quarantined'; readonly reason: string };
