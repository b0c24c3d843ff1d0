// What a channel is given by a command where no gateway runs.
import type { ContextParts } from '../channels/channel-context.ts';
import type { CommandContext } from './command.ts';

/** An intake and a splitter for one channel. Loaded only then, since it is the whole engine. */
export async function partsAlone({ loaded, store, cipher, now }: CommandContext): Promise<ContextParts> {
  const [{ splitterOf }, { createIntake }, { createLog }] = await Promise.all([
    import('../reading/settings-splitter.ts'),
    import('../intake.ts'),
    import('../telemetry/telemetry.ts'),
  ]);
  const log = createLog({ level: 'warn' });
  const intake = createIntake({ store, cipher, now, acknowledged: () => undefined });
  return { intake, splitter: splitterOf({ loaded }, log), store, cipher, log, now };
}
