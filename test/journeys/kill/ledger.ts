// What the oracle holds against the gateway: every id it issued, and every answer it got for one.

export interface Obligation {
  readonly id: string;
  readonly lane: string;
  /** Place in its lane, which is the order of acceptance there. */
  readonly place: number;
  /** Numbers of all acknowledgements of this id; where none are told, of all messages that were made of it. */
  readonly numbers: Set<string>;
  acknowledgements: number;
  sends: number;
  refusal: string | null;
}

export interface Ledger {
  issue(id: string, lane: string, place: number): void;
  sending(id: string): void;
  /** @param number null where the platform is told none: a mailbox, a folder */
  acknowledged(id: string, number: string | null): void;
  unanswered(id: string): void;
  refused(id: string, why: string): void;
  /** Requests without an answer yet. */
  readonly inFlight: number;
  readonly acknowledgedIds: number;
  /** `performance.now()` of the last acknowledgement. */
  readonly lastAcknowledgedAt: number;
  all(): readonly Obligation[];
}

export function createLedger(): Ledger {
  const obligations = new Map<string, Obligation>();
  let inFlight = 0;
  let acknowledgedIds = 0;
  let lastAcknowledgedAt = Number.NEGATIVE_INFINITY;
  const of = (id: string): Obligation => {
    const obligation = obligations.get(id);
    if (obligation === undefined) throw new Error(`an answer for an id that was never issued: ${id}`);
    return obligation;
  };
  return {
    issue(id, lane, place) {
      obligations.set(id, { id, lane, place, numbers: new Set(), acknowledgements: 0, sends: 0, refusal: null });
    },
    sending(id) {
      of(id).sends++;
      inFlight++;
    },
    acknowledged(id, number) {
      inFlight--;
      lastAcknowledgedAt = performance.now();
      const obligation = of(id);
      if (number !== null) obligation.numbers.add(number);
      if (obligation.acknowledgements++ === 0) acknowledgedIds++;
    },
    unanswered: () => {
      inFlight--;
    },
    refused(id, why) {
      inFlight--;
      of(id).refusal = why;
    },
    get inFlight() {
      return inFlight;
    },
    get acknowledgedIds() {
      return acknowledgedIds;
    },
    get lastAcknowledgedAt() {
      return lastAcknowledgedAt;
    },
    all: () => [...obligations.values()],
  };
}
