// The parts of a workbook as XML events: strict, no document types, prefixes dropped, nothing kept.
import { SaxesParser } from 'saxes';
import { FileFault } from './row-errors.ts';

export interface XmlEvents {
  open?(name: string, attributes: Readonly<Record<string, string>>): void;
  text?(text: string): void;
  close?(name: string): void;
}

/** Calls the events piece by piece; hands control back after each, so that a reader can give away what it has. */
export async function* xmlPieces(pieces: AsyncIterable<Uint8Array>, events: XmlEvents): AsyncIterable<void> {
  const parser = parserOf(events);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const piece of pieces) {
    guarded(() => parser.write(decoder.decode(piece, { stream: true })));
    yield;
  }
  guarded(() => parser.write(decoder.decode()).close());
  yield;
}

/** All of a part at once. */
export async function readXml(pieces: AsyncIterable<Uint8Array>, events: XmlEvents): Promise<void> {
  for await (const _piece of xmlPieces(pieces, events));
}

function parserOf({ open, text, close }: XmlEvents): SaxesParser {
  const parser = new SaxesParser({ xmlns: false, position: false });
  parser.on('error', () => {
    throw new FileFault('exchange.bad_workbook');
  });
  // Entities of its own are what expands without end; no workbook has any.
  parser.on('doctype', () => {
    throw new FileFault('exchange.bad_workbook');
  });
  if (open !== undefined) {
    parser.on('opentag', tag => open(local(tag.name), tag.attributes));
  }
  if (text !== undefined) {
    parser.on('text', text);
    parser.on('cdata', text);
  }
  if (close !== undefined) parser.on('closetag', tag => close(local(tag.name)));
  return parser;
}

function local(name: string): string {
  const at = name.indexOf(':');
  return at === -1 ? name : name.slice(at + 1);
}

/** What the decoder and the parser throw is a damaged part, whatever it is called there. */
function guarded(step: () => unknown): void {
  try {
    step();
  } catch (error) {
    throw error instanceof FileFault ? error : new FileFault('exchange.bad_workbook');
  }
}
