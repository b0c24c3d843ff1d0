// What is wrong with a settings file: where it stands and why, in Chinese and English.

/** A sentence in both languages. */
export interface Bilingual {
  readonly zh: string;
  readonly en: string;
}

/** A place in a settings file; lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
}

/** A place together with the JSON path inside its file, which in a split file is not the path of the settings as a whole. */
export interface Place extends Position {
  readonly path?: string;
}

/** One thing wrong in a settings file. Never carries the value itself, which may be a secret. */
export interface ConfigProblem extends Position, Bilingual {
  /** Stable, explained in docs/errors.md. */
  readonly code: string;
  /** JSON path of the setting (`$.listen.port`), `$` for the whole file. */
  readonly path: string;
}

/** 配置错误: the gateway does not start (exit code 78). Carries everything found wrong, not the first thing only. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly [ConfigProblem, ...ConfigProblem[]];

  constructor(problems: readonly [ConfigProblem, ...ConfigProblem[]]) {
    super(problems.map(problem => describeProblem(problem, 'en')).join('\n'));
    this.problems = problems;
  }

  get code(): string {
    return this.problems[0].code;
  }
  get file(): string {
    return this.problems[0].file;
  }
  get path(): string {
    return this.problems[0].path;
  }
  get line(): number | null {
    return this.problems[0].line;
  }
  get zh(): string {
    return this.problems[0].zh;
  }
  get en(): string {
    return this.problems[0].en;
  }
}

/** One line for a person: `huisu.yaml:12:3 $.listen.prot  …`. */
export function describeProblem(problem: ConfigProblem, language: 'zh' | 'en'): string {
  const place = [problem.file, problem.line, problem.column].filter(part => part !== null).join(':');
  return `${place} ${problem.path}  ${problem[language]}`;
}

/** Path segments as a JSON path: `$.channels[0].settings`. */
export function jsonPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return /^[A-Za-z_][\w-]*$/.test(key) ? `${text}.${key}` : `${text}[${JSON.stringify(key)}]`;
  }, '$');
}
