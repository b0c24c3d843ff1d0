// Errors of the Store port.

/** 存储不可用: treated like `Unavailable`; nothing is acknowledged. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The row changed since it was read; read again and redo once. */
export class Conflict extends Error {
  override readonly name = 'Conflict';
  readonly code = 'store.conflict';
}
