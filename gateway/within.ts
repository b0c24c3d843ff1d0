// Waiting for something no longer than so many milliseconds.

export type Within<T> = { readonly done: true; readonly value: T } | { readonly done: false };

/** What the promise resolved with, or that the time is over; rejects as the promise does. A later rejection is nobody's. */
export async function within<T>(ms: number, work: Promise<T>): Promise<Within<T>> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<Within<T>>(resolve => {
    timer = setTimeout(() => resolve({ done: false }), ms);
  });
  const done = work.then((value): Within<T> => ({ done: true, value }));
  done.catch(() => undefined);
  try {
    return await Promise.race([done, over]);
  } finally {
    clearTimeout(timer);
  }
}
