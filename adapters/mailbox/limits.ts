// How much one mail may be before nobody reads it any further: sizes and counts that keep reading within a second or two.

export const LIMITS = {
  /** Bytes of a whole mail. The large mail providers pass on 25 to 50 MB; a mail of more than this is kept and shown, not read. */
  mailBytes: 35 * 1024 * 1024,
  /** Lines of one mail: 35 MB in base64 have half a million. Splitting costs by the line, so empty ones are the dear ones. */
  lines: 2_000_000,
  /** Bytes of the header lines of one part; ordinary ones have 2 to 20 kB. */
  headerBytes: 512 * 1024,
  /** Parts of one mail, multiparts counted. */
  parts: 1000,
  /** Multiparts inside each other. */
  depth: 30,
  /** UTF-16 units of text that are looked at; the normaliser keeps fewer. */
  textLength: 500_000,
  /** Pictures that stand in the HTML itself as data: addresses. */
  embeddedPictures: 30,
  /** Letters passed on in one mail that are read; further ones stay enclosed. */
  passedOn: 10,
  /** Letters passed on inside of letters passed on. */
  passedOnWithin: 4,
  /** Links of one mail that are looked at, and of those that its content gets. */
  links: 200,
  linksKept: 20,
  /** Milliseconds after which a mail is given up. The reading thread is killed a second later. */
  readingMs: 4000,
} as const;
