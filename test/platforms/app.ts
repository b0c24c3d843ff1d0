// A partner platform that sends signed webhooks, rightly or with any of the faults that partners' software has.
import { createHash, randomBytes } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import iconv from 'iconv-lite';
import { secretKey, webhookHeaders } from '../../adapters/kit/signature.ts';

export interface PartnerFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export interface SendOptions {
  /** `webhook-id`; a fresh one unless given. */
  readonly id?: string;
  /** What follows the channel in the address. */
  readonly rest?: '' | '/validate' | '/query';
  /** Signs with these instead of the partner's own (an old key, several keys). */
  readonly secrets?: readonly string[];
  readonly prefer?: string;
  /** Seconds added to the timestamp: stale when negative, of the future when positive. */
  readonly skewSeconds?: number;
  /** After signing: another body, a signature of the wrong length, of another version, or none. */
  readonly tamper?: 'body' | 'signature' | 'short-signature' | 'version' | 'no-signature';
  readonly encoding?: 'utf8' | 'gbk';
  readonly contentType?: string;
  /** Makes the body multipart, these files after the JSON. */
  readonly files?: readonly PartnerFile[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request ready to go: the same bytes can be sent again and again. */
export interface Prepared {
  readonly id: string;
  readonly rest: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface PartnerAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  json(): Record<string, unknown>;
}

export interface Partner {
  /** Body as an object (sent as JSON), as text or as bytes. */
  prepare(body: unknown, options?: SendOptions): Prepared;
  deliver(prepared: Prepared): Promise<PartnerAnswer>;
  send(body: unknown, options?: SendOptions): Promise<PartnerAnswer>;
  /** Sends it, and asks again by the same message until the answer says what became of it, however long that takes. */
  told(body: unknown, options?: SendOptions): Promise<PartnerAnswer>;
  /** The same request so many times, one after the other or all at once. */
  duplicate(body: unknown, times: number, options?: SendOptions): Promise<PartnerAnswer[]>;
  copies(body: unknown, times: number, options?: SendOptions): Promise<PartnerAnswer[]>;
  /** Cuts the connection in the middle of the body; resolves when it is gone. */
  cut(body: unknown, options?: SendOptions): Promise<void>;
  close(): void;
}

export interface PartnerOptions {
  /** Address of the channel: `http://127.0.0.1:8080/hooks/app-1`. */
  readonly url: string;
  readonly secret: string;
  readonly now?: () => number;
}

export function partner({ url, secret, now = Date.now }: PartnerOptions): Partner {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });

  function prepare(body: unknown, options: SendOptions = {}): Prepared {
    const signed = encode(body, options.encoding ?? 'utf8');
    const id = options.id ?? `msg_${randomBytes(12).toString('hex')}`;
    const keys = (options.secrets ?? [secret]).map(secretKey);
    const signature = webhookHeaders(keys, { id, body: signed, now: now() + (options.skewSeconds ?? 0) * 1000 });
    const sent = options.files === undefined ? json(signed) : multipart(signed, options.files);
    const headers: Record<string, string> = {
      'content-type': options.contentType ?? sent.contentType,
      ...signature,
      ...(options.prefer === undefined ? {} : { prefer: options.prefer }),
      ...options.headers,
    };
    return tampered({ id, rest: options.rest ?? '', headers, body: sent.bytes }, options.tamper);
  }

  function deliver({ rest, headers, body }: Prepared): Promise<PartnerAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest(`${url}${rest}`, {
        agent,
        method: 'POST',
        headers: { ...headers, 'content-length': body.byteLength },
      });
      outgoing.on('error', reject);
      outgoing.on('response', incoming => {
        buffer(incoming).then(bytes => {
          const text = bytes.toString();
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: () => JSON.parse(text) });
        }, reject);
      });
      outgoing.end(body);
    });
  }

  return {
    prepare,
    deliver,
    send: (body, options) => deliver(prepare(body, options)),
    told: async (body, options) => {
      const prepared = prepare(body, { prefer: 'wait=10', ...options });
      let answer = await deliver(prepared);
      while (answer.status === 202) answer = await deliver(prepared);
      return answer;
    },
    duplicate: async (body, times, options) => {
      const prepared = prepare(body, options);
      const answers: PartnerAnswer[] = [];
      for (let i = 0; i < times; i++) answers.push(await deliver(prepared));
      return answers;
    },
    copies: (body, times, options) => {
      const prepared = prepare(body, options);
      return Promise.all(Array.from({ length: times }, () => deliver(prepared)));
    },
    cut: (body, options) => {
      const { rest, headers, body: bytes } = prepare(body, options);
      return new Promise(resolve => {
        const length = { 'content-length': bytes.byteLength };
        const outgoing = httpRequest(`${url}${rest}`, { method: 'POST', headers: { ...headers, ...length } });
        outgoing.on('error', () => resolve()).on('close', () => resolve());
        outgoing.write(bytes.subarray(0, bytes.byteLength >> 1), () => outgoing.destroy());
      });
    },
    close: () => agent.destroy(),
  };
}

/** A body of an appeal with what tests mostly want in it. */
export function appealBody(data: Record<string, unknown> = {}, type = 'appeal.created'): Record<string, unknown> {
  return {
    type,
    timestamp: '2024-01-01T08:30:05+08:00',
    data: {
      externalId: 'APP-20240101-0001',
      title: '路灯不亮',
      content: '幸福路12号路灯不亮三天',
      contact: { name: '张三', phone: '13800138000' },
      ...data,
    },
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function encode(body: unknown, encoding: 'utf8' | 'gbk'): Uint8Array {
  if (body instanceof Uint8Array) return body;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return encoding === 'gbk' ? iconv.encode(text, 'gbk') : Buffer.from(text);
}

function json(bytes: Uint8Array): { contentType: string; bytes: Uint8Array } {
  return { contentType: 'application/json', bytes };
}

function multipart(first: Uint8Array, files: readonly PartnerFile[]): { contentType: string; bytes: Uint8Array } {
  const boundary = `huisu-${randomBytes(8).toString('hex')}`;
  const part = (name: string, file: PartnerFile): Uint8Array[] => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${file.name}"\r\nContent-Type: ${file.mediaType}\r\n\r\n`,
    ),
    file.bytes,
    Buffer.from('\r\n'),
  ];
  const bytes = Buffer.concat([
    ...part('appeal', { name: 'appeal.json', mediaType: 'application/json', bytes: first }),
    ...files.flatMap(file => part('file', file)),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { contentType: `multipart/form-data; boundary=${boundary}`, bytes };
}

function tampered(prepared: Prepared, how: SendOptions['tamper']): Prepared {
  const headers: Record<string, string> = { ...prepared.headers };
  const signature = headers['webhook-signature'] ?? '';
  switch (how) {
    case undefined:
      return prepared;
    case 'body':
      return { ...prepared, body: Buffer.concat([prepared.body, Buffer.from(' ')]) };
    case 'signature':
      headers['webhook-signature'] = `v1,${Buffer.alloc(32, 7).toString('base64')}`;
      break;
    case 'short-signature':
      headers['webhook-signature'] = signature.slice(0, 20);
      break;
    case 'version':
      headers['webhook-signature'] = signature.replaceAll('v1,', 'v2,');
      break;
    case 'no-signature':
      delete headers['webhook-signature'];
      break;
  }
  return { ...prepared, headers };
}
