// Precision, recall and F1 of a choice among classes.

/** What was expected of one message and what was read. */
export interface Choice {
  readonly expected: string;
  /** null where reading named none. */
  readonly got: string | null;
}

export interface ClassFigures {
  readonly class: string;
  /** How many messages were expected to be of it. */
  readonly expected: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** What its messages were most often taken for, with the number; at most three. */
  readonly takenFor: Readonly<Record<string, number>>;
}

export interface ChoiceFigures {
  readonly rows: number;
  /** Mean of F1 over the classes that are expected of a message. */
  readonly macroF1: number;
  /** Share of the messages that were read right: with one class a message this is the micro-averaged F1. */
  readonly microF1: number;
  readonly byClass: readonly ClassFigures[];
}

/** Four decimals. */
export const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

export function f1Of(right: number, expected: number, got: number): number {
  return share(2 * right, expected + got);
}

function figuresOf(name: string, choices: readonly Choice[]): ClassFigures {
  const own = choices.filter(({ expected }) => expected === name);
  const right = own.filter(({ got }) => got === name).length;
  const got = choices.filter(choice => choice.got === name).length;
  const others = new Map<string, number>();
  for (const { got: other } of own) {
    if (other !== name) others.set(other ?? '-', (others.get(other ?? '-') ?? 0) + 1);
  }
  const takenFor = Object.fromEntries([...others].sort((a, b) => b[1] - a[1]).slice(0, 3));
  return {
    class: name,
    expected: own.length,
    precision: rounded(share(right, got)),
    recall: rounded(share(right, own.length)),
    f1: rounded(f1Of(right, own.length, got)),
    takenFor,
  };
}

/** null where nothing was expected of any message. */
export function choiceFigures(choices: readonly Choice[]): ChoiceFigures | null {
  if (choices.length === 0) return null;
  const names = [...new Set(choices.map(({ expected }) => expected))].sort();
  const byClass = names.map(name => figuresOf(name, choices));
  const right = choices.filter(({ expected, got }) => expected === got).length;
  return {
    rows: choices.length,
    macroF1: rounded(byClass.reduce((sum, { f1 }) => sum + f1, 0) / byClass.length),
    microF1: rounded(right / choices.length),
    byClass,
  };
}
