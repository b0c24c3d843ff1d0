// Reads what an IMAP client sends: command lines with their literals, taken apart into words, strings and lists.
import type { Socket } from 'node:net';

/** An atom or quoted string, a literal, or a list of words. */
export type ImapWord = string | Buffer | readonly ImapWord[];

const LITERAL = /\{(\d+)(\+?)\}$/;

/** Calls `each` with the words of every complete command line, literals read in between. */
export function imapLines(socket: Socket, each: (words: readonly ImapWord[]) => void): void {
  let buffer = Buffer.alloc(0);
  let parts: Buffer[] = [];
  let literals: Buffer[] = [];
  let wanted: number | null = null;

  /** Takes one line or one literal off the buffer; false when it has not all arrived. */
  function step(): boolean {
    if (wanted !== null) {
      if (buffer.length < wanted) return false;
      literals.push(Buffer.from(buffer.subarray(0, wanted)));
      buffer = buffer.subarray(wanted);
      wanted = null;
      return true;
    }
    const end = buffer.indexOf('\r\n');
    if (end < 0) return false;
    const line = buffer.subarray(0, end);
    buffer = buffer.subarray(end + 2);
    const literal = LITERAL.exec(line.toString('latin1'));
    if (literal === null) {
      const whole = Buffer.concat([...parts, line]);
      const held = literals;
      parts = [];
      literals = [];
      each(wordsOf(whole, held));
      return true;
    }
    parts.push(line.subarray(0, literal.index), Buffer.from('\0'));
    wanted = Number(literal[1]);
    if (literal[2] === '') socket.write('+ go on\r\n');
    return true;
  }

  socket.on('data', (bytes: Buffer) => {
    buffer = Buffer.concat([buffer, bytes]);
    while (step());
  });
}

/** The words of a line; a NUL stands where the next literal belongs, since a line itself may hold none. */
function wordsOf(line: Buffer, literals: readonly Buffer[]): readonly ImapWord[] {
  const text = line.toString('utf8');
  const held = [...literals];
  const open: ImapWord[][] = [[]];
  for (const [token] of text.matchAll(/\(|\)|\0|"(?:[^"\\]|\\.)*"|(?:[^\s()"\0[]|\[[^\]]*\])+/g)) {
    const list = open.at(-1) as ImapWord[];
    if (token === '(') open.push([]);
    else if (token === ')') {
      open.pop();
      open.at(-1)?.push(list);
    } else if (token === '\0') list.push(held.shift() ?? '');
    else if (token.startsWith('"')) list.push(token.slice(1, -1).replace(/\\(.)/g, '$1'));
    else list.push(token);
  }
  return open[0] as ImapWord[];
}

/** A folder's name as it goes over the wire (modified UTF-7, RFC 3501, section 5.1.3). */
export function encodeFolder(name: string): string {
  return name.replaceAll('&', '&-').replace(/[^\x20-\x7e]+/g, run => {
    const bytes = Buffer.from(run, 'utf16le').swap16();
    return `&${bytes.toString('base64').replaceAll('/', ',').replaceAll('=', '')}-`;
  });
}

export function decodeFolder(wire: string): string {
  return wire.replace(/&([A-Za-z0-9+,]*)-/g, (_all, run: string) =>
    run === '' ? '&' : Buffer.from(run.replaceAll(',', '/'), 'base64').swap16().toString('utf16le'),
  );
}
