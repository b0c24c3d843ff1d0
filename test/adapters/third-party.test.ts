// The example of docs/adapters, loaded by a path as an operator would, passes the suite that it is there to explain.
import { fileURLToPath } from 'node:url';
import { conformance } from '../../adapters/conformance.ts';
import { loadRegistry } from '../../adapters/registry.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const registry = await loadRegistry(['./docs/adapters/example/line-box.ts'], root);
const definition = await registry.get('line-box');
const token = 'a-shared-token-of-the-test';
const post = (body: Uint8Array | object, headers = { 'x-line-token': token }) => ({
  headers,
  body: body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)),
});

conformance(definition, {
  file: new URL('../../docs/adapters/example/line-box.ts', import.meta.url),
  start: async () => ({
    settings: { token },
    request: n => post({ id: `line-${n}`, from: 'u1', text: `第 ${n} 条留言`, at: '2024-01-01T08:30:05+08:00' }),
    forged: n => post({ id: `line-${n}`, from: 'u1', text: 'x' }, { 'x-line-token': 'not-the-token' }),
    changed: n => post({ id: `line-${n}`, from: 'u1', text: '另一条留言' }),
    garbage: bytes => post(bytes),
    stop: async () => undefined,
  }),
});
