// HTML of a mail into lines of text in which quoted parts are told by "> ", as plain mails tell them: tokens only, no tree.
import { Tokenizer } from 'htmlparser2';
import { LIMITS } from './limits.ts';

/** Tags that begin and end a line. */
const BLOCKS = new Set(
  (
    'address article aside body br caption center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hr li main nav ol p section table tbody tfoot thead tr ul'
  ).split(' '),
);
const CELLS = new Set(['td', 'th', 'option']);
/** Tags whose content nobody reads. */
const HIDDEN = new Set(['head', 'iframe', 'noembed', 'noframes', 'object', 'script', 'style', 'template', 'title']);
/** Tags that a head may hold; any other begins the body, as in a browser, though nobody has closed the head. */
const OF_HEAD = new Set(['base', 'link', 'meta', 'noscript', 'script', 'style', 'template', 'title']);
/** Programs indent with blockquote, too, and take its border away; that is somebody's own text. */
const INDENT = /style\s*=\s*["']?[^"'>]{0,300}\bborder(?:-left)?\s*:\s*(?:none|0)/i;
const QUOTING = /\btype\s*=\s*["']?cite|class\s*=\s*["']?[^"'>]{0,100}quote|isReplyContent/i;
const WEB = /^\s*(https?:\/\/[^\s"'<>]{1,1000})\s*$/i;
const DATA_PICTURE = /^\s*data:(image\/[a-z0-9.+-]{1,30});base64,/i;
const SPACES = /[ \t\r\n\f\u00a0]+/g;
/** HTML is read in pieces, so that reading stops once there is enough text. */
const PIECE = 65_536;
const MOST_QUOTES = 20;
const LONGEST_TAG = 600;
const LONGEST_HREF = 1500;

export interface Picture {
  readonly mediaType: string;
  readonly base64: string;
}

/** A link whose words do not say where it leads, such as that to a file too large to be enclosed. */
export interface Link {
  readonly words: string;
  readonly url: string;
}

export interface HtmlText {
  readonly text: string;
  readonly links: readonly Link[];
  /** Pictures that stand in the HTML itself. */
  readonly pictures: readonly Picture[];
}

/** The page as it is read: lines so far, and where in the markup we are. */
class Page {
  readonly pictures: Picture[] = [];
  readonly links: Link[] = [];
  readonly #html: string;
  readonly #lines: string[] = [];
  /** Open blockquotes, and whether each quotes. */
  readonly #quotes: boolean[] = [];
  #line = '';
  #length = 0;
  #depth = 0;
  #hidden: string | null = null;
  #pre = 0;
  #tag = '';
  #source: { readonly start: number; end: number } | null = null;
  /** Where the open link leads, and its words so far. */
  #link: { readonly url: string; words: string } | null = null;

  constructor(html: string) {
    this.#html = html;
  }

  full(): boolean {
    return this.#length + this.#line.length > LIMITS.textLength;
  }

  text(): string {
    this.#end();
    return this.#lines.join('\n');
  }

  words(text: string): void {
    if (this.#hidden !== null || this.full()) return;
    if (this.#link !== null) this.#link.words += text;
    if (this.#pre === 0 || !text.includes('\n')) {
      this.#line += text.replace(SPACES, ' ');
      return;
    }
    const [first, ...more] = text.split('\n');
    this.#line += first;
    for (const line of more) {
      this.#end();
      this.#line += line;
    }
  }

  #end(): void {
    const words = this.#line.trim();
    this.#line = '';
    if (words === '') return;
    this.#lines.push(`${'> '.repeat(Math.min(this.#depth, MOST_QUOTES))}${words}`);
    this.#length += words.length + 1;
  }

  open(name: string, start: number): void {
    this.#tag = name;
    this.#source = null;
    if (this.#hidden === null && HIDDEN.has(name)) this.#hidden = name;
    if (this.#hidden === 'head' && name !== 'head' && !OF_HEAD.has(name)) this.#hidden = null;
    if (name === 'blockquote') this.#quote(start);
    else if (name === 'pre') this.#pre++;
    if (BLOCKS.has(name) || name === 'pre') this.#end();
    else if (CELLS.has(name)) this.#line += ' ';
  }

  #quote(start: number): void {
    this.#end();
    const written = this.#html.slice(start, start + LONGEST_TAG);
    const end = written.indexOf('>');
    const attributes = end === -1 ? written : written.slice(0, end);
    const quoted = QUOTING.test(attributes) || !INDENT.test(attributes);
    this.#quotes.push(quoted);
    if (quoted) this.#depth++;
  }

  close(name: string): void {
    if (this.#hidden === name) this.#hidden = null;
    else if (name === 'a') this.#endLink();
    else if (name === 'blockquote') {
      this.#end();
      if (this.#quotes.pop() === true) this.#depth--;
    } else if (BLOCKS.has(name) || name === 'pre') {
      this.#end();
      if (name === 'pre') this.#pre = Math.max(0, this.#pre - 1);
      // A paragraph is set off from what follows; what a signature or a quote is shows by it.
      if (name === 'p' && this.#lines.length > 0 && this.#lines.at(-1) !== '') this.#lines.push('');
    }
  }

  #endLink(): void {
    const link = this.#link;
    this.#link = null;
    const words = link?.words.replace(SPACES, ' ').trim() ?? '';
    if (link === null || words === '' || this.links.length >= LIMITS.links) return;
    const shown = words.includes(link.url) || link.url.includes(words.replace(/^https?:\/\//i, ''));
    if (!shown) this.links.push({ words, url: link.url });
  }

  selfClosed(): void {
    if (this.#hidden === this.#tag) this.#hidden = null;
    else if (this.#tag === 'blockquote') this.close('blockquote');
  }

  attribute(name: string): void {
    const wanted = (this.#tag === 'img' && name === 'src') || (this.#tag === 'a' && name === 'href');
    this.#source = wanted ? { start: -1, end: -1 } : null;
  }

  #leads(href: string): void {
    const url = WEB.exec(href.replaceAll('&amp;', '&'))?.[1];
    if (this.#hidden === null && url !== undefined) this.#link = { url, words: '' };
  }

  /** A long value comes in several pieces. */
  value(start: number, end: number): void {
    if (this.#source === null) return;
    this.#source = { start: this.#source.start === -1 ? start : this.#source.start, end };
  }

  valueEnd(): void {
    if (this.#source === null || this.#source.start === -1) return;
    const { start, end } = this.#source;
    this.#source = null;
    if (this.#tag === 'a') this.#leads(this.#html.slice(start, Math.min(end, start + LONGEST_HREF)));
    else this.#shows(start, end);
  }

  #shows(start: number, end: number): void {
    const match = DATA_PICTURE.exec(this.#html.slice(start, Math.min(end, start + 80)));
    if (match === null || this.pictures.length >= LIMITS.embeddedPictures) return;
    const base64 = this.#html.slice(start + match[0].length, end);
    this.pictures.push({ mediaType: (match[1] as string).toLowerCase(), base64 });
  }
}

/** Text and pictures of an HTML part. Linear; never throws. */
export function htmlText(html: string): HtmlText {
  const page = new Page(html);
  const nameOf = (start: number, end: number): string => (end - start > 16 ? '' : html.slice(start, end).toLowerCase());
  const ignore = (): void => undefined;
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      ontext: (start, end) => page.words(html.slice(start, end)),
      ontextentity: codepoint => page.words(String.fromCodePoint(codepoint)),
      onopentagname: (start, end) => page.open(nameOf(start, end), start),
      onclosetag: (start, end) => page.close(nameOf(start, end)),
      onselfclosingtag: () => page.selfClosed(),
      onattribname: (start, end) => page.attribute(nameOf(start, end)),
      onattribdata: (start, end) => page.value(start, end),
      onattribend: () => page.valueEnd(),
      onattribentity: ignore,
      oncdata: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      onopentagend: ignore,
      onend: ignore,
    },
  );
  // The tokenizer counts positions over all it was given, so pieces can be cut out of one text.
  for (let at = 0; at < html.length && !page.full(); at += PIECE) tokenizer.write(html.slice(at, at + PIECE));
  tokenizer.end();
  return { text: page.text(), links: page.links, pictures: page.pictures };
}
