// 被反映人: who is complained of, as the sender says it, else the organisation named right behind the complaint.
import { hitsOf, type Reading } from './reading.ts';
import { cleanText } from './text.ts';

const LONGEST = 100;
/** Complaint, then at most 24 characters, then the way names of organisations end. */
const NAMED =
  /^(?:一下|的是|位于|关于|：|:| )*([一-龥A-Za-z0-9（）()·]{2,24}?(?:有限公司|公司|物业|开发商|饭店|酒店|宾馆|超市|商场|医院|诊所|学校|中学|小学|幼儿园|银行|工厂|驾校|健身房|培训机构|村委会|居委会|派出所|KTV|网吧|洗浴|浴池)+)/;
const NOT_NAMES = /(?:我们|我家|你们|他们|这个|那个|某些|一些|相关|其他|必须|违法|违规|出租|强制|[去到把被让])/;
/** Words of lower weight (`反映`) stand before anything. */
const LEAST_WEIGHT = 3;

/** The subject; null when nobody is named. */
export function readSubject(reading: Reading, given: string | undefined): string | null {
  if (given !== undefined) {
    const text = cleanText(given, LONGEST).text.replaceAll('\n', ' ');
    if (text !== '') return text;
  }
  for (const hit of hitsOf(reading, 'type')) {
    const { item } = hit;
    if (item.of !== 'type' || item.weight < LEAST_WEIGHT) continue;
    if (item.type !== '投诉' && item.type !== '举报') continue;
    const match = NAMED.exec(reading.text.slice(hit.end, hit.end + 32));
    if (match !== null && !NOT_NAMES.test(match[1]!)) return match[1]!;
  }
  return null;
}
