// A real store on a temporary folder, tickets of any kind in it, a simulated case system and the outgoing side between them.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caseSystemSettings } from '../../../config/case-system.ts';
import { createDispatch, type Dispatch } from '../../../gateway/dispatch/dispatch.ts';
import { createLocalQueue } from '../../../gateway/dispatch/local-queue.ts';
import type { Queue } from '../../../gateway/dispatch/queue.ts';
import { newNumber } from '../../../gateway/number.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import type { Requester } from '../../../normalizer/ticket.ts';
import { createCipher, type FieldCipher } from '../../../store/field-cipher.ts';
import { createDevelopmentKeys, macKey } from '../../../store/key-ring.ts';
import { NOTHING_MORE } from '../../../store/nothing-more.ts';
import { openSqliteStore } from '../../../store/sqlite/engine.ts';
import type { CommitRow, EntryKind, NewEntry, Store } from '../../../store/store.ts';
import { type BornContent, sealBorn, sealDecision, sealIdentity } from '../../../store/ticket-seal.ts';
import { type CaseSystemOptions, type CaseSystemSimulator, startCaseSystem } from '../../platforms/case-system.ts';

export const PHONE = '13912345678';
export const REQUESTER: Requester = {
  name: '欧阳测试',
  sex: '女',
  callerPhone: `+86${PHONE}`,
  phone: `+86${PHONE}`,
  email: 'ouyang@example.cn',
  idKind: '居民身份证',
  idNumber: '220502199003071234',
  openid: 'wechat:oXtest0001',
  address: '东昌区某小区9栋',
  organisation: null,
  replyBy: null,
};

export interface TicketOptions {
  readonly lane?: string;
  readonly urgent?: boolean;
  readonly type?: '求助' | '举报';
  readonly confidential?: boolean;
  readonly anonymous?: boolean;
  readonly content?: string;
  readonly title?: string;
  readonly titlePersonal?: BornContent['appeal']['titlePersonal'];
  readonly file?: string;
  readonly placeText?: string;
  readonly place?: Partial<BornContent['place']>;
  readonly subject?: string;
  readonly requester?: Partial<Requester>;
  readonly externalIds?: Readonly<Record<string, string>>;
  readonly occurredText?: string;
  readonly mediaType?: string;
  readonly handling?: Partial<BornContent['handling']>;
}

export interface Workbench {
  readonly folder: string;
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly simulator: CaseSystemSimulator;
  /** Every line logged so far. */
  readonly logged: readonly string[];
  /** Accepts and decides messages as tickets, with a `ticket.created` entry each; answers their numbers. */
  tickets(list: readonly TicketOptions[]): Promise<readonly string[]>;
  /** A message that joins a ticket. */
  followUp(ticket: string, content: string, lane?: string, more?: TicketOptions): Promise<string>;
  /** A later decision on a message that sends something more. */
  later(message: string, revision: number, entry: Pick<NewEntry, 'kind' | 'ticket' | 'afterCreated'>): Promise<void>;
  dispatch(settings?: Readonly<Record<string, unknown>>, concurrency?: number, queuedMs?: number): Promise<Dispatch>;
  /** Waits until nothing is due, parked or in flight. */
  drained(): Promise<void>;
  close(): Promise<void>;
}

/** Short waits, so that a hundred failures take a second. */
export const QUICK = {
  deadlines: { connect: 1, headers: 0.2, body: 0.2, total: 0.4 },
  retry: { steps: [0.02, 0.04], every: 0.05, hours: 1 },
  breaker: { failures: 1000, openSeconds: 0.05, maxOpenSeconds: 0.2 },
};

/** Another queue than that of this process alone. */
export type QueueOf = () => Queue;
/** Another store than the embedded one; the folder is the workbench's own. */
export type StoreOf = (
  folder: string,
  audit: { readonly auditKey: Uint8Array; readonly profile: 'intl' },
) => Promise<Store>;

export const reportBug = (error: unknown) => process.stderr.write(`bug: ${String(error)}\n`);

