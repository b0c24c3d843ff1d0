// 报警的去向: what a way of telling a person does, and the notice as it is put into a message.

import type { Sentence } from '../locale.ts';
import type { Notice, WayName } from './alarm.ts';
import { noticeText } from './words.ts';

/** One way to tell a person. */
export interface Way {
  readonly name: WayName;
  /** Where it goes, as the operator wrote it: an origin, an address. */
  readonly target: string;
  /** Resolves with the other side's answer once it has taken the notice. Throws a `PlatformError`, or the signal's reason. */
  send(notice: Notice, signal: AbortSignal): Promise<string>;
}

/** The body of the outgoing webhook, and what mails are written from. */
export interface NoticeBody {
  readonly type: Notice['type'];
  /** When it was written, ISO 8601. */
  readonly timestamp: string;
  readonly data: {
    /** Which installation. */
    readonly gateway: string;
    /** Same in the beginning, the reminders and the end of one alarm. */
    readonly alarm: string;
    /** null for a test. */
    readonly kind: string | null;
    readonly on: string;
    readonly since: string;
    readonly over: string | null;
    readonly values: Notice['values'];
    readonly subject: Sentence;
    readonly text: Sentence;
    readonly command: string | null;
  };
}

export function noticeBody(notice: Notice, name: string): NoticeBody {
  const iso = (at: number) => new Date(at).toISOString();
  const { subject, text, command } = noticeText(notice, name);
  return {
    type: notice.type,
    timestamp: iso(notice.at),
    data: {
      gateway: name,
      alarm: notice.alarm,
      kind: notice.kind,
      on: notice.on,
      since: iso(notice.since),
      over: notice.over === null ? null : iso(notice.over),
      values: notice.values,
      subject,
      text,
      command,
    },
  };
}
