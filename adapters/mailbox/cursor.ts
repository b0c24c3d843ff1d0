// 游标: how far each folder of a mailbox has been taken in, as the text that moves with accept().

/** How far one folder has been taken in. */
export interface FolderMark {
  /** UIDVALIDITY as text (it may exceed what a number holds); another one means that all UIDs below mean nothing any more. */
  readonly validity: string;
  /** Every mail up to this UID was accepted, or does not count. */
  readonly uid: number;
  /** Mails that were there when the folder was first seen under this UIDVALIDITY have at most this UID; they count only
   *  from `from` on. Whatever has a higher UID came later and always counts. */
  readonly old: number;
  /** Milliseconds since the epoch; 0 for everything. */
  readonly from: number;
  /** UIDs at or below `uid` that the server would not hand out; asked for again and again. */
  readonly left: readonly number[];
  /** Which account the UIDs are of; '' in a cursor of an earlier version, which was of the account it is opened with. */
  readonly account: string;
}

export type Marks = Readonly<Record<string, FolderMark>>;

/** What the server says of a folder when it is selected. */
export interface FolderState {
  readonly validity: string;
  /** UID of the newest mail, or any higher one that no mail has yet; 0 in an empty folder. */
  readonly newest: number;
  /** Names the account without telling it: many servers number every mailbox under the same UIDVALIDITY. */
  readonly account: string;
  /** The server was put back to an earlier state and gives the same UIDs to other mails. */
  readonly wentBack: boolean;
}

/** Reads a cursor; one that is none of ours counts as none, since the platform id tells what was taken in before. */
export function readMarks(cursor: string | null): Marks {
  if (cursor === null) return {};
  const marks: Record<string, FolderMark> = Object.create(null);
  for (const [folder, value] of Object.entries(asRecord(cursor))) {
    const { v, u, o, f, l, a } = (value ?? {}) as Record<string, unknown>;
    if (typeof v !== 'string' || typeof u !== 'number' || typeof o !== 'number' || typeof f !== 'number') continue;
    const left = Array.isArray(l) ? l.filter(uid => typeof uid === 'number') : [];
    marks[folder] = { validity: v, uid: u, old: o, from: f, left, account: typeof a === 'string' ? a : '' };
  }
  return marks;
}

function asRecord(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export function writeMarks(marks: Marks): string {
  const entries = Object.entries(marks).map(([folder, { validity, uid, old, from, left, account }]) => [
    folder,
    { v: validity, u: uid, o: old, f: from, a: account, ...(left.length === 0 ? {} : { l: left }) },
  ]);
  return JSON.stringify(Object.fromEntries(entries));
}

/** From when mails count, by the setting; `connected` means since the folder was first seen, which the mark remembers. */
export function startOf(since: string, known: FolderMark | undefined, now: number): number {
  if (since === 'all') return 0;
  // INTERNALDATE has whole seconds: what came in the very second before was there before.
  if (since === 'connected') return known?.from ?? Math.floor(now / 1000) * 1000 + 1000;
  return Date.parse(`${since}T00:00:00+08:00`);
}

/**
 * The mark to go on from. A folder not seen before, one whose UIDs mean other mails than they did, or an earlier starting
 * point means to look through what is there; what was accepted before is known again by its bytes.
 */
export function markFor(
  known: FolderMark | undefined,
  state: FolderState,
  from: number,
  connected: boolean,
): FolderMark {
  const { validity, newest, account } = state;
  if (known !== undefined && !meansOthers(known, state) && from >= known.from)
    return known.account === account ? known : { ...known, account };
  // Nothing that was there before the first connection counts, so there is nothing to look through.
  const nothingOld = known === undefined && connected;
  return { validity, uid: nothingOld ? newest : 0, old: newest, from, left: [], account };
}

/** Whether the UIDs of the mark are no longer those of the mails it was made by. */
export function meansOthers(known: FolderMark, { validity, account, wentBack }: FolderState): boolean {
  return known.validity !== validity || wentBack || (known.account !== '' && known.account !== account);
}
