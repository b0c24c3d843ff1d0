// The header lines of a mail as plain values: unfolded, undecoded, by lower-case name.

/** Values by name, in the order of the mail. */
export interface MailHeaders {
  first(name: string): string | undefined;
  all(name: string): readonly string[];
  has(name: string): boolean;
  /** Whether any name begins so. */
  hasPrefix(prefix: string): boolean;
}

const MOST_OF_ONE = 200;

/** @param lines Folded lines with their lower-case names, one character a byte. */
export function mailHeaders(lines: readonly { readonly key: string; readonly line: string }[]): MailHeaders {
  const values = new Map<string, string[]>();
  for (const { key, line } of lines) {
    const list = values.get(key);
    const value = line.slice(line.indexOf(':') + 1).replace(/\r?\n(?=[ \t])/g, '');
    if (list === undefined) values.set(key, [value.trim()]);
    else if (list.length < MOST_OF_ONE) list.push(value.trim());
  }
  return {
    first: name => values.get(name)?.[0],
    all: name => values.get(name) ?? [],
    has: name => values.has(name),
    hasPrefix: prefix => [...values.keys()].some(name => name.startsWith(prefix)),
  };
}
