// What was asked of another thread and is not answered yet; each answer names the question it is to.
import { asError, type PlainError } from './plain-error.ts';

export interface Questions<T> {
  /** Puts a question under an id of its own; resolves with its answer. */
  ask(put: (id: number) => void): Promise<T>;
  answered(id: number, value: T): void;
  failed(id: number, error: PlainError): void;
  /** Whoever was asked is gone, and answers none of them. */
  lost(): void;
}

/** @param gone what those who asked are told when nobody answers any more */
export function createQuestions<T>(gone: () => Error): Questions<T> {
  const open = new Map<number, PromiseWithResolvers<T>>();
  let last = 0;
  const take = (id: number): PromiseWithResolvers<T> | undefined => {
    const question = open.get(id);
    open.delete(id);
    return question;
  };
  return {
    ask(put) {
      const question = Promise.withResolvers<T>();
      const id = ++last;
      open.set(id, question);
      put(id);
      return question.promise;
    },
    answered: (id, value) => take(id)?.resolve(value),
    failed: (id, error) => take(id)?.reject(asError(error)),
    lost() {
      for (const { reject } of open.values()) reject(gone());
      open.clear();
    },
  };
}
