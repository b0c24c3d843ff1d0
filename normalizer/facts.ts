// What is compared of two appeals: terms, keys and times, never text. The form in which the candidate index keeps a ticket.
import type { Feature } from './features.ts';
import type { Meaning, MeaningPolicy } from './meaning.ts';
import type { RepeatModel } from './repeat-model.ts';

/** Facts of one appeal. Term hashes are 32-bit, seeded with the term key; keys are 16 hex digits of an HMAC. */
export interface Facts {
  /** Hashed terms in rising order, no term twice. */
  readonly terms: Uint32Array;
  /** Of the term at the same place: the upper six bits weigh, 63 for the heaviest of an appeal; the lower two say whether
   *  the title has it (`TITLE_TERM`) and whether it is an everyday word (`EVERYDAY_TERM`). */
  readonly weights: Uint8Array;
  /** What the appeal and its title are about (normalizer/topics.ts); empty where no model was at hand. */
  readonly topics: Int8Array;
  /** Hashed runs of three characters of the title, or of the beginning of an appeal without one, rising, no run twice; empty
   *  in tickets of before. */
  readonly titleRuns: Uint16Array;
  /** What a sentence-embedding service made of it; absent without one (normalizer/meaning.ts). */
  readonly meaning?: Meaning;
  /** Who appeals: one key for each phone, e-mail, ID number and openid. */
  readonly requesterKeys: readonly string[];
  /** Hashed road, estate, house number, named subject and category, rising, as `hashPlaceKeys` makes them. */
  readonly placeKeys: Uint32Array;
  readonly division: string | null;
  /** 32-bit hash of the whole clean text, for copies. */
  readonly textHash: number;
  /** Number of Han characters, letters and digits in the clean text. */
  readonly length: number;
  readonly acceptedAt: number;
}

/** An earlier ticket the index found. */
export interface Candidate {
  readonly number: string;
  readonly facts: Facts;
  /** False once the ticket was closed by the case system (its repeat is a closed repeat). */
  readonly open: boolean;
  readonly incident: string | null;
  /** Whether its requester stays unknown to whoever handles it. */
  readonly confidential?: boolean;
  /** Numbers of messages a clerk has said this ticket is not the same as. */
  readonly undone?: readonly string[];
}

/** Where a message goes and why. All combinations are allowed: a closed repeat may be part of an incident. */
export interface Decision {
  /** Number of the open ticket the message joins as a follow-up; null when it is a ticket of its own. */
  readonly joins: string | null;
  readonly closedRepeatOf: string | null;
  /** The incident's id: the number of its first ticket. */
  readonly incident: string | null;
  /** Earlier tickets that had no incident and are part of this one from now on, the one it is named after among them. */
  readonly gathers: readonly string[];
  /** The links behind it, best first, with score, features, words and threshold; then those only suggested. */
  readonly links: readonly import('./ticket.ts').Link[];
}

export interface Thresholds {
  readonly repeat: number;
  readonly incident: number;
  readonly suggest: number;
  /** Where neither of the two has more characters than that; absent: as for all. In few words two tellings of one matter
   *  share less than in many. */
  readonly short?: { readonly characters: number; readonly repeat: number; readonly incident: number };
}

/** Settings of `decide`, from config/rules/repeats.yaml, and the trained model. */
export interface RepeatPolicy {
  /** Days within which appeals are compared. */
  readonly windowDays: number;
  /** Probability from which a link is made without a person: to an appeal of the same requester, of another; and from
   *  which one is at least suggested to a clerk. */
  readonly thresholds: Thresholds;
  /** Share of an incident's compared tickets that must at least be suggested for a message to become part of it. */
  readonly cohesion: number;
  /** An appeal with fewer terms than this (a bare thank-you) is not compared. */
  readonly minimumTerms: number;
  /** Features of which any that is 1 leaves the link to a clerk, however likely it is: the scene is another one. */
  readonly onlySuggest: readonly Feature[];
  readonly model: RepeatModel;
  /** What the meaning of two appeals adds; absent or null while no service is asked. */
  readonly meaning?: MeaningPolicy | null;
}
