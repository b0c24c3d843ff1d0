// Parts of labelled messages for cross-validation: what belongs to one incident stays in one part.
import { createHash } from 'node:crypto';
import type { LabelledIncident, LabelledMessage, LabelledPair } from './labelled-files.ts';

/** The part of five, or of so many, in which an incident's messages are kept together: SHA-256 of the id, as a number. */
export function partOf(id: string, folds: number): number {
  const digest = createHash('sha256').update(id).digest();
  let rest = 0;
  for (const byte of digest) rest = (rest * 256 + byte) % folds;
  return rest;
}

export interface Labels {
  readonly messages: readonly LabelledMessage[];
  readonly pairs?: readonly LabelledPair[];
  readonly incidents?: readonly LabelledIncident[];
}

/** Incident of each message that has one: by the list of incidents, else as messages and pairs say themselves. */
export function incidentOf({ messages, pairs = [], incidents = [] }: Labels): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { same, incident, a, b } of pairs) {
    if (same && incident !== null) found.set(a, incident).set(b, incident);
  }
  for (const { id, incident } of messages) if (incident !== null) found.set(id, incident);
  for (const { id, members } of incidents) for (const member of members) found.set(member, id);
  return found;
}

/** The part of each message: that of its incident, or of its own id where it has none. */
export function partsOf(labels: Labels, folds: number): ReadonlyMap<string, number> {
  const incidents = incidentOf(labels);
  return new Map(labels.messages.map(({ id }) => [id, partOf(incidents.get(id) ?? id, folds)]));
}
