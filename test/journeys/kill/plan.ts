// What is sent in a crash run: varied appeals in lanes, where a lane is one person on one channel.

import { seeded } from '../../../bench/random.ts';
import { openRecipe } from '../../../bench/recipe.ts';

export interface PlannedMessage {
  readonly id: string;
  /** Index into the channels. */
  readonly channel: number;
  readonly body: Buffer;
  /** Sent once more, byte for byte, after it was acknowledged. */
  readonly again: boolean;
}

/** Messages of one lane, in the order they must be sent: the next one only after the one before was acknowledged. */
export interface PlannedLane {
  readonly name: string;
  readonly messages: readonly PlannedMessage[];
}

const REDELIVERED = 0.02;
/** Shares of lanes with one, two, … messages. */
const LANE_LENGTHS = [0.55, 0.2, 0.1, 0.05, 0.04, 0.02, 0.02, 0.02];

/** Makes `count` messages in lanes; the same seed makes the same ones. */
export function planMessages(count: number, channels: number, seed: number): readonly PlannedLane[] {
  const recipe = openRecipe({ samePerson: 0, otherPerson: 0.05 });
  const random = seeded(seed, 7);
  const lanes: PlannedLane[] = [];
  let made = 0;
  while (made < count) {
    let draw = random.next();
    let length = 1;
    for (const share of LANE_LENGTHS) {
      draw -= share;
      if (draw < 0) break;
      length++;
    }
    const channel = random.below(channels);
    const who = recipe.appeal(seed, made);
    const messages: PlannedMessage[] = [];
    for (let turn = 0; turn < length && made < count; turn++, made++) {
      // Every fifth further message of a person is about what they wrote before: a repeat.
      const about = turn > 0 && random.chance(0.2) ? made - 1 : made;
      const { title, content } = recipe.appeal(seed, about);
      const id = `msg_kill_${seed}_${String(made).padStart(6, '0')}`;
      const contact = { name: who.name, phone: who.phone };
      const told = about === made ? content : `再次反映：${content}`;
      const data = { externalId: id, title, content: told, contact };
      const timestamp = '2026-01-05T08:30:00+08:00';
      const body = Buffer.from(JSON.stringify({ type: 'appeal.created', timestamp, data }));
      messages.push({ id, channel, body, again: random.chance(REDELIVERED) });
    }
    lanes.push({ name: `${channel}:${who.phone}`, messages });
  }
  return lanes;
}
