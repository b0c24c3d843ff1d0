// What is sent in a crash run: varied appeals in lanes, where a lane is one person on one channel.
import { seeded } from '../../../bench/random.ts';
import { openRecipe } from '../../../bench/recipe.ts';
import type { BenchText } from '../../../bench/texts.ts';

export interface PlannedMessage {
  readonly id: string;
  /** Index into the channels. */
  readonly channel: number;
  /** Place among all messages. */
  readonly index: number;
  readonly text: BenchText;
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

/**
 * Makes `count` messages in lanes; the same seed makes the same ones.
 * @param shares of the lanes that each channel gets
 */
export function planMessages(count: number, shares: readonly number[], seed: number): readonly PlannedLane[] {
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
    const channel = drawn(shares, random.next());
    const who = recipe.appeal(seed, made);
    const messages: PlannedMessage[] = [];
    for (let turn = 0; turn < length && made < count; turn++, made++) {
      // Every fifth further message of a person is about what they wrote before: a repeat.
      const about = turn > 0 && random.chance(0.2) ? made - 1 : made;
      const { title, content } = recipe.appeal(seed, about);
      const id = `msg_kill_${seed}_${String(made).padStart(6, '0')}`;
      const told = about === made ? content : `再次反映：${content}`;
      const text = { title, content: told, name: who.name, phone: who.phone };
      messages.push({ id, channel, index: made, text, again: random.chance(REDELIVERED) });
    }
    lanes.push({ name: `${channel}:${who.phone}`, messages });
  }
  return lanes;
}

function drawn(shares: readonly number[], draw: number): number {
  let left = draw * shares.reduce((sum, share) => sum + share, 0);
  for (const [at, share] of shares.entries()) {
    left -= share;
    if (left < 0) return at;
  }
  return shares.length - 1;
}
