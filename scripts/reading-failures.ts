// Made-up messages of the kinds that reading gets wrong, for docs/reading.md.
import type { LabelledReading } from '../gateway/evaluation/labelled-readings.ts';

interface Failing {
  readonly kind: string;
  readonly message: Omit<LabelledReading, 'id'>;
}

type Expected = Partial<Pick<LabelledReading, 'type' | 'urgency'>> & { readonly category1?: string };

function failing(kind: string, content: string, { category1, type = null, urgency = null }: Expected): Failing {
  const categories = { 1: category1 ?? null, 2: null, 3: null };
  return { kind, message: { title: '', content, categories, type, urgency, places: null } };
}

export const FAILING: readonly Failing[] = [
  failing('an emergency that is not named', '哥哥把存折密码都交代了，说以后不用找他，手机也关了', { urgency: '紧急' }),
  failing('an emergency that is not named', '老李把自己捆在吊臂上，说天黑前见不到钱就撒手', { urgency: '紧急' }),
  failing('an emergency that is made up', '我写小说，开头是凌晨整栋楼都在烧，孩子站在窗台上，想请消防员把把关', {
    urgency: '一般',
  }),
  failing('two matters in one message', '小区物业乱收停车费，还把幼儿园的门堵了，孩子上学要绕路', {
    category1: '城乡建设',
  }),
  failing('the trade, not the subject, decides', '健身房倒闭了，老板拖着三个教练的工资不发', {
    category1: '劳动和社会保障',
  }),
  failing('the trade, not the subject, decides', '医院门口的公交站牌被撞倒了，没人扶', { category1: '交通运输' }),
  failing('a question that is a complaint', '你们的处理就这样吗？半年了路还是烂的，谁来管？', { type: '投诉' }),
  failing('praise that is irony', '感谢物业，三个月不扫楼道，真是服务周到', { type: '投诉' }),
  failing('a request without a verb of asking', '三号楼二单元，灯灭了，晚上看不见', { type: '求助' }),
];
