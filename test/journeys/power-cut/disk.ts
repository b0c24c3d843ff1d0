// A disk that forgets: what is synced stays, and of what is not, a power cut leaves any part in any order.
//
// Assumed: a sync that has ended kept its word, and folder entries (create, remove, rename) reach the disk in order. A disk
// that lies about a sync is outside of this.
import type { Random } from '../../../bench/random.ts';
import type { FileEvent } from './log.ts';

export const SECTOR = 512;

/** What becomes of the writes that no sync covers. */
export const CUTS = ['dropped', 'torn', 'reordered', 'prefix'] as const;
export type Cut = (typeof CUTS)[number];

type Change = Extract<FileEvent, { kind: 'write' | 'truncate' }>;

/** Bytes that grow. */
interface Image {
  bytes: Buffer;
  size: number;
}

interface DiskFile {
  name: string;
  exists: boolean;
  readonly durable: Image;
  pending: Change[];
  /** Pending changes a begun sync will cover, by its turn. */
  readonly begun: Map<number, Change[]>;
}

function apply(image: Image, change: Change): void {
  if (change.kind === 'truncate') {
    if (change.size > image.size) reserve(image, change.size);
    else image.bytes.fill(0, change.size, image.size);
    image.size = change.size;
    return;
  }
  const end = change.offset + change.bytes.length;
  reserve(image, end);
  change.bytes.copy(image.bytes, change.offset);
  image.size = Math.max(image.size, end);
}

function reserve(image: Image, size: number): void {
  if (size <= image.bytes.length) return;
  const grown = Buffer.alloc(Math.max(size, image.bytes.length * 2));
  image.bytes.copy(grown, 0, 0, image.size);
  image.bytes = grown;
}

/** A write as its 512-byte sectors: what a disk keeps whole. */
function sectors(change: Change): readonly Change[] {
  if (change.kind === 'truncate') return [change];
  const parts: Change[] = [];
  for (let at = 0; at < change.bytes.length; ) {
    const length = Math.min(change.bytes.length - at, SECTOR - ((change.offset + at) % SECTOR));
    parts.push({ ...change, offset: change.offset + at, bytes: change.bytes.subarray(at, at + length) });
    at += length;
  }
  return parts;
}

/** The changes of one file that survive a cut, in their order. */
function survivors(pending: readonly Change[], cut: Cut, random: Random): readonly Change[] {
  switch (cut) {
    case 'dropped':
      return [];
    case 'reordered': {
      const share = random.next();
      return pending.filter(() => random.chance(share));
    }
    case 'torn': {
      const share = random.next();
      return pending.flatMap(sectors).filter(() => random.chance(share));
    }
    case 'prefix': {
      const kept = random.below(pending.length + 1);
      const next = pending[kept];
      const half = next === undefined ? [] : sectors(next);
      return [...pending.slice(0, kept), ...half.slice(0, random.below(half.length + 1))];
    }
  }
}

export interface ForgetfulDisk {
  /** Takes the next event of the log. */
  take(event: FileEvent): void;
  /** The files as a power cut at this moment would leave them, by name. */
  cut(cut: Cut, random: Random): ReadonlyMap<string, Buffer>;
  /** The files with every write, as the process itself saw them. */
  whole(): ReadonlyMap<string, Buffer>;
  /** Bytes of writes that no finished sync covers. */
  unsynced(): number;
}

export function forgetfulDisk(): ForgetfulDisk {
  const files = new Map<number, DiskFile>();
  const fileOf = (id: number): DiskFile => {
    const file = files.get(id);
    if (file === undefined) throw new Error(`the recorder's log names file ${id} before it was opened`);
    return file;
  };
  const finishSync = (file: DiskFile, turn: number): void => {
    const covered = new Set(file.begun.get(turn));
    file.begun.delete(turn);
    // Another sync may have made some of them durable meanwhile.
    for (const change of file.pending) if (covered.has(change)) apply(file.durable, change);
    file.pending = file.pending.filter(change => !covered.has(change));
  };
  const images = (keep: (file: DiskFile) => readonly Change[]): ReadonlyMap<string, Buffer> => {
    const left = new Map<string, Buffer>();
    for (const file of files.values()) {
      if (!file.exists) continue;
      const image: Image = { bytes: Buffer.from(file.durable.bytes), size: file.durable.size };
      for (const change of keep(file)) apply(image, change);
      left.set(file.name, image.bytes.subarray(0, image.size));
    }
    return left;
  };
  return {
    take(event) {
      switch (event.kind) {
        case 'open': {
          const durable = { bytes: Buffer.alloc(4096), size: 0 };
          files.set(event.file, { name: event.name, exists: true, durable, pending: [], begun: new Map() });
          return;
        }
        case 'held':
          apply(fileOf(event.file).durable, { ...event, kind: 'write' });
          return;
        case 'write':
        case 'truncate':
          fileOf(event.file).pending.push(event);
          return;
        case 'unlink':
          fileOf(event.file).exists = false;
          return;
        case 'rename': {
          for (const file of files.values()) if (file.name === event.name) file.exists = false;
          const moved = fileOf(event.file);
          moved.name = event.name;
          moved.exists = true;
          return;
        }
        case 'sync-begin':
          fileOf(event.file).begun.set(event.turn, [...fileOf(event.file).pending]);
          return;
        case 'sync-end':
          finishSync(fileOf(event.file), event.turn);
      }
    },
    cut: (cut, random) => images(file => survivors(file.pending, cut, random)),
    whole: () => images(file => file.pending),
    unsynced() {
      let bytes = 0;
      for (const file of files.values())
        for (const change of file.pending) if (change.kind === 'write') bytes += change.bytes.length;
      return bytes;
    },
  };
}
