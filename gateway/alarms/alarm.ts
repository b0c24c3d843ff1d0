// 报警的类型: what is found, what is alarmed of, what is to be told; plain data that is kept in the store as it is.

/** Every kind of alarm; the words of each stand in the locale under `alarm.kind`. */
export const ALARM_KINDS = [
  'channel-down',
  'credentials-refused',
  'channel-quiet',
  'unread-old',
  'undispatched-old',
  'case-system-down',
  'queue-down',
  'dead-letters',
  'disk-low',
  'intake-paused',
  'expiring',
  'settings-refused',
  'keys-gone',
  'clock-jumped',
  'audit-broken',
  'store-down',
] as const;
export type AlarmKind = (typeof ALARM_KINDS)[number];

/** Figures and codes that fill the sentences. Never anything a citizen wrote. */
export type AlarmValues = Readonly<Record<string, string | number>>;

/** A condition as it was found in one look. */
export interface Finding {
  readonly kind: AlarmKind;
  /** What it is about: a channel's id, a certificate's name; empty for the gateway as a whole. */
  readonly on: string;
  /** `holds`, or `unclear` while nobody can tell (a channel being opened, a store that does not answer): then nothing changes. */
  readonly state: 'holds' | 'unclear';
  /** Since when, where the condition itself knows; null: since it was first seen. */
  readonly since: number | null;
  readonly values: AlarmValues;
}

/** 报警: a condition that is watched; `raised` once it has held for its time. Times are milliseconds since the epoch. */
export interface Alarm {
  readonly id: string;
  readonly kind: AlarmKind;
  readonly on: string;
  readonly since: number;
  /** null: it has not held for long enough. */
  readonly raised: number | null;
  /** Elapsed time for which it held, and for which it has been gone since. */
  readonly heldMs: number;
  readonly goneMs: number;
  readonly values: AlarmValues;
  /** When a notice of its beginning was written; null while there is nobody to tell. */
  readonly told: number | null;
  /** When the last notice of it was written. */
  readonly reminded: number | null;
}

/** An alarm that is over. */
export interface PastAlarm {
  readonly id: string;
  readonly kind: AlarmKind;
  readonly on: string;
  readonly since: number;
  readonly raised: number;
  readonly over: number;
  readonly values: AlarmValues;
}

export type NoticeType = 'alarm.began' | 'alarm.over' | 'alarm.reminder' | 'alarm.test';

/** The ways by which a person is told. */
export const WAYS = ['webhook', 'mail'] as const;
export type WayName = (typeof WAYS)[number];

/** 通知: one thing to be told. Its id stays the same through every attempt, so that a receiver can recognise a second copy. */
export interface Notice {
  readonly id: string;
  readonly type: NoticeType;
  readonly at: number;
  readonly kind: AlarmKind | null;
  readonly alarm: string;
  readonly on: string;
  readonly since: number;
  /** null while the alarm lasts. */
  readonly over: number | null;
  readonly values: AlarmValues;
  /** Ways by which it has still to go. */
  readonly ways: readonly WayName[];
}

/** How one way does. */
export interface WayState {
  /** Failures in a row. */
  readonly failures: number;
  /** Not tried again before. */
  readonly dueAt: number;
  /** Code of the last failure; null after a success. */
  readonly code: string | null;
  readonly deliveredAt: number | null;
  /** Notices given up, and notices delivered, ever. */
  readonly lost: number;
  readonly delivered: number;
}

/** All that is kept between two looks and over a restart. */
export interface AlarmState {
  readonly v: 1;
  readonly alarms: readonly Alarm[];
  /** Newest first. */
  readonly past: readonly PastAlarm[];
  /** Oldest first. */
  readonly notices: readonly Notice[];
  readonly ways: Readonly<Record<WayName, WayState>>;
  /** Wall clock of the last look. */
  readonly lookedAt: number | null;
  /** Last check of the audit chain; `head` is the newest record that a check has seen, as far as one has. */
  readonly audit: { readonly at: number; readonly broken: number | null; readonly head?: string | null } | null;
}

const FRESH_WAY: WayState = { failures: 0, dueAt: 0, code: null, deliveredAt: null, lost: 0, delivered: 0 };

export const FRESH_STATE: AlarmState = {
  v: 1,
  alarms: [],
  past: [],
  notices: [],
  ways: { webhook: FRESH_WAY, mail: FRESH_WAY },
  lookedAt: null,
  audit: null,
};

/** Something that ends at a known time: a certificate, a token. */
export interface Expiry {
  /** A short name in Latin letters, such as `tls` or `oauth:mayor-mailbox`; never a person's address. */
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A settings file that was changed and not taken; what runs is the one before. */
export interface SettingsRefusal {
  readonly at: number;
  /** Code of the first thing wrong, and where: a file and line, as `huisu check` says it. */
  readonly code: string;
}
