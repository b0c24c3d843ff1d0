// Notices that files of the settings have changed: their folders are watched, and looked at every few seconds besides.
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../telemetry/telemetry.ts';

export interface WatchOptions {
  /** Files and folders that count, those that are not there yet included. Asked anew after every change. */
  files(): Iterable<string>;
  /**
   * Called once the files have come to rest, and once in the beginning: they may have changed since they were read. False
   * asks for another call after a while. Must not reject.
   */
  changed(): Promise<boolean>;
  readonly log: Log;
  readonly pollMs?: number;
}

export interface SettingsWatch {
  close(): Promise<void>;
}

/** Network file systems tell of nothing, and secrets in containers change behind a link. */
const POLL_MS = 5000;
/** Editors write in several steps; two looks so far apart must find the same. */
const REST_MS = 150;

export function watchSettings({ files, changed, log, pollMs = POLL_MS }: WatchOptions): SettingsWatch {
  const watchers = new Map<string, FSWatcher | null>();
  let known = new Map<string, string>();
  let looking: Promise<void> | null = null;
  let again = false;
  let closed = false;

  /** One look at a time; what happens meanwhile is looked at afterwards. */
  function look(): void {
    if (closed) return;
    again = looking !== null;
    looking ??= lookOnce().finally(() => {
      looking = null;
      if (again) look();
    });
  }

  async function lookOnce(): Promise<void> {
    let marks = await marksOf(files());
    if (same(marks, known)) return;
    for (let before = known; !same(marks, before) && !closed; marks = await marksOf(files())) {
      before = marks;
      await sleep(REST_MS, undefined, { ref: false });
    }
    if (closed) return;
    known = marks;
    const done = await changed();
    await follow();
    if (!done) known.clear();
  }

  /** What is read from now on is watched from now on. */
  async function follow(): Promise<void> {
    const wanted = [...files()];
    const added = await marksOf(wanted.filter(file => !known.has(file)));
    known = new Map([...known, ...added].filter(([file]) => wanted.includes(file)));
    const folders = new Set(wanted.flatMap(file => [file, dirname(file)]).filter(path => !isFile(known.get(path))));
    for (const [folder, watcher] of watchers) {
      if (folders.has(folder) && watcher !== null) continue;
      watcher?.close();
      watchers.delete(folder);
    }
    for (const folder of folders) if (!closed && !watchers.has(folder)) watchers.set(folder, watched(folder));
  }

  /** null where it cannot be watched; the regular look is enough then. */
  function watched(folder: string): FSWatcher | null {
    try {
      const watcher = watch(folder, { persistent: false }, look);
      watcher.on('error', () => {
        watcher.close();
        watchers.set(folder, null);
        look();
      });
      return watcher;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') log.fail('settings.watch_failed', error);
      return null;
    }
  }

  const poll = setInterval(look, pollMs).unref();
  look();
  return {
    async close() {
      closed = true;
      clearInterval(poll);
      await looking;
      for (const watcher of watchers.values()) watcher?.close();
    },
  };
}

const ABSENT = 'absent';
const isFile = (mark: string | undefined) => mark?.startsWith('file') === true;

/** What tells a changed file from an unchanged one, without reading it: a rename gives another inode, a write another time. */
async function marksOf(files: Iterable<string>): Promise<Map<string, string>> {
  const marks = [...new Set(files)].map(async file => [file, await markOf(file)] as const);
  return new Map(await Promise.all(marks));
}

function markOf(file: string): Promise<string> {
  return stat(file, { bigint: true }).then(
    found => `${found.isFile() ? 'file' : 'folder'} ${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`,
    () => ABSENT,
  );
}

function same(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([file, mark]) => other.get(file) === mark);
}
