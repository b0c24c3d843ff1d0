// The outgoing webhook of alarms: JSON signed by Standard Webhooks 1.0, to the one host and port of the settings.
import { errorOfStatus, outgoing } from '../../adapters/kit/http.ts';
import { secretKey, webhookHeaders } from '../../adapters/kit/signature.ts';
import type { AlarmWebhook } from '../../config/alarms.ts';
import { noticeBody, type Way } from './way.ts';

const TIMEOUT_MS = 15_000;
/** Nothing of the answer's body is used. */
const ANSWER_BYTES = 64 * 1024;

/** @param wallClock what signatures are dated with */
export function webhookWay(settings: AlarmWebhook, name: string, wallClock: () => number = Date.now): Way {
  const url = new URL(settings.url);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const keys = settings.secrets.map(secretKey);
  return {
    name: 'webhook',
    target: url.origin,
    async send(notice, signal) {
      // Alarms are rare: a client for each leaves no connection open in between.
      const client = outgoing({
        prefix: 'alarm',
        allow: [`${url.hostname.replace(/^\[|\]$/g, '')}:${port}`],
        totalTimeoutMs: TIMEOUT_MS,
        responseLimit: ANSWER_BYTES,
        connections: 1,
        ...(settings.ca === null ? {} : { ca: settings.ca }),
      });
      try {
        const body = JSON.stringify(noticeBody(notice, name));
        const answer = await client.send({
          url: settings.url,
          method: 'POST',
          headers: {
            'content-type': 'application/json; charset=utf-8',
            ...webhookHeaders(keys, { id: notice.id, body, now: wallClock() }),
          },
          body,
          signal,
        });
        const refused = errorOfStatus(answer, 'alarm', wallClock());
        if (refused !== null) throw refused;
        return `HTTP ${answer.status}`;
      } finally {
        await client.close();
      }
    },
  };
}
