// Waiting for something no longer than so many milliseconds.

export type Within<T> = { readonly done: true; readonly value: T } | { readonly done: false };

/** What the promise resolved with, or that the time is over; rejects as the promise does. A later rejection is nobody's. */
export function within<T>(ms: number, work: Promise<T>): Promise<Within<T>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve({ done: false }), ms);
    work.then(
      value => {
        clearTimeout(timer);
        resolve({ done: true, value });
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
