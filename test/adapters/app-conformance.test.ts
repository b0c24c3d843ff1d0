// The `app` adapter under the suite that every adapter passes.
import { adapter } from '../../adapters/app/index.ts';
import { conformance } from '../../adapters/conformance.ts';
import { newSecret } from '../../adapters/kit/signature.ts';
import { appealBody, partner } from '../platforms/app.ts';

conformance(adapter, {
  file: new URL('../../adapters/app/index.ts', import.meta.url),
  start: async () => {
    const secret = newSecret();
    const sender = partner({ url: 'http://127.0.0.1/hooks/app-1', secret });
    const body = (n: number) => appealBody({ content: `第 ${n} 盏路灯不亮`, contact: { phone: '13800138000' } });
    let garbage = 0;
    return {
      settings: { ...adapter.settings.validate({ secrets: [secret] }).value, ratePerSecond: 100_000 },
      request: n => sender.prepare(body(n), { id: `msg_${n}` }),
      forged: n => sender.prepare(body(n), { id: `msg_${n}`, tamper: 'signature' }),
      changed: n => sender.prepare(body(n + 1000), { id: `msg_${n}` }),
      garbage: bytes => sender.prepare(bytes, { id: `garbage_${garbage++}` }),
      stop: async () => sender.close(),
    };
  },
});
