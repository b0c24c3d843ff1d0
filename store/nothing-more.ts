// What a decision's row holds beside its outcome where there is nothing else to say.

/** Of a decision that says no more than its outcome. */
export const NOTHING_MORE = {
  ticket: null,
  parts: [],
  gathers: [],
  conversation: null,
  outbox: [],
  voids: [],
  wanted: [],
  events: [],
  audit: null,
} as const;
