// Of huisu status: channels that are down, that want a look, or that read from the same place.
import { isLong, LONG_SECONDS, meetsKnownOnly, POLL_LONG, STALE_SECONDS } from '../channels/poll-progress.ts';
import { sameSources } from '../channels/same-source.ts';
import { type Sentence, say, sayBoth } from '../locale.ts';
import { whyOf } from './channels.ts';
import type { ChannelState, CommandContext } from './command.ts';
import type { Finding } from './status-finding.ts';

/** How the channels of a running gateway are, as it knows without asking the store. */
export function liveChannelFindings({ live, now }: Pick<CommandContext, 'live' | 'now'>): readonly Finding[] {
  const down = live?.channelStates().filter(state => !state.up && state.reason !== 'channel.disabled') ?? [];
  const noted = live?.channelStates().filter(({ notes }) => notes.some(note => note !== POLL_LONG)) ?? [];
  return [
    ...noted.map(state => {
      const { zh, en } = withCode(state);
      return {
        ...{ code: 'channel-note', count: state.notes.length, seconds: null, stuck: false },
        zh: say('zh', 'status.channel-note', { id: state.id, reason: zh }),
        en: say('en', 'status.channel-note', { id: state.id, reason: en }),
        command: `huisu channels check ${state.id}`,
      };
    }),
    ...(live?.channelStates().flatMap(longPoll) ?? []),
    ...down.map(state => {
      const seconds = state.retryAt === null ? null : Math.max(0, Math.round((state.retryAt - now()) / 1000));
      return downFinding(state.id, withCode(state), seconds, `huisu channels check ${state.id}`);
    }),
  ];
}

/** Channels of the store that cannot be opened. */
export async function brokenChannelFindings({ book }: Pick<CommandContext, 'book'>): Promise<readonly Finding[]> {
  const broken = await book.broken();
  return broken
    .filter(({ enabled }) => enabled)
    .map(({ id, reason }) => downFinding(id, reason, null, 'huisu channels list'));
}

/** Channels of which each takes in what the other does. */
export async function doubledFindings({ book }: Pick<CommandContext, 'book'>): Promise<readonly Finding[]> {
  return sameSources(await book.all()).map(pair => ({
    ...{ code: 'same-source', count: 1, seconds: null, stuck: true, command: 'huisu channels list' },
    ...sayBoth('status.same-source', pair),
  }));
}

/** @param seconds until it is tried again; null: when somebody changes something */
function downFinding(id: string, { zh, en }: Sentence, seconds: number | null, command: string): Finding {
  const key = seconds === null ? 'status.channel-down' : 'status.channel-retried';
  return {
    ...{ code: 'channel-down', count: 1, seconds: null, stuck: true },
    zh: say('zh', key, { id, reason: zh, seconds: seconds ?? 0 }),
    en: say('en', key, { id, reason: en, seconds: seconds ?? 0 }),
    command,
  };
}

function withCode(state: ChannelState): Sentence {
  const code = state.cause ?? state.reason ?? state.notes[0] ?? '-';
  const why = whyOf(state);
  return why === null ? { zh: code, en: code } : { zh: `${why.zh}（${code}）`, en: `${why.en} (${code})` };
}

/** A poll that has been running for long, with what it has taken in and whether that was new, which tells a backlog from one that never ends. */
function longPoll({ id, poll }: ChannelState): readonly Finding[] {
  if (poll === null || !isLong(poll)) return [];
  const minutes = (seconds: number) => Math.floor(seconds / 60);
  const { seconds, idleSeconds, staleSeconds, accepted, known } = poll;
  const values = {
    id,
    minutes: minutes(seconds),
    idle: minutes(idleSeconds),
    stale: minutes(staleSeconds),
    count: accepted,
    known,
  };
  const old = meetsKnownOnly(poll);
  return [
    {
      ...{ code: POLL_LONG, count: accepted, seconds },
      stuck: idleSeconds >= LONG_SECONDS || (old && staleSeconds >= STALE_SECONDS),
      ...sayBoth(old ? 'status.channel-polling-known' : 'status.channel-polling', values),
      command: `huisu channels check ${id}`,
    },
  ];
}
