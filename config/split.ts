// Settings of splitting: what one container (a table, an archive, a list of messages) may take before it is given up.
import Joi from 'joi';

export interface SplitSettings {
  /** Containers split at one time, each in a process of its own. */
  readonly atOnce: number;
  /** Memory a container may take in its process, over what the process takes by itself. */
  readonly memoryMb: number;
  /** Longest time without a part. Like the total, it counts only while the gateway waits for a part. */
  readonly silenceSeconds: number;
  readonly totalSeconds: number;
  /** Parts of one container. */
  readonly parts: number;
  /** One part, its files among it. */
  readonly partMb: number;
  /** All parts of a container together. */
  readonly totalMb: number;
}

const whole = (min: number, max: number) => Joi.number().integer().min(min).max(max).required();

export const splitSchema = Joi.object<SplitSettings, true>({
  atOnce: whole(1, 16).label('同时拆分').description('Containers split at one time, each in a process of its own.'),
  memoryMb: whole(64, 8192).label('拆分内存（MB）').description('Memory a container may take in its process.'),
  silenceSeconds: whole(1, 600).label('最长无产出（秒）').description('Longest time without a part.'),
  totalSeconds: whole(1, 7200)
    .label('拆分总时限（秒）')
    .description('Longest time for a container; waiting for the store is not counted.'),
  parts: whole(1, 10_000_000).label('最多件数').description('Parts of one container.'),
  partMb: whole(1, 256).label('单件上限（MB）').description('One part of a container, its files among it.'),
  totalMb: whole(1, 65_536).label('总量上限（MB）').description('All parts of a container together.'),
});
