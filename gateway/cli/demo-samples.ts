// What the demo sends: the shipped appeals of this city, or messages of a file given by the user.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeskError, EXIT } from '../desk/desk-error.ts';

/** What should become of a shipped sample; numbers are told by the ids of other samples. */
export interface Expectation {
  readonly outcome: 'ticket' | 'repeat' | 'part' | 'not-an-appeal' | 'redelivery';
  readonly of?: string;
  readonly incidentWith?: readonly string[];
  readonly closedRepeatOf?: string;
  readonly type?: string;
  readonly urgency?: string;
  readonly division?: string;
  readonly held?: boolean;
  readonly clause?: string;
  readonly reason?: string;
}

/** One webhook: its id, its body, and what should become of it where that is known. */
export interface DemoMessage {
  readonly id: string;
  readonly body: unknown;
  readonly expect: Expectation | null;
}

const SHIPPED = join(dirname(fileURLToPath(import.meta.url)), '../../config/samples/tonghua.jsonl');

/** The shipped set, in the order in which it is to be sent. */
export function samples(): readonly DemoMessage[] {
  return linesOf(SHIPPED).map(({ value }) => {
    const { id, body, expect } = value as unknown as DemoMessage;
    return { id, body, expect };
  });
}

/**
 * Messages of a JSON Lines file with `id`, `title`, `content` or `body`, `time`, `requester` or `user`.
 * Each requester gets one made-up contact, so that repeats can be told.
 * @throws DeskError with file and line where a line is not as described
 */
export function messagesOf(file: string): readonly DemoMessage[] {
  const contacts = new Map<string, { readonly name: string; readonly phone: string }>();
  return linesOf(file).map(({ value, line }) => {
    const content = textOf(value['content'] ?? value['body']);
    const id = textOf(value['id']);
    if (content === null || id === null) throw new DeskError('demo.bad_line', { file, line }, EXIT.data);
    const requester = textOf(value['requester'] ?? value['user']) ?? id;
    const contact = contacts.get(requester) ?? madeUp(contacts.size);
    contacts.set(requester, contact);
    const title = textOf(value['title']);
    const occurredAt = textOf(value['time']);
    const data = {
      externalId: id,
      ...(title === null || title.trim() === '' ? {} : { title: title.slice(0, 200) }),
      content: content === '' ? ' ' : content,
      contact,
      ...(occurredAt === null ? {} : { occurredAt }),
    };
    return { id, body: { type: 'appeal.created', timestamp: new Date().toISOString(), data }, expect: null };
  });
}

/** 199 is followed by eight digits: more requesters than any file has, and no number that a person of this file owns. */
function madeUp(index: number) {
  return { name: `诉求人${index + 1}`, phone: `199${String(index).padStart(8, '0')}` };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

function linesOf(
  file: string,
): readonly { readonly value: Readonly<Record<string, unknown>>; readonly line: number }[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new DeskError('demo.no_file', { file }, EXIT.data);
  }
  return text.split('\n').flatMap((written, index) => {
    if (written.trim() === '') return [];
    const line = index + 1;
    try {
      const value: unknown = JSON.parse(written);
      if (typeof value === 'object' && value !== null) return [{ value: value as Record<string, unknown>, line }];
    } catch {
      throw new DeskError('demo.bad_line', { file, line }, EXIT.data);
    }
    throw new DeskError('demo.bad_line', { file, line }, EXIT.data);
  });
}
