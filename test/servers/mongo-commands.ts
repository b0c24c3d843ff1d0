// What the MongoDB engine may ask of a server: commands and operators that MongoDB 6 to 8, FerretDB and their like all have.

const COMMANDS = new Set([
  ...['hello', 'ismaster', 'isMaster', 'ping', 'buildInfo', 'saslStart', 'saslContinue', 'endSessions', 'killCursors'],
  ...['find', 'getMore', 'insert', 'update', 'delete', 'findAndModify', 'aggregate', 'createIndexes', 'listIndexes'],
]);

const OPERATORS = new Set([
  ...['$set', '$setOnInsert', '$inc', '$push', '$addToSet'],
  ...['$eq', '$in', '$nin', '$ne', '$gt', '$gte', '$lt', '$lte'],
  ...['$match', '$group', '$sort', '$sum', '$count'],
]);

/** Fields of a command that mean something which one of the servers lacks. */
const FORBIDDEN_FIELDS = new Set(['txnNumber', 'startTransaction', 'autocommit', 'collation', 'arrayFilters']);
const INDEX_OPTIONS = new Set(['key', 'name', 'unique', 'background']);
/** What the driver adds of itself to a command, and values of ours, which are not looked into. */
const OWN = new Set(['$db', '$clusterTime', '$readPreference']);

/** Why a command may not be used; null where it may. */
export function faultOf(name: string, command: unknown): string | null {
  if (!COMMANDS.has(name)) return `command ${name}`;
  const body = command as Record<string, unknown>;
  for (const field of Object.keys(body)) if (FORBIDDEN_FIELDS.has(field)) return `${name} with ${field}`;
  if (name === 'createIndexes') return indexFault(body['indexes'] as readonly Record<string, unknown>[]);
  const conditions = [
    body['filter'],
    body['query'],
    body['q'],
    body['pipeline'],
    ...listOf(body['updates']).flatMap(one => [one['q'], keysOnly(one['u'])]),
    ...listOf(body['deletes']).map(one => one['q']),
    keysOnly(body['update'] as unknown),
  ];
  for (const condition of conditions) {
    const operator = strangeOperator(condition);
    if (operator !== null) return `${name} with ${operator}`;
  }
  return null;
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
}

/** Of an update its operators only: what is set are values. */
function keysOnly(update: unknown): unknown {
  if (typeof update !== 'object' || update === null || Array.isArray(update)) return update;
  return Object.fromEntries(Object.keys(update).map(key => [key, null]));
}

function indexFault(indexes: readonly Record<string, unknown>[]): string | null {
  for (const index of indexes) {
    for (const option of Object.keys(index)) if (!INDEX_OPTIONS.has(option)) return `an index with ${option}`;
    for (const kind of Object.values(index['key'] as object)) {
      if (kind !== 1 && kind !== -1) return `an index of kind ${String(kind)}`;
    }
  }
  return null;
}

function strangeOperator(condition: unknown): string | null {
  if (Array.isArray(condition)) {
    for (const one of condition) {
      const found = strangeOperator(one);
      if (found !== null) return found;
    }
    return null;
  }
  if (typeof condition !== 'object' || condition === null || ArrayBuffer.isView(condition)) return null;
  if ((condition as { _bsontype?: string })._bsontype !== undefined) return null;
  for (const [key, value] of Object.entries(condition)) {
    if (key.startsWith('$') && !OPERATORS.has(key) && !OWN.has(key)) return key;
    const found = strangeOperator(value);
    if (found !== null) return found;
  }
  return null;
}
