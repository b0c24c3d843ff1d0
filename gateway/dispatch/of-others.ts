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

/** Whether the name at that place is not the author's. Other kinds of spans never are of others: whose a number is cannot be told. */
export function isOfOthers(text: string, { kind, start, end }: PersonalSpan, title: string): boolean {
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
