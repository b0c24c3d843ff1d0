// Checks a trained model of texts against its form and the classes it is to tell apart.
import Joi from 'joi';
import type { ModelFile } from './rule-data.ts';
import { RulebookInvalid, type RuleProblem } from './rule-schema.ts';
import { LONGEST_GRAM, MOST_GRAMS, type TextModelData } from './text-model.ts';

const figures = Joi.object().pattern(Joi.string(), Joi.number()).required();
const row = Joi.array<number[]>().items(Joi.number());

const schema = Joi.object<{ [K in keyof TextModelData]: TextModelData[K] }>({
  version: Joi.string()
    .pattern(/^[\w.-]{1,64}$/)
    .required(),
  made: Joi.string().isoDate().required(),
  trainedOn: figures,
  figures,
  classes: Joi.array().items(Joi.string().max(32)).min(2).max(64).unique().required(),
  grams: Joi.string().required(),
  rarity: Joi.string().base64().required(),
  weights: Joi.string().base64().required(),
  scale: Joi.number().greater(0).required(),
  rules: Joi.object()
    .pattern(/^[\w\u4e00-\u9fff-]{1,32}$/, row)
    .required(),
  bias: row.required(),
  sharpness: Joi.number().greater(0).required(),
});

/** What is wrong beyond the form, as path and words. */
function faults(data: TextModelData, allowed: ReadonlySet<string>): Omit<RuleProblem, 'file'>[] {
  const found: Omit<RuleProblem, 'file'>[] = [];
  const fault = (path: string, zh: string, en: string) => found.push({ path, zh, en });
  const grams = data.grams.split(' ');
  const width = data.classes.length;
  const known = new Set(grams);
  const isWhole = (gram: string) => gram.length === 1 || known.has(gram.slice(0, -1));
  if (grams.length > MOST_GRAMS || grams.some(gram => gram.length < 1 || gram.length > LONGEST_GRAM)) {
    fault('$.grams', '字串过多、过长或为空', 'too many grams, or one that is empty or too long');
  } else if (!grams.every(isWhole)) {
    fault('$.grams', '有字串的开头部分不在其中', 'a gram whose beginning is not among them');
  }
  if (Buffer.byteLength(data.rarity, 'base64') !== grams.length) {
    fault('$.rarity', '长度与字串数不符', 'not one byte a gram');
  }
  if (Buffer.byteLength(data.weights, 'base64') !== grams.length * width) {
    fault('$.weights', '长度与字串数和类别数不符', 'not one byte a gram and class');
  }
  if (data.bias.length !== width) fault('$.bias', '个数与类别数不符', 'not one number a class');
  for (const [code, weights] of Object.entries(data.rules)) {
    if (weights.length !== width) fault(`$.rules.${code}`, '个数与类别数不符', 'not one number a class');
  }
  data.classes.forEach((one, at) => {
    if (allowed.has(one)) return;
    fault(
      `$.classes[${at}]`,
      '没有这一类：请重新训练，或删去此文件',
      'there is no such class: train the model anew, or remove this file',
    );
  });
  return found;
}

/**
 * @param classes all that there are; the model may know fewer
 * @returns null where there is no model
 * @throws RulebookInvalid with file, path and reason
 */
export function checkTextModel(from: ModelFile | null, classes: ReadonlySet<string>): TextModelData | null {
  if (from === null) return null;
  const { file } = from;
  const { value, error } = schema.required().validate(from.data, { abortEarly: false, convert: false });
  const form = error?.details.map(({ path, message }) => ({
    path: path.reduce<string>((text, part) => text + (typeof part === 'number' ? `[${part}]` : `.${part}`), '$'),
    zh: '不符合要求',
    en: message,
  }));
  const problems = (form ?? faults(value as TextModelData, classes)).map(problem => ({ file, ...problem }));
  if (problems.length > 0) throw new RulebookInvalid(problems);
  return value as TextModelData;
}
