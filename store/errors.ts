// Errors of the Store port, of the keys and of sealed bytes.

/** 存储不可用: treated like `Unavailable`; nothing is acknowledged. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly code: string;
  /** Setting, server and what the network said of it, without anything secret; null where nothing is known. */
  readonly place: string | null;
  constructor(code: string, message: string, options: ErrorOptions & { readonly place?: string | null } = {}) {
    super(message, options);
    this.code = code;
    this.place = options.place ?? null;
  }
}

/** The row changed since it was read; read again and redo once. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
  readonly code = 'store.conflict';
}

/** 密钥有误: the keys are missing, unreadable or not those the store was made with; the gateway does not start. */
export class KeyError extends Error {
  override readonly name = 'KeyError';
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  constructor(code: string, text: { readonly zh: string; readonly en: string }, options?: ErrorOptions) {
    super(`${text.zh}\n${text.en}`, options);
    this.code = code;
    this.zh = text.zh;
    this.en = text.en;
  }
}

/** 密文无法打开: the key is another one, the bytes were changed, or they belong to another row or field. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
  /** `seal.broken`, `seal.unknown_format` or `seal.unknown_key`. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** True where no more files may be open, which says nothing of the one that was to be opened. */
export function isFilesUsedUp(error: unknown): boolean {
  return ['EMFILE', 'ENFILE'].includes((error as NodeJS.ErrnoException).code ?? '');
}
