// What is compared of two appeals: terms, keys and times, never text. The form in which the candidate index keeps a ticket.

/** Facts of one appeal. Term hashes are 32-bit, seeded with the term key; keys are 16 hex digits of an HMAC. */
export interface Facts {
  /** Hashed terms in rising order, no term twice. */
  readonly terms: Uint32Array;
  /** Weight of the term at the same place, 1 to 255; the heaviest term of an appeal has 255. */
  readonly weights: Uint8Array;
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
  /** The links behind it, best first, with score, features, words and threshold. */
  readonly links: readonly import('./ticket.ts').Link[];
}

/** Settings of `decide`, from config/rules/repeats.yaml. */
export interface RepeatPolicy {
  readonly version: string;
  /** Days within which appeals are compared. */
  readonly windowDays: number;
  /** Probability from which a link is made without a person: to an appeal of the same requester, of another. */
  readonly thresholds: { readonly repeat: number; readonly incident: number };
  /** An appeal with fewer terms than this (a bare thank-you) is not compared. */
  readonly minimumTerms: number;
  /** Weights of the features (similarity.ts) and `bias`, for two appeals of one requester and of two. */
  readonly weights: {
    readonly repeat: Readonly<Record<string, number>>;
    readonly incident: Readonly<Record<string, number>>;
  };
}
