// One line of huisu status.

/** Something that needs a person, or a note. */
export interface Finding {
  readonly code: string;
  readonly count: number;
  /** Seconds since the oldest; null where age says nothing. */
  readonly seconds: number | null;
  readonly stuck: boolean;
  readonly zh: string;
  readonly en: string;
  /** The command that helps; null where none does. */
  readonly command: string | null;
}
