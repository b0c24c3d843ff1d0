// All commands in the order of the help.
import { alarmCommands } from './alarms.ts';
import { auditCommands } from './audit.ts';
import { backupCommand, restoreCommand } from './backup.ts';
import { caseSystemCommands } from './case-system.ts';
import { channelCommands } from './channels.ts';
import { checkCommand } from './check.ts';
import type { Command, LocalCommand } from './command.ts';
import { deadLetterCommands } from './dead-letters.ts';
import { demoCommand } from './demo.ts';
import { importCommand, unsealCommand } from './import.ts';
import { incidentCommands } from './incidents.ts';
import { keyCommands } from './keys.ts';
import { makeKeysCommand } from './make-keys.ts';
import { messageCommands } from './messages.ts';
import { migrateCommand } from './migrate.ts';
import { eraseCommand, holdCommands, purgeCommand } from './purge.ts';
import { quarantineCommands } from './quarantine.ts';
import { readCommands } from './read.ts';
import { reloadCommand } from './reload.ts';
import { repeatCommands, repeatMeasures } from './repeats.ts';
import { startCommand } from './start.ts';
import { statusCommand } from './status.ts';
import { ticketCommands } from './tickets.ts';

/** Those that run inside a running gateway, or on a store opened for them. */
export const COMMANDS: readonly Command[] = [
  statusCommand,
  reloadCommand,
  ...alarmCommands,
  ...channelCommands,
  importCommand,
  unsealCommand,
  ...messageCommands,
  ...ticketCommands,
  ...incidentCommands,
  ...holdCommands,
  ...quarantineCommands,
  ...deadLetterCommands,
  ...caseSystemCommands,
  ...repeatCommands,
  ...keyCommands,
  ...auditCommands,
  backupCommand,
  purgeCommand,
  eraseCommand,
];

/** Those that run where they are typed. */
export const LOCAL_COMMANDS: readonly LocalCommand[] = [
  startCommand(COMMANDS),
  checkCommand,
  restoreCommand,
  migrateCommand,
  makeKeysCommand,
  demoCommand,
  ...readCommands,
  ...repeatMeasures,
];
