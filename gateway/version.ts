// The version of this gateway, from its own package.json.
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

const file = findPackageJSON('..', import.meta.url);
if (file === undefined) throw new Error('the package.json of the gateway is missing');

/** As npm writes it: `0.1.0`. */
export const VERSION = (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
