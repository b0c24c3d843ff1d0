// What a clerk has written down of a message: a text file, or a JSON object with the fields of an appeal.
import { readFile, stat } from 'node:fs/promises';
import { inboundAppealSchema } from '../../normalizer/inbound-schema.ts';
import { DeskError, EXIT } from '../desk/desk-error.ts';
import type { Words } from '../reading/by-hand.ts';
import { codeOf } from './new-file.ts';

const MOST_BYTES = 256 * 1024;
/** What is no word of a clerk's: its platform alone can tell, or nothing but the message itself. */
const NOT_WRITTEN = ['kind', 'externalIds', 'attachments', 'conversation', 'illegible', 'contentFormat', 'sentAt'];

const wordsSchema = inboundAppealSchema
  .fork([...NOT_WRITTEN], field => field.forbidden())
  .fork(['content', 'contact'], field => field.optional());

/** Reads it; UTF-8, else GB18030, as Windows writes it. Throws `DeskError` where it says nothing, or something that is no field. */
export async function readWords(file: string): Promise<Words> {
  const text = decoded(await bytesOf(file)).trim();
  if (text === '') throw new DeskError('words.empty', { file }, EXIT.usage);
  return text.startsWith('{') ? fieldsOf(file, text) : { content: text };
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    if ((await stat(file)).size > MOST_BYTES) throw new DeskError('words.too_large', { file }, EXIT.usage);
    return await readFile(file);
  } catch (error) {
    if (error instanceof DeskError) throw error;
    throw new DeskError('import.cannot_read', { file, reason: codeOf(error) }, EXIT.usage);
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
}

function fieldsOf(file: string, text: string): Words {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DeskError('words.no_json', { file }, EXIT.usage);
  }
  const { error } = wordsSchema.validate(value, { convert: false });
  // A field's name and no value of it: those may be anybody's.
  if (error !== undefined)
    throw new DeskError('words.wrong_field', { field: fieldIn(error.details[0]?.path) }, EXIT.usage);
  return value as Words;
}

const fieldIn = (path: readonly (string | number)[] | undefined): string =>
  path === undefined || path.length === 0 ? '{}' : path.join('.');
