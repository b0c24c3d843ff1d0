// The `mailbox` adapter under the suite that every adapter passes, against the simulated mail server.
import { conformance } from '../../adapters/conformance.ts';
import { adapter } from '../../adapters/mailbox/index.ts';
import { startMailboxSimulator } from '../platforms/mailbox.ts';

const mail = (n: number): string =>
  [
    `From: =?UTF-8?B?${Buffer.from('张三').toString('base64')}?= <zhang.${n}@example.cn>`,
    'To: szxx@example.cn',
    `Subject: =?UTF-8?B?${Buffer.from(`第 ${n} 盏路灯不亮`).toString('base64')}?=`,
    `X-Number: ${n}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    `建设大街第 ${n} 盏路灯不亮,请派人来修。`,
    '',
  ].join('\r\n');

conformance(adapter, {
  file: new URL('../../adapters/mailbox/index.ts', import.meta.url),
  start: async () => {
    const server = await startMailboxSimulator();
    const { host, port, user, password, faults } = server;
    const uids = new Map<number, number>();
    return {
      settings: adapter.settings.validate({ host, port, tls: 'none', user, password, since: 'all' }).value,
      put: async n => void uids.set(n, server.add(mail(n))),
      acknowledged: () => [...uids].filter(([, uid]) => server.flags(uid).has('$Huisu')).map(([n]) => n),
      numberOf: ({ body }) => Number(/^X-Number: (\d+)/m.exec(Buffer.from(body).toString())?.[1]),
      fault: kind => {
        faults.login = kind === 'credentials' ? { status: 'NO', text: '[AUTHENTICATIONFAILED] wrong' } : null;
        faults.down = kind === 'unavailable';
      },
      stop: () => server.stop(),
    };
  },
});
