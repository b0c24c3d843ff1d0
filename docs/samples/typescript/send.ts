// Sends one signed appeal; Node.js 22.18 or later, nothing to install.
//   HUISU_URL=http://127.0.0.1:8012/hooks/app-1 HUISU_SECRET=whsec_… node send.ts
import { createHmac, randomUUID } from 'node:crypto';

const { HUISU_URL, HUISU_SECRET } = process.env;
if (HUISU_URL === undefined || HUISU_SECRET === undefined) throw new Error('set HUISU_URL and HUISU_SECRET');

const body = JSON.stringify({
  type: 'appeal.created',
  timestamp: new Date().toISOString(),
  data: {
    externalId: 'APP-0001',
    title: '路灯不亮',
    content: '幸福路12号路灯不亮三天',
    contact: { name: '张三', phone: '13800138000' },
  },
});

// One id for one message: keep it with the message, and send it again unchanged on every retry.
const id = `msg_${randomUUID()}`;
const timestamp = Math.floor(Date.now() / 1000);
const key = Buffer.from(HUISU_SECRET.replace(/^whsec_/, ''), 'base64');
const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');

const response = await fetch(HUISU_URL, {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  },
  body,
  redirect: 'error',
  signal: AbortSignal.timeout(30_000),
});
console.log(await response.text());
console.log(response.status);