export async function openWorkbench(
  simulated: CaseSystemOptions = {},
  queueOf: QueueOf = () => createLocalQueue({ onBug: reportBug }),
  storeOf: StoreOf = (folder, audit) => openSqliteStore({ folder: join(folder, 'data'), ...audit }),
): Promise<Workbench> {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-dispatch-'));
  const ring = createDevelopmentKeys(join(folder, 'keys.json'));
  const cipher = createCipher(ring);
  const store = await storeOf(folder, { auditKey: macKey(ring, 'audit'), profile: 'intl' });
  const simulator = await startCaseSystem(simulated);
  const running: Dispatch[] = [];
  const logged: string[] = [];
  const log = createLog({ level: 'info', destination: { write: line => void logged.push(line) } });
  return {
    folder,
    store,
    cipher,
    simulator,
    logged,
    tickets: list => addTickets(store, cipher, list),
    async followUp(ticket, content, lane, more) {
      const [number = ''] = await accept(store, cipher, [{ lane: lane ?? 'follow' }]);
      await commit(store, [await followUpRow(store, cipher, number, ticket, { ...more, content }, lane ?? 'follow')]);
      return number;
    },
    async later(message, revision, entry) {
      const row = await store.messages.get(message);
      if (row === null || row.outcome === null) throw new Error('not decided yet');
      const again = { ...emptyRow(message, row.outcome), revision };
      await commit(store, [{ ...again, outbox: [entryOf(message, row.lane, { ...entry, revision })] }]);
    },
    async dispatch(settings = {}, concurrency = 8, queuedMs = 30_000) {
      const dispatch = createDispatch({
        store,
        queue: queueOf(),
        cipher,
        settings: caseSystemSettings({ url: simulator.url, ...QUICK, ...settings }),
        concurrency,
        log,
        sweepMs: 500,
        queuedMs,
      });
      running.push(dispatch);
      await dispatch.start();
      return dispatch;
    },
    drained: () => drained(store),
    async close() {
      for (const dispatch of running) await dispatch.close(2000);
      await simulator.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks again until it holds; fails after 20 s. */
export async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never came about: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

async function drained(store: Store): Promise<void> {
  await until(async () => {
    const counts = await store.outbox.counts();
    return counts.due + counts.inFlight + counts.parked === 0;
  }, 'an empty outbox');
}

function laneKey(lane: string): string {
  return createHash('sha256').update(lane).digest('hex').slice(0, 16);
}

async function accept(
  store: Store,
  cipher: FieldCipher,
  list: readonly { readonly lane: string }[],
): Promise<readonly string[]> {
  const now = Date.now();
  const rows = list.map(({ lane }) => {
    const number = newNumber(now);
    const key = createHash('sha256').update(number).digest('hex').slice(0, 32);
    const { wrapped } = cipher.newDataKey('content');
    return {
      key,
      weakKey: null,
      fingerprint: key,
      number,
      channel: 'app-1',
      lane: laneKey(lane),
      shard: 0,
      acceptedAt: now,
      wrappedContent: wrapped,
      sealed: new Uint8Array([1]),
      blob: null,
    };
  });
  await store.messages.accept(rows);
  return rows.map(row => row.number);
}

async function addTickets(
  store: Store,
  cipher: FieldCipher,
  list: readonly TicketOptions[],
): Promise<readonly string[]> {
  const lanes = list.map((options, i) => ({ lane: options.lane ?? `lane-${i}` }));
  const numbers = await accept(store, cipher, lanes);
  const rows: CommitRow[] = [];
  for (const [i, options] of list.entries()) {
    const number = numbers[i] as string;
    rows.push(await ticketRow(store, cipher, number, lanes[i]?.lane ?? '', options));
  }
  await commit(store, rows);
  return numbers;
}

async function commit(store: Store, rows: readonly CommitRow[]): Promise<void> {
  const answers = await store.decisions.commit(rows, null);
  if (answers.some(answer => answer !== 'committed')) throw new Error(`not committed: ${answers.join(' ')}`);
}

function emptyRow(number: string, outcome: CommitRow['outcome']): CommitRow {
  return {
    ...NOTHING_MORE,
    number,
    revision: 0,
    decidedAt: Date.now(),
    outcome,
    decision: null,
  };
}

function entryOf(
  message: string,
  lane: string,
  given: { kind: EntryKind; ticket: string; revision?: number; urgent?: boolean; afterCreated?: boolean },
): NewEntry {
  return {
    message,
    revision: given.revision ?? 0,
    kind: given.kind,
    ticket: given.ticket,
    lane: /^[0-9a-f]{16}$/.test(lane) ? lane : laneKey(lane),
    urgent: given.urgent ?? false,
    notBefore: 0,
    afterCreated: given.afterCreated ?? false,
  };
}

async function contentKey(store: Store, cipher: FieldCipher, number: string): Promise<Uint8Array> {
  const row = await store.messages.get(number);
  if (row === null) throw new Error('no such message');
  return cipher.openDataKey(row.wrappedContent);
}

async function ticketRow(
  store: Store,
  cipher: FieldCipher,
  number: string,
  lane: string,
  options: TicketOptions,
): Promise<CommitRow> {
  const identity = cipher.newDataKey('identity');
  const born = bornContent(number, options);
  const requester = { ...REQUESTER, ...options.requester };
  const key = await contentKey(store, cipher, number);
  return {
    ...emptyRow(number, { kind: 'ticket', held: false }),
    ticket: {
      number,
      state: 'queued',
      channel: 'app-1',
      type: born.appeal.type.value,
      category: null,
      urgency: born.appeal.urgency.value,
      division: born.place.division,
      confidential: born.confidential.value,
      acceptedAt: born.source.receivedAt,
      closedRepeatOf: null,
      incident: null,
      wrappedIdentity: identity.wrapped,
      born: sealBorn(cipher, key, { ...born, requester }),
      identity: sealIdentity(cipher, identity.key, number, requester),
      identityKeys: [],
      facts: new Uint8Array([0]),
    },
    outbox: [entryOf(number, lane, { kind: 'ticket.created', ticket: number, urgent: options.urgent ?? false })],
  };
}

function bornContent(number: string, options: TicketOptions): BornContent {
  const content = options.content ?? `路灯不亮，请维修，电话${PHONE}。`;
  const at = content.indexOf(PHONE);
  const now = Date.now();
  return {
    number,
    revision: 0,
    source: {
      channel: 'app-1',
      kind: 'app',
      externalIds: options.externalIds ?? { order: `X-${number}` },
      receivedAt: now,
      occurredAt: null,
      occurredText: options.occurredText ?? null,
      sentAt: now,
    },
    appeal: {
      type: { value: options.type ?? '求助', by: 'rule', words: [], confidence: 1 },
      category: null,
      urgency: { value: options.urgent === true ? '紧急' : '一般', by: 'rule', words: [], confidence: 1 },
      title: options.title ?? content.slice(0, 20),
      content,
      subject: options.subject ?? null,
      attachments: [
        {
          name: options.file ?? '欧阳测试身份证.jpg',
          mediaType: options.mediaType ?? 'image/jpeg',
          size: 10,
          source: 'blob',
          sha256: 'ab',
          ref: null,
        },
      ],
      language: 'zh',
      personal: at === -1 ? [] : [{ kind: 'phone', start: at, end: at + PHONE.length }],
      ...(options.titlePersonal === undefined ? {} : { titlePersonal: options.titlePersonal }),
      problems: [],
    },
    place: {
      division: '220502',
      divisionName: '东昌区',
      town: null,
      road: null,
      estate: null,
      houseNumber: null,
      text: options.placeText ?? null,
      inCity: true,
      longitude: null,
      latitude: null,
      datum: null,
      ...options.place,
    },
    anonymous: options.anonymous ?? false,
    confidential: { value: options.confidential ?? false, by: 'default', words: [] },
    public: { value: false, by: 'default', words: [] },
    triage: { verdict: 'accept', clause: null, basis: null, words: [], by: 'rule' },
    handling: { unit: null, coUnits: [], method: '转办', deadlines: [], ...options.handling },
    closedRepeatOf: null,
    incident: null,
    links: [],
  };
}

async function followUpRow(
  store: Store,
  cipher: FieldCipher,
  number: string,
  ticket: string,
  options: TicketOptions,
  lane: string,
): Promise<CommitRow> {
  const key = await contentKey(store, cipher, number);
  const {
    source,
    appeal,
    place,
    anonymous,
    confidential,
    public: open,
    triage,
    handling,
  } = bornContent(number, options);
  const draft = { source, appeal, place, anonymous, confidential, public: open, triage, handling };
  return {
    ...emptyRow(number, { kind: 'repeat', of: ticket }),
    decision: sealDecision(cipher, key, number, { revision: 0, links: [], problems: [], draft }),
    outbox: [entryOf(number, lane, { kind: 'ticket.followed-up', ticket, afterCreated: true })],
  };
}

/** Numbers that look like real ones, for the try-out. */
export function freshNumbers(): readonly [string, string] {
  return [newNumber(Date.now()), newNumber(Date.now())];
}
