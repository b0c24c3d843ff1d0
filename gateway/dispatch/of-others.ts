// Which names that were found are those of others: an accusation that does not say whom it accuses helps nobody.
import type { PersonalSpan } from '../../normalizer/ticket.ts';

/** 被举报人：李四, 老板叫李四. */
const OTHERS =
  /(?:被(?:举报|投诉|反映|控告|检举|申诉|告)(?:人|者)?(?:姓名)?|(?:老板|负责人|业务员|经办人|他|她)(?:名?叫|姓名)?)[:： 是为]{0,3}$/;
/** 我是李四的…: of the house or family of somebody, who may be the accused. */
const RELATED = /我是$/;
/** What may stand before the author's name, and before the accused's as well. */
const EITHER = /(?:我是|当事人|户主|联系人|姓名)[:： 是为（(，,]{0,3}$/;
const KIN = /^的[\p{Script=Han}]{0,4}(?:妻|夫|父|母|儿|女|子|孙|兄|弟|姐|妹|爱人|老公|老婆|家属|家人|爸|妈|媳)/u;
const ACCUSES = /(?:举报|投诉|控告|检举)(?!人)[^，。；！？,;!? 　]{2,24}$/;

/** What is done with a car that somebody is accused of, right behind its plate or before it. */
const MISUSED =
  /(?:占道|违停|违章|乱停|堵|闯|超载|超速|拒载|宰客|绕路|加价|黑车|公车|公务车|私用|逃逸|别车|飙车|渣土|遗撒|抛洒|鸣笛|酒驾|套牌|肇事)/;
const SUED = /(?:举报|查处|投诉|控告|检举)[^，。；！？,;!?\n]{0,12}$/;
/** Whoever speaks of a car of their own. */
const OWN = /[我俺咱]|本人|自己|自家|举报人|投诉人|车主是/;
const CLAUSE_ENDS = '，。；！？,;!?\n';
const NEAR = 24;

/**
 * The plates that only an accused car has: of them something is said in the same clause that is held against it, and nowhere that it is
 * the author's. Whose any other number is cannot be told.
 */
export function accusedPlates(texts: readonly (readonly [string, readonly PersonalSpan[]])[]): ReadonlySet<string> {
  const accused = new Set<string>();
  const own = new Set<string>();
  for (const [text, spans] of texts) {
    for (const { kind, start, end } of spans) {
      if (kind !== 'plate') continue;
      const plate = text.slice(start, end);
      const before = clauseBefore(text.slice(Math.max(0, start - NEAR), start));
      const after = text.slice(end, end + NEAR).split(/[，。；！？,;!?\n]/u, 1)[0] as string;
      if (OWN.test(before + after)) own.add(plate);
      else if (SUED.test(before) || MISUSED.test(before + after)) accused.add(plate);
    }
  }
  return new Set([...accused].filter(plate => !own.has(plate)));
}

function clauseBefore(text: string): string {
  let from = text.length;
  while (from > 0 && !CLAUSE_ENDS.includes(text.charAt(from - 1))) from--;
  return text.slice(from);
}

/**
 * Whether what was found at that place is not the author's: a name that is said of others, a plate of the accused.
 * @param plates what `accusedPlates` found
 */
export function isOfOthers(
  text: string,
  { kind, start, end }: PersonalSpan,
  { title, plates }: { readonly title: string; readonly plates: ReadonlySet<string> },
): boolean {
  if (kind === 'plate') return plates.has(text.slice(start, end));
  if (kind !== 'name') return false;
  const before = text.slice(Math.max(0, start - 12), start);
  if (OTHERS.test(before)) return true;
  const related = RELATED.test(before) && text.startsWith('的', end);
  if (related && !KIN.test(text.slice(end, end + 8))) return true;
  return (related || EITHER.test(before)) && isAccused(text.slice(start, end), title);
}

function isAccused(name: string, title: string): boolean {
  const at = title.indexOf(name);
  return at > 0 && ACCUSES.test(title.slice(0, at));
}
