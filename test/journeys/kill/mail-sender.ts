// Citizens who write mails in a crash run: letters are delivered in bursts, connections cut, the folder numbered anew in between.
import { hash } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { mailOf } from '../../../bench/mails.ts';
import type { Random } from '../../../bench/random.ts';
import type { Ledger } from './ledger.ts';
import type { MailHost } from './mail-host.ts';
import type { PlannedLane } from './plan.ts';

export interface MailSenderOptions {
  readonly host: MailHost;
  readonly lanes: readonly PlannedLane[];
  readonly ledger: Ledger;
  readonly allowance: () => Promise<void>;
  /** Times the gateway's connections are cut. */
  /** False: the folder keeps its numbers. Default true. */
  readonly renumbers?: boolean;
  readonly cuts: number;
  readonly random: Random;
  /** Platform id of each mail, by the id it has here. */
  readonly platformIds: Map<string, string>;
}

export interface MailFigures {
  readonly mailServer: string;
  readonly mails: number;
  readonly cuts: number;
  readonly renumbered: number;
}

const MOST_AT_ONCE = 10;
const LOOK_MS = 150;

interface Letter {
  readonly id: string;
  readonly bytes: Uint8Array;
  /** Its mark was seen. */
  taken: boolean;
}

/** Delivers everything; resolves when each letter was seen marked. */
export async function sendMails(options: MailSenderOptions): Promise<MailFigures> {
  const { host, lanes, ledger, allowance, random, platformIds } = options;
  const letters: Letter[] = [];
  const planned = lanes.flatMap(lane => lane.messages.map((message, place) => ({ lane, message, place })));
  const cutAt = Array.from({ length: options.cuts }, (_, n) =>
    Math.floor(((n + random.next()) * planned.length) / options.cuts),
  );
  const renumberAt = planned.length >> 1;
  let cuts = 0;
  let renumbered = 0;

  async function see(): Promise<number> {
    const marks = await host.marks();
    let left = 0;
    for (const [at, letter] of letters.entries()) {
      if (letter.taken) continue;
      letter.taken = marks[at] === true;
      if (letter.taken) ledger.acknowledged(letter.id, null);
      else left++;
    }
    return left;
  }

  async function deliver(burst: readonly (typeof planned)[number][]): Promise<void> {
    const made: Letter[] = [];
    for (const { lane, message, place } of burst) {
      const bytes = mailOf(message.text, message.index);
      platformIds.set(message.id, hash('sha256', bytes, 'hex'));
      ledger.issue(message.id, lane.name, place);
      for (let copies = message.again ? 2 : 1; copies > 0; copies--) {
        ledger.sending(message.id);
        made.push({ id: message.id, bytes, taken: false });
      }
    }
    await host.append(made.map(letter => letter.bytes));
    letters.push(...made);
  }

  for (let at = 0; at < planned.length; ) {
    const burst = planned.slice(at, at + 1 + random.below(MOST_AT_ONCE));
    for (const _ of burst) await allowance();
    await deliver(burst);
    const next = at + burst.length;
    for (const cut of cutAt) {
      if (cut < at || cut >= next) continue;
      cuts++;
      await host.cut();
    }
    if (options.renumbers !== false && at <= renumberAt && next > renumberAt) {
      renumbered++;
      // What was marked until now loses its mark; the ledger knows of it.
      await see();
      await host.renumber();
    }
    await see();
    at = next;
  }
  while ((await see()) > 0) await after(LOOK_MS);
  return { mailServer: host.name, mails: letters.length, cuts, renumbered };
}
