// Where people say in their own words where they live.

export const END = '，。；！？,;!?';
/** What follows is said of the writer: they name themselves, or a clause begins with it. */
export const SELF =
  '(?<!被)(?:我们家|我们|我家|我|咱们家|咱家|咱们|俺们|俺家|俺|本人|全家|一家人|举报人|投诉人|反映人|信访人|来信人|诉求人|申请人|求助人|控告人|申诉人|报告人)';
const CLAUSE = `(?<=^|[${END}:：（(\\s])`;
const BETWEEN = '(?:一直|目前|现在|都|均|是|就|也|家)?';
const COLON = '[ 　]{0,2}[:：]?[ 　]{0,2}';
const NUMBER = '[0-9A-Za-z一二三四五六七八九十]{1,4}';
const PART = '(?:号楼|号院|号|栋|幢|座|单元|楼|层|室|门|组)';
/** To the end of the clause, or to a blank that no further part of an address follows. */
const WHERE = `[^${END}\\s]{2,40}(?:[ 　]{1,2}${NUMBER}${PART}[^${END}\\s]{0,12}){0,4}`;
/** 住 and 家在 are said of much else (住院, 我家在装修): only where a place is named. */
const PLACE = `(?=[ 　]{0,2}[^${END}]{0,40}?(?:小区|社区|家园|花园|公寓|[0-9一二三四五六七八九十]${PART}|[镇乡村屯街路巷]))`;

const LIVES = new RegExp(
  `((?:${SELF}${BETWEEN}|${CLAUSE})(?:(?:家住|现住|租住|暂住|居住|住)(?:在|于)|家住|现住|(?:租住|暂住|居住|住)(?![房建户院宅宿改保处着的址])${PLACE}))(${COLON}${WHERE})`,
  'gu',
);
const HOME = new RegExp(
  `(${SELF}的?(?:家|住处|住所)?(?:就|是)?(?<=[家处所](?:就|是)?)在${PLACE})(${COLON}${WHERE})`,
  'gu',
);
const ADDRESS = new RegExp(
  `((?:${SELF}(?:的|现)?(?:家庭|联系|通讯|通信)?(?:住址|地址|(?:户籍|户口)(?:地址?|住址|所在地)|户籍(?=(?:是|为|在)?${PLACE}))|${CLAUSE}(?:现|家庭|户籍)?住址|${CLAUSE}(?:家庭|联系|通讯|通信|户籍)地址|${CLAUSE}(?:户籍|户口)所在地)(?:是|为|在)?)(${COLON}${WHERE})`,
  'gu',
);
/** Somebody of that house: which flat says who, the house is what it may be about. */
const RESIDENT = new RegExp(
  `(${SELF}(?:是|系|为)[^${END}\\s]{0,24}?)((?:${NUMBER}(?:${PART}|[－—-]))(?:${NUMBER}(?:${PART}|[－—-])){0,3}(?:${NUMBER})?)(?=[^${END}\\s]{0,4}(?:住户|业主|居民|租户|租客|房主|户主))`,
  'gu',
);
/** 我是…村三组村民: the village is mostly what it is about, the group has a few dozen homes. */
const GROUP = new RegExp(
  `(${SELF}(?:是|系|为|[:：])[^${END}\\s]{0,30}?(?:村|社区|居委会))([^${END}\\s村]{1,8}[组社队])(?=的?(?:[一1]?[名位个])?(?:普通)?(?:村民|村名|居民|农民|社员|【姓名】))`,
  'gu',
);
/** 我购买的光明花园3栋206房: whoever sold it knows who has it. */
const OWNED = new RegExp(
  `(${SELF}(?:在[^${END}\\s]{0,16}?)?(?:认购|订购|购买|购得|买|承租|租|拥有)(?:了|的|有|下|到)?[^${END}\\s]{0,24}?)((?:${NUMBER}(?:${PART}|[－—-]))(?:${NUMBER}(?:${PART}|[－—-])){0,3}(?:${NUMBER})?)`,
  'gu',
);
const DOOR = new RegExp(`((?<![他她其]的?)房号(?:是|为)?${COLON})((?:${NUMBER}(?:${PART}|[－—-])?){1,4})`, 'gu');

/** A name of a division, without what would make it an estate, a road or a village. */
const NAME = '(?:(?!小区|社区)[\\p{Script=Han}A-Za-z0-9](?<![号楼栋幢村路街巷苑里组的省市州区县旗镇乡])){1,8}';
/** Many live in a town; what follows its name leads to a few. */
const TOWN = new RegExp(
  `^[ 　:：]*(?:${NAME}(?:省|自治区))?(?:${NAME}[市州盟](?![民场]))?(?:${NAME}(?:市(?![民场])|区(?!域)|[县旗]))?(?:${NAME}(?:街道|[镇乡](?![民村里])))?`,
  'u',
);

const toTown = (_: string, before: string, where: string): string =>
  `${before}${(TOWN.exec(where)?.[0] ?? '').trimEnd()}【住址】`;

/** Masks what somebody says of their own home, down to the town. Of others it is what they are accused of, and stays. */
export function maskOwnHome(text: string): string {
  return [LIVES, HOME, ADDRESS]
    .reduce((said, form) => said.replace(form, toTown), text)
    .replace(RESIDENT, (said, before: string, door: string) => (isFlat(door) ? `${before}【住址】` : said))
    .replace(OWNED, (said, before: string, door: string) => (isRoom(door) ? `${before}【住址】` : said))
    .replace(DOOR, '$1【住址】')
    .replace(GROUP, '$1【住址】');
}

/** More than the number of a house: a unit or a room as well. */
function isFlat(door: string): boolean {
  return /(?:单元|室|门)|[号栋幢座楼－—-][0-9A-Za-z一二三四五六七八九十]/u.test(door);
}

/** The same, where a mere range might be meant (500-600一平). */
function isRoom(door: string): boolean {
  return /(?:单元|室|门)|[号栋幢座楼][0-9A-Za-z一二三四五六七八九十]|[0-9]+[－—-][0-9]+[－—-][0-9]+/u.test(door);
}
