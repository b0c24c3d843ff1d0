// What people say of their own post and room at work: few hold it, and whoever is accused there knows who.

const END = '，。；：！？、（(,;:!?';
/** Not what is done to the writer by somebody of that post: 我被主任, 我是听主任说. */
const DESCRIBED = `[^${END}\\s被听向找问跟让请给由因想要从见]`;
const SELF = '(?<!被)(?:我们?|本人|举报人|投诉人|反映人|信访人|笔者|鄙人)';
const IS = '(?:(?:就|曾|原|现|一直|目前|以前|当时)?(?:是|系|为|任|担任|曾任|原任|现任|历任|当过))';
/** Held by one or a few of a house. */
const POST =
  '(?:会计|出纳|财务|财会|董事长|董事|监事|总经理|经理|副总|法人代表|法定代表人|法人|校长|园长|院长|主任|科长|处长|局长|所长|站长|队长|班长|书记|组长|厂长|村长|镇长|乡长|社长|行长|店长|秘书|文员|保管员|仓管员?|库管员?|护士长|档案员|网格员|股东|合伙人|政协委员|人大代表|业主代表|村民代表|职工代表|委员|小组成员)';
const STOPS = `(?=[${END}\\s【]|之一|$)`;
/** The house stays: it may be the accused one. */
const HOUSE =
  /^.*(?:公司|集团|厂|局|医院|卫生院|学校|中学|小学|大学|学院|幼儿园|银行|信用社|政府|委员会|村委会|居委会|街道|中心|单位|超市|酒店|宾馆|物业|法院|检察院|[镇乡村县区市社队站所])(?![长内里民主])/u;

const HOLDS = new RegExp(`(${SELF}${IS})(${DESCRIBED}{0,30}?${POST})${STOPS}`, 'gu');
const ONLY = new RegExp(`(${SELF}${IS})(${DESCRIBED}{0,24}?(?:唯一|仅有)的?${DESCRIBED}{1,10})${STOPS}`, 'gu');
const ALONE = new RegExp(`((?:只有|就|仅)我)(?:一个人?|一人)?(?:是|做|当)?${DESCRIBED}{0,6}?${POST}${STOPS}`, 'gu');
/** 我在食品厂质检科上班: the house stays, the room in it does not. */
const WORKS = new RegExp(
  `(${SELF}(?:一直|目前|现在|现|都|曾)?在)(${DESCRIBED}{2,24}?(?:科|室|车间|班组|窗口|部门|部|股|处))(?=工作|上班|任职|供职|就职)`,
  'gu',
);

/** Masks the post and the room that somebody calls their own, down to the house that has them. */
export function maskOwnWork(text: string): string {
  const held = (all: string, before: string, said: string): string =>
    /一[名位个]普通|^普通/.test(said) ? all : `${before}${houseOf(said)}【身份】`;
  return text
    .replace(ONLY, held)
    .replace(HOLDS, held)
    .replace(ALONE, '$1【身份】')
    .replace(WORKS, (_: string, before: string, where: string) => `${before}${houseOf(where)}【部门】`);
}

function houseOf(said: string): string {
  return HOUSE.exec(said)?.[0] ?? '';
}
