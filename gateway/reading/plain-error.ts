// An error as it may cross to another thread: structured clone would drop its class and its code, and its text stays behind.

/** Class, code and frames of an error. */
export interface PlainError {
  readonly name: string;
  readonly code?: string;
  /** Of a store that is away. */
  readonly place?: string;
  /** Frames only: the head of a stack repeats the text, which may hold a citizen's words. */
  readonly stack: string;
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: typeof error, stack: '' };
  const { name, message, stack = '' } = error;
  const { code, place } = error as { readonly code?: unknown; readonly place?: unknown };
  const frames = message === '' ? stack : stack.slice(stack.lastIndexOf(message) + message.length);
  return {
    name,
    stack: frames,
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof place === 'string' ? { place } : {}),
  };
}

/** As an Error again, for the log. */
export function asError(plain: PlainError): Error {
  return Object.assign(new Error(''), plain);
}
