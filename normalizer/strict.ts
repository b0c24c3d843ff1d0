// The type that lets a Joi schema be bound to a readonly type of ours, so that a field on one side only fails to compile.

/** `T` with every array and field writable; Joi's strict generic does not see readonly arrays as arrays. */
export type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T;
