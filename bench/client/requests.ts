// Prebuilt requests: bodies and headers of a round, signed by Standard Webhooks before the clock starts.
import { createHmac } from 'node:crypto';
import { seeded } from '../random.ts';
import type { TextSource } from '../texts.ts';

export interface RequestSpec {
  readonly path: string;
  /** `whsec_` and the key in base64. */
  readonly secret: string;
  /** Part of every message id: rounds never share ids. */
  readonly round: string;
  /** First text to use. */
  readonly from: number;
  readonly count: number;
  /** Share of requests that repeat an earlier one of the round, byte for byte. */
  readonly redeliveries: number;
  /** Seconds since the epoch that the requests are signed for. */
  readonly signedAt: number;
}

export interface BenchRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer<ArrayBuffer>;
}

export interface Requests {
  readonly all: readonly BenchRequest[];
  readonly redeliveries: number;
  readonly bodyBytes: number;
}

/** Builds all requests of a round. */
export function buildRequests(spec: RequestSpec, texts: TextSource): Requests {
  const key = Buffer.from(spec.secret.replace(/^whsec_/, ''), 'base64');
  const random = seeded(spec.from, spec.count);
  const all: BenchRequest[] = [];
  let redeliveries = 0;
  let bodyBytes = 0;
  const timestamp = new Date(spec.signedAt * 1000).toISOString();
  for (let index = 0; index < spec.count; index++) {
    if (index > 100 && random.chance(spec.redeliveries)) {
      redeliveries++;
      all.push(all[random.below(index)]!);
      continue;
    }
    const { title, content, name, phone } = texts.text(spec.from + index);
    const id = `msg_${spec.round}_${String(index).padStart(8, '0')}`;
    const data = { externalId: id, title, content, contact: { name, phone } };
    const body = Buffer.from(JSON.stringify({ type: 'appeal.created', timestamp, data }));
    const mac = createHmac('sha256', key).update(`${id}.${spec.signedAt}.`).update(body).digest('base64');
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(spec.signedAt),
      'webhook-signature': `v1,${mac}`,
    };
    bodyBytes += body.length;
    all.push({ path: spec.path, headers, body });
  }
  return { all, redeliveries, bodyBytes: Math.round(bodyBytes / Math.max(1, spec.count - redeliveries)) };
}
