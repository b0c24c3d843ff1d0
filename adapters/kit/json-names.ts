// Members that an object of a JSON text names twice: told by counting, found by looking through the text.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** How many members the objects of a JSON text name: its colons outside of strings. The bytes must be JSON in UTF-8. */
export function namesWritten(bytes: Uint8Array): number {
  let names = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COLON) names++;
  }
  return names;
}

/** How many members the objects of a parsed JSON have. As deep as the JSON, whose depth is the caller's to check. */
export function namesHeld(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let names = 0;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) names += namesHeld(value[i]);
    return names;
  }
  // Unlike Object.values it makes no list; what was parsed inherits nothing that it would count.
  for (const name in value) names += 1 + namesHeld((value as Readonly<Record<string, unknown>>)[name]);
  return names;
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],]/g;

interface Open {
  /** Names so far; null in an array. */
  readonly names: Set<string> | null;
  /** The member or item that is being read. */
  at: string | number;
  nameIsNext: boolean;
}

/** Way to the first member whose name its object has had before, by keys and indexes; null where there is none. The text must be JSON. */
export function repeatedName(text: string): (string | number)[] | null {
  const open: Open[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const top = open.at(-1);
    if (token === '{') open.push({ names: new Set(), at: '', nameIsNext: true });
    else if (token === '[') open.push({ names: null, at: 0, nameIsNext: false });
    else if (token === '}' || token === ']') open.pop();
    else if (top === undefined) return null;
    else if (token === ',') {
      top.nameIsNext = top.names !== null;
      if (typeof top.at === 'number') top.at++;
    } else if (top.nameIsNext && top.names !== null) {
      top.at = JSON.parse(token) as string;
      if (top.names.has(top.at)) return open.map(({ at }) => at);
      top.names.add(top.at);
      top.nameIsNext = false;
    }
  }
  return null;
}
