// Whether this Node and its SQLite can run the gateway. Imports nothing, so that it can also answer on a Node that cannot.

/** First Node with stable `node:sqlite` and the module hooks that adapters of third parties need. */
const LEAST_NODE = '24.15.0';
/** Before it a WAL reset at the wrong moment could corrupt a database. */
const LEAST_SQLITE = '3.51.3';

export type RuntimeFault = { readonly code: 'old-node' | 'old-sqlite'; readonly version: string };

/** @param versions `process.versions` */
export function runtimeFault(versions: {
  readonly node: string;
  readonly sqlite?: string | undefined;
}): RuntimeFault | null {
  if (isOlder(versions.node, LEAST_NODE)) return { code: 'old-node', version: versions.node };
  const sqlite = versions.sqlite ?? '0';
  if (isOlder(sqlite, LEAST_SQLITE)) return { code: 'old-sqlite', version: sqlite };
  return null;
}

function isOlder(version: string, least: string): boolean {
  const [have, need] = [version, least].map(text => text.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (have?.[i] || 0) - (need?.[i] || 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
