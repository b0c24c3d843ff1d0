// Small pure text tests that several adapters need while they tell an appeal from what is none.

const MEANINGFUL = /[\p{L}\p{N}]/u;

/** True when a text holds no letter, no digit and no Han character: nothing that anybody could act upon. */
export function isEmptyText(text: string): boolean {
  return !MEANINGFUL.test(text);
}
