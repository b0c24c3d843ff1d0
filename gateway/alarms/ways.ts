// The ways that the settings name, and a trial of all of them.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { PlatformError } from '../../adapters/contract.ts';
import type { AlarmSettings } from '../../config/alarms.ts';
import { cut } from '../../normalizer/text.ts';
import { catalogueEntry } from '../catalogue.ts';
import type { Sentence } from '../locale.ts';
import type { Notice, WayName } from './alarm.ts';
import { mailWay } from './mail.ts';
import type { Way } from './way.ts';
import { webhookWay } from './webhook.ts';

export function waysOf(settings: Pick<AlarmSettings, 'name' | 'webhook' | 'mail'>): readonly Way[] {
  const name = settings.name ?? hostname();
  return [
    ...(settings.webhook === null ? [] : [webhookWay(settings.webhook, name)]),
    ...(settings.mail === null ? [] : [mailWay(settings.mail, name)]),
  ];
}

/** How a trial of one way went. */
export interface Trial {
  readonly way: WayName;
  readonly target: string;
  readonly ok: boolean;
  /** What the other side answered; null where there was no answer. */
  readonly answer: string | null;
  readonly code: string | null;
  readonly milliseconds: number;
  /** What went wrong and what to do; null where all went well. */
  readonly advice: Sentence | null;
}

/** Sends a test notice by every way that is set, and tells what came of it. */
export function tryWays(settings: AlarmSettings, now: number, signal: AbortSignal): Promise<readonly Trial[]> {
  const id = `alarm-${randomUUID()}`;
  const notice: Notice = {
    ...{ id, type: 'alarm.test', at: now, kind: null, alarm: id, on: '', since: now, over: null },
    values: {},
    ways: [],
  };
  return Promise.all(waysOf(settings).map(way => tryWay(way, notice, signal)));
}

async function tryWay(way: Way, notice: Notice, signal: AbortSignal): Promise<Trial> {
  const began = performance.now();
  const trial = (rest: Pick<Trial, 'ok' | 'answer' | 'code' | 'advice'>): Trial => ({
    way: way.name,
    target: way.target,
    milliseconds: Math.round(performance.now() - began),
    ...rest,
  });
  try {
    const answer = await way.send(notice, signal);
    return trial({ ok: true, answer: answerLine(answer), code: null, advice: null });
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return trial({ ok: false, answer: answerOf(error), code: error.code, advice: adviceOf(error.code) });
  }
}

function adviceOf(code: string): Sentence | null {
  const entry = catalogueEntry(code);
  return entry === null
    ? null
    : { zh: `${entry.zh.title}。${entry.zh.todo}`, en: `${entry.en.title}. ${entry.en.todo}` };
}

/** The mail server's own words, else what our error says; system codes (`ECONNREFUSED`) behind it. */
function answerOf(error: PlatformError): string {
  const cause = error.cause as
    | { readonly response?: unknown; readonly code?: unknown; readonly cause?: unknown }
    | undefined;
  if (typeof cause?.response === 'string') return answerLine(cause.response);
  const code = typeof cause?.code === 'string' && !error.message.endsWith(')') ? ` (${cause.code})` : '';
  return `${error.message}${code}`;
}

/** One line without control characters, whatever the other side sent. */
function answerLine(text: string): string {
  return cut(text.replace(/\p{Cc}+/gu, ' '), 200);
}
