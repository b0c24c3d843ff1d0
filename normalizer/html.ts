// HTML of citizens' messages into text: tokens only, no tree, so that depth and size cost no more than their length.
import { Tokenizer } from 'htmlparser2';

/** Tags that end a line. */
const BLOCKS = new Set(
  (
    'address article aside blockquote br center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hr li main nav ol p pre section table tbody tfoot thead tr ul'
  ).split(' '),
);
/** Tags that stand beside each other on a line. */
const CELLS = new Set(['td', 'th', 'option']);
/** Tags whose content nobody reads. */
const HIDDEN = new Set(['head', 'iframe', 'noembed', 'noframes', 'object', 'script', 'style', 'template', 'title']);

/** Tags that a head may hold; any other begins the body, as in a browser, though nobody has closed the head. */
const OF_HEAD = new Set(['base', 'link', 'meta', 'noscript', 'script', 'style', 'template', 'title']);

/** HTML is read in pieces, so that reading can stop once there is enough text. */
const PIECE = 65_536;

/**
 * Text of an HTML fragment: line breaks where blocks end, scripts and styles left out, entities decoded. Never throws.
 * @param limit Longest result in UTF-16 units; parsing stops there.
 */
export function htmlToText(html: string, limit: number): string {
  const parts: string[] = [];
  let length = 0;
  let hidden: string | null = null;
  const add = (text: string): void => {
    if (hidden !== null || length > limit) return;
    parts.push(text);
    length += text.length;
  };
  const name = (start: number, end: number): string => (end - start > 16 ? '' : html.slice(start, end).toLowerCase());
  const ignore = (): void => undefined;
  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: true },
    {
      ontext: (start, end) => add(html.slice(start, end)),
      ontextentity: codepoint => add(String.fromCodePoint(codepoint)),
      onopentagname(start, end) {
        const tag = name(start, end);
        if (BLOCKS.has(tag)) add('\n');
        else if (CELLS.has(tag)) add(' ');
        if (hidden === null && HIDDEN.has(tag)) hidden = tag;
        if (hidden === 'head' && tag !== 'head' && !OF_HEAD.has(tag)) hidden = null;
      },
      onclosetag(start, end) {
        const tag = name(start, end);
        if (hidden === tag) hidden = null;
        else if (BLOCKS.has(tag)) add('\n');
      },
      onselfclosingtag: () => {
        hidden = null;
      },
      oncdata: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onprocessinginstruction: ignore,
      onattribdata: ignore,
      onattribend: ignore,
      onattribentity: ignore,
      onattribname: ignore,
      onopentagend: ignore,
      onend: ignore,
    },
  );
  // The tokenizer counts positions over all it was given, so pieces can be cut out of one text.
  for (let at = 0; at < html.length && length <= limit; at += PIECE) tokenizer.write(html.slice(at, at + PIECE));
  tokenizer.end();
  return parts.join('');
}
