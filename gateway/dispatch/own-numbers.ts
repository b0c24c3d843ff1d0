// By what else the author of a text is known: a birthday, a class at school, an account, the number of an order, a name spelt apart.
import { END, SELF } from './own-home.ts';

const KIN =
  '(?:孩子|小孩|儿子|女儿|丈夫|妻子|爱人|老公|老婆|父亲|母亲|爸爸?|妈妈?|哥哥?|弟弟?|姐姐?|妹妹?|爷爷|奶奶|孙子|孙女|外孙|公公|婆婆|岳父|岳母|儿媳|女婿)';
const OWN = `${SELF}(?:的?${KIN})?`;
/** Nobody else comes in between. */
const SAME = '[^。；！？;!?\\n【举投控告诉被他她]';

const DATE = '(?:19|20)[0-9]{2}[年.\\-/] ?(?:[0-9]{1,2}(?:[月.\\-/] ?(?:[0-9]{1,2}[日号]?)?)?)?';
const IS_BORN = '(?:出生于|(?<!先)生于|出生日期|出生年月|出生)(?:是|为|在)?[ 　:：]{0,2}';
/** 出生, 生: no 生产, 生活, 生病. */
const BORN = '[)）]? ?(?:出生|生(?![一-龥]|$))';
/** Behind a name that was taken out: 男，汉族，1970年3月28日出生, or in brackets. */
const BORN_BEHIND_NAME = new RegExp(`(【姓名】[^。；！？;!?\\n【]{0,16}?)${DATE}(?=${BORN})`, 'gu');
const BORN_OF_NAME = new RegExp(`(【姓名】${SAME}{0,30}?${IS_BORN})${DATE}`, 'gu');
const BORN_IN_BRACKETS = new RegExp(`(【姓名】[（(])${DATE}(?=[)）])`, 'gu');
const BORN_OF_SELF = new RegExp(`(${OWN}${SAME}{0,10}?${IS_BORN})${DATE}`, 'gu');
const BORN_ON = new RegExp(`(${OWN}[于是]?)${DATE}(?=${BORN})`, 'gu');

const CLASS =
  '(?:(?:[一二三四五六七八九]|初中?|高中?|大)?[一二三四五六七八九0-9]{0,4}年?级|[初高大][一二三四])?[（(]?[0-9一二三四五六七八九十]{1,4}[)）]?班';
const IN_CLASS = new RegExp(
  `((?:${OWN}(?:是|系|为|作为)|(?<=^|[${END}\\s])作为)[^${END}\\s]{0,20}?)${CLASS}(?=[^${END}\\s]{0,8}(?:学生|家长|同学|班主任|老师|教师|班长|学员))`,
  'gu',
);
const GOES_TO = new RegExp(
  `(${SELF}的?${KIN}(?:现?在|就?读于?|上)[^${END}\\s]{0,20}?)${CLASS}(?![^${END}\\s]{0,8}(?:老师|教师|班主任))`,
  'gu',
);

const ACCOUNT =
  /((?:微信|薇信|威信|徽信|v信|wechat|vx|(?<![a-z])wx|qq|扣扣|企鹅号|抖音|快手|小红书|微博|支付宝|钉钉|贴吧|闲鱼)(?:账号|帐号|号码|号)?(?:是|为)?[ 　]{0,2}[:：]?[ 　]{0,2})[a-z0-9_-]{5,20}/giu;

/** Numbers that others keep of the author: the accused shop, school or hospital finds them by it. */
const KEPT_BY_OTHERS =
  '(?:订单(?:编?号码?)?|运单号?|快递单号?|物流单号|(?<![清菜账工名订运递流])单号|会员卡?号|学号|考号|准考证号?|考生号|病历号|病案号|住院号|就诊卡?号|门诊号|医保卡?号|社保卡?号|参保号|保单号|合同编?号|水表号|电表号|燃气表号|户号|发票号码?|驾驶证号?码?|驾照号?|档案编号|受理编?号|工单编?号|诉求编?号|投诉编?号|信访件?编?号|接警编?号|警情编?号|报案回执号?|报警回执号?)';
const KEPT = new RegExp(
  `(?<!被举报人的?|被投诉人的?|[他她其]的?|对方的?)(${KEPT_BY_OTHERS}(?:是|为)?[ 　]{0,2}[:：#]?[ 　]{0,2})(?=[A-Za-z-]{0,8}[0-9])[0-9A-Za-z-]{4,40}`,
  'gu',
);
const OWN_STAFF_NUMBER = new RegExp(
  `(${SELF}的?(?:工号|警号|员工号|编号)(?:是|为)?[ 　]{0,2}[:：]?[ 　]{0,2})[0-9A-Za-z-]{2,20}`,
  'gu',
);
/** The beginning of an ID number, which people think tells nobody: where they come from and when they were born. */
const BEGUN_ID = /((?:身份证|证件)(?:号码|号)?(?:是|为)?[ 　]{0,2}[:：]?[ 　]{0,2})[0-9]{6,17}[*＊xX×•]{1,12}/gu;
const SPELT_ID =
  /((?:身份证|证件)(?:号码|号)?(?:是|为)?[ 　]{0,2}[:：]?[ 　]{0,2})(?:[0-9零〇○一二两三四五六七八九幺壹贰叁肆伍陆柒捌玖][ .·_-]?){14,17}[0-9零〇○一二两三四五六七八九幺壹贰叁肆伍陆柒捌玖xX]/gu;

/** What they are called for short; a whole name is found by reading. */
const CALLED = /((?:我叫|叫我)(?=[小老阿])|我姓)[小老阿]?\p{Script=Han}(?!\p{Script=Han})/gu;
/** 我姓王，名桂芬. */
const SURNAME_APART =
  /((?:我|本人|免贵)姓)\p{Script=Han}[，, ]?(?:名叫?|单名一个)\p{Script=Han}{1,2}(?!\p{Script=Han})/gu;
/** 我叫王 桂 芬. */
const NAME_APART =
  /((?:我叫|我是|(?<!被)举报人|(?<!被)投诉人|本人姓名|我的姓名)[:： 　]{0,2})\p{Script=Han}[ 　·.]\p{Script=Han}(?:[ 　·.]\p{Script=Han})?(?!\p{Script=Han})/gu;

/** Masks what only the author or their family have; of others it is what they are accused of, and stays. */
export function maskOwnNumbers(text: string): string {
  return [BORN_BEHIND_NAME, BORN_OF_NAME, BORN_IN_BRACKETS, BORN_OF_SELF, BORN_ON]
    .reduce((said, form) => said.replace(form, '$1【出生日期】'), text)
    .replace(IN_CLASS, '$1【班级】')
    .replace(GOES_TO, '$1【班级】')
    .replace(ACCOUNT, '$1【账号】')
    .replace(KEPT, '$1【编号】')
    .replace(OWN_STAFF_NUMBER, '$1【编号】')
    .replace(BEGUN_ID, '$1【证件号】')
    .replace(SPELT_ID, '$1【证件号】')
    .replace(SURNAME_APART, '$1【姓名】')
    .replace(CALLED, '$1【姓名】')
    .replace(NAME_APART, '$1【姓名】');
}
