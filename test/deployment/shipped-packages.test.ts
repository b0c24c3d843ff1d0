// What `npm ci --omit=dev` puts onto a machine: nothing that is here for development alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

interface Locked {
  readonly dev?: boolean;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const LOCK = new URL('../../package-lock.json', import.meta.url);

describe('packages that are shipped', () => {
  it('draw in no tool by its name: npm installs a peer that is optional where the tree has it', () => {
    const { packages } = JSON.parse(readFileSync(LOCK, 'utf8')) as { packages: Readonly<Record<string, Locked>> };
    const drawn = Object.entries(packages)
      .filter(([, { dev }]) => dev !== true)
      .flatMap(([name, { peerDependencies = {} }]) => Object.keys(peerDependencies).map(peer => [name, peer] as const))
      .filter(([, peer]) => packages[`node_modules/${peer}`]?.dev === true);
    assert.deepEqual(drawn, []);
  });
});
