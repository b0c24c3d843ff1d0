// A made-up ticket and one entry of each kind about it, for docs/case-system.md and for trying out a case system.
import { CASE_ENTRY_KINDS, type CaseEntryKind } from '../../config/case-system.ts';
import type { Appeal, PersonalSpan, Requester } from '../../normalizer/ticket.ts';
import type { BornContent } from '../../store/ticket-seal.ts';
import {
  type EntryBody,
  entryBody,
  followUpBody,
  linkUndoneBody,
  masksOf,
  ticketBody,
  withdrawnBody,
  withheld,
} from './entry-body.ts';

export interface ExampleOptions {
  /** Number of the made-up ticket. */
  readonly number: string;
  /** Number of the made-up message that follows it. */
  readonly followUp: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Stands before title and content, so that nobody handles it. Empty in the docs. */
  readonly mark: string;
  readonly forwardIdentity: boolean;
  /** Their number of the case. */
  readonly caseNumber: string | null;
}

/** What the docs show. */
export const DOCUMENTED: ExampleOptions = {
  number: '261123K7Q2M9D4X06',
  followUp: '261123B8W5R1H6Z0H',
  at: Date.parse('2026-11-23T09:15:30+08:00'),
  mark: '',
  forwardIdentity: false,
  caseNumber: 'TH20261123000417',
};

const MINUTE = 60_000;
const DAY = 86_400_000;
const REQUESTER: Requester = {
  name: '林某某',
  sex: '女',
  callerPhone: '+8613800138000',
  phone: '+8613800138000',
  email: null,
  idKind: null,
  idNumber: null,
  openid: null,
  address: null,
  organisation: null,
  replyBy: '电话',
};

/** One body of each kind, made by the same functions as the real ones. */
export function exampleBodies(options: ExampleOptions): Readonly<Record<CaseEntryKind, EntryBody>> {
  const bodies = CASE_ENTRY_KINDS.map(kind => [kind, exampleBody(kind, options)] as const);
  return Object.fromEntries(bodies) as Record<CaseEntryKind, EntryBody>;
}

/** Which message made the entry, at which revision, and how long after the first message. */
const MADE_BY: Readonly<Record<CaseEntryKind, readonly ['ticket' | 'follow-up', number, number]>> = {
  'ticket.created': ['ticket', 0, 2 * MINUTE],
  'ticket.followed-up': ['follow-up', 0, DAY + MINUTE],
  'ticket.corrected': ['ticket', 1, 10 * MINUTE],
  'ticket.link-undone': ['follow-up', 1, DAY + 20 * MINUTE],
  'ticket.withdrawn': ['ticket', 2, DAY + 30 * MINUTE],
};

function exampleBody(kind: CaseEntryKind, options: ExampleOptions): EntryBody {
  const [by, revision, after] = MADE_BY[kind];
  const message = by === 'ticket' ? options.number : options.followUp;
  const head = {
    id: `${message}:${revision}:${kind}`,
    kind,
    ticket: options.number,
    message,
    revision,
    urgent: false,
    createdAt: options.at + after,
  };
  return entryBody(head, kind === 'ticket.created' ? null : options.caseNumber, exampleData(kind, options));
}

function exampleData(kind: CaseEntryKind, options: ExampleOptions): EntryBody['data'] {
  const { at } = options;
  switch (kind) {
    case 'ticket.created':
    case 'ticket.corrected': {
      const ticket = exampleTicket(options, kind === 'ticket.corrected');
      const reason = withheld(ticket, options.forwardIdentity);
      const masks = masksOf(ticket.appeal, reason, REQUESTER);
      return ticketBody({ ticket, reason, masks, requester: REQUESTER });
    }
    case 'ticket.followed-up': {
      const content = `${options.mark}路灯还是没有亮，请尽快处理。联系电话 13800138000。`;
      const draft = { appeal: exampleAppeal(`${options.mark}催办：路灯还是没有亮`, content), place: EXAMPLE_PLACE };
      const masks = masksOf(draft.appeal, 'not-configured', null);
      const link = { score: 0.93, by: 'rule' } as const;
      return followUpBody({
        receivedAt: at + DAY,
        channel: 'tongtongban',
        draft,
        link,
        reason: 'not-configured',
        masks,
      });
    }
    case 'ticket.link-undone':
      return linkUndoneBody(at + DAY + 20 * MINUTE);
    case 'ticket.withdrawn':
      return withdrawnBody(options.followUp, at + DAY + 30 * MINUTE);
  }
}

const EXAMPLE_PLACE: BornContent['place'] = {
  division: '220502',
  divisionName: '东昌区',
  town: '民主街道',
  road: '新华大街',
  estate: null,
  houseNumber: '118号',
  text: '东昌区新华大街118号门前',
  inCity: true,
  longitude: null,
  latitude: null,
  datum: null,
};

function exampleAppeal(title: string, content: string): Appeal {
  return {
    type: { value: '求助', by: 'rule', words: ['请'], confidence: 0.9 },
    category: {
      value: { codes: ['02', '0203', '020305'], labels: ['城乡建设', '市政设施', '路灯照明'] },
      by: 'rule',
      words: ['路灯'],
      confidence: 0.95,
    },
    urgency: { value: '一般', by: 'rule', words: [], confidence: 0.9 },
    title,
    content,
    subject: null,
    attachments: [],
    language: 'zh',
    personal: phonesIn(content),
    problems: [],
  };
}

function phonesIn(content: string): PersonalSpan[] {
  return [...content.matchAll(/1\d{10}/g)].map(({ index }) => ({ kind: 'phone', start: index, end: index + 11 }));
}

function exampleTicket(options: ExampleOptions, corrected: boolean): BornContent {
  const { at, mark, number } = options;
  const content = `${mark}新华大街118号门前三盏路灯已经一周不亮，晚上行人看不清路，请派人维修。联系电话 13800138000。`;
  const appeal = exampleAppeal(`${mark}新华大街118号门前路灯不亮`, content);
  const photo = {
    name: '路灯.jpg',
    mediaType: 'image/jpeg',
    size: 184_320,
    source: 'blob',
    sha256: '9f2c1e7ab05d4c6f8e3b1a90d7c5624f0b8e9d3c7a615f42e0d1c8b7a6954e3d',
    ref: null,
  } as const;
  return {
    number,
    revision: corrected ? 1 : 0,
    source: {
      channel: 'tongtongban',
      kind: 'app',
      externalIds: { externalId: 'APP-20261123-00871' },
      receivedAt: at,
      occurredAt: null,
      occurredText: null,
      sentAt: at - MINUTE,
    },
    appeal: { ...appeal, attachments: corrected ? [photo] : [] },
    place: EXAMPLE_PLACE,
    anonymous: false,
    confidential: { value: false, by: 'default', words: [] },
    public: { value: true, by: 'sender', words: [] },
    triage: { verdict: 'accept', clause: null, basis: null, words: [], by: 'rule' },
    handling: {
      unit: '东昌区住房和城乡建设局',
      coUnits: [],
      method: '转办',
      deadlines: [
        { what: 'dispatch', at: Date.parse('2026-11-23T17:00:00+08:00'), workingDays: 0, extensions: 0, article: '15' },
        { what: 'result', at: Date.parse('2026-11-30T17:00:00+08:00'), workingDays: 5, extensions: 0, article: '16' },
      ],
    },
    closedRepeatOf: null,
    incident: null,
    links: [],
  };
}
