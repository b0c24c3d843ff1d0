// Mails as they come in China, each beside what a person reads in it (mails/expected.json, reviewed by eye); and hostile ones.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type InboundMessage, Unreadable } from '../../adapters/contract.ts';
import { adapter } from '../../adapters/mailbox/index.ts';
import { originalOf } from '../../adapters/mailbox/mail.ts';
import expected from './mails/expected.json' with { type: 'json' };

const MAILS = new URL('mails/', import.meta.url);
const settings = {
  ...(adapter.sample as { readonly settings: object }).settings,
  user: 'szxx@city.example.cn',
} as never;
const receivedAt = Date.parse('2024-01-01T00:30:05Z');

/** Reads one mail as a reading thread does; what cannot be read answers its code. */
async function read(body: Uint8Array, at = receivedAt): Promise<InboundMessage | { readonly unreadable: string }> {
  const original = originalOf(body, { uid: 1, size: body.length, receivedAt: at }, { folder: 'INBOX', validity: '1' });
  try {
    return await adapter.parse(original, settings);
  } catch (error) {
    if (error instanceof Unreadable) return { unreadable: error.code };
    throw error;
  }
}

/** Enclosures by name, type and size; a mail that is not read has no more to it than its code. */
function shown(message: Awaited<ReturnType<typeof read>>): unknown {
  if (!('attachments' in message)) return message;
  const attachments = message.attachments?.map(({ name, mediaType, size }) => `${name} ${mediaType} ${size}`);
  return { ...message, attachments };
}

const mail = (header: string, body: string): Buffer =>
  Buffer.from(`From: lihua@example.cn\r\nSubject: test\r\n${header}\r\n\r\n${body}`);
const multipart = (parts: number): Buffer =>
  mail(
    'Content-Type: multipart/mixed; boundary="b"',
    `${'--b\r\nContent-Type: text/plain\r\n\r\nx\r\n'.repeat(parts)}--b--\r\n`,
  );
function nested(depth: number): Buffer {
  const open = Array.from(
    { length: depth },
    (_, n) => `Content-Type: multipart/mixed; boundary="b${n}"\r\n\r\n--b${n}\r\n`,
  );
  return Buffer.from(
    `From: lihua@example.cn\r\nSubject: deep\r\n${open.join('')}Content-Type: text/plain\r\n\r\nx\r\n`,
  );
}
const code = async (body: Buffer): Promise<unknown> => ((await read(body)) as { unreadable?: string }).unreadable;

describe('mails', () => {
  const files = readdirSync(MAILS).filter(file => file.endsWith('.eml'));

  it('each have what a person reads in them written beside', () => {
    assert.deepEqual(files.map(file => file.slice(0, -4)).sort(), Object.keys(expected).sort());
  });
  it('that nobody seems to have written are letters all the same where a clerk says so', async () => {
    for (const [name, wanted] of Object.entries(expected)) {
      if (!('kind' in wanted)) continue;
      const bytes = readFileSync(new URL(`${name}.eml`, MAILS));
      const original = originalOf(
        bytes,
        { uid: 1, size: bytes.length, receivedAt },
        { folder: 'INBOX', validity: '1' },
      );
      const letter = await adapter.readAsAppeal?.(original, settings);
      if (wanted.kind === 'appeal') assert.deepEqual(letter, await adapter.parse(original, settings));
      else
        assert.deepEqual(
          [letter?.kind, letter?.content === ''],
          ['appeal', 'reason' in wanted && wanted.reason === 'empty'],
          name,
        );
    }
  });
  for (const [name, wanted] of Object.entries(expected)) {
    it(`become the letter that was written: ${name}`, async () => {
      const found = await read(readFileSync(new URL(`${name}.eml`, MAILS)));
      assert.deepEqual(JSON.parse(JSON.stringify(shown(found))), wanted);
    });
  }
});

describe('hostile mails', () => {
  it('of two thousand parts are told apart from long ones', async () => {
    assert.equal(await code(multipart(2000)), 'mailbox.too_many_parts');
    assert.equal(((await read(multipart(900))) as { kind: string }).kind, 'appeal');
  });
  it('of ten thousand parts inside each other are given up', async () => {
    assert.equal(await code(nested(100)), 'mailbox.nested_too_deep');
    assert.equal(await code(nested(10_000)), 'mailbox.too_many_parts');
  });
  it('with a header of a megabyte are given up, whether in one line or in many', async () => {
    const one = mail(`X-Long: ${'x'.repeat(1 << 20)}`, 'text');
    const many = mail(Array.from({ length: 20_000 }, (_, n) => `X-${n}: ${'y'.repeat(50)}`).join('\r\n'), 'text');
    assert.equal(await code(one), 'mailbox.header_too_large');
    assert.equal(await code(many), 'mailbox.header_too_large');
  });
  it('of fifty megabytes are not read, and their beginning, which the mailbox keeps of them, says how much there was', async () => {
    const large = mail('Content-Type: text/plain', '大件投诉\r\n');
    const whole = Buffer.concat([large, Buffer.alloc(50 * 1024 * 1024, 'A\r\n')]);
    assert.equal(await code(whole), 'mailbox.too_large');
    const head = { uid: 1, size: whole.length, receivedAt };
    const kept = originalOf(whole.subarray(0, 2 * 1024 * 1024), head, { folder: 'INBOX', validity: '1' });
    const found = await adapter.parse(kept, settings);
    assert.match(found.kind === 'appeal' ? found.content : '', /原邮件共 50 MB/);
  });
  it('of ten million empty lines are given up before they are split', async () => {
    assert.equal(await code(mail('Content-Type: text/plain', '\n'.repeat(10_000_000))), 'mailbox.too_many_lines');
  });
  it('that break off anywhere, and ones of chance bytes, are a letter, no letter or unreadable, and no defect', async () => {
    for (const file of readdirSync(MAILS).filter(name => name.endsWith('.eml'))) {
      const whole = readFileSync(new URL(file, MAILS));
      for (let end = 0; end < whole.length; end += 37) await read(whole.subarray(0, end));
      // The same bytes with one in nine replaced, by the same rule each time.
      await read(whole.map((byte, at) => (at % 9 === 4 ? (byte * 31 + at) & 0xff : byte)));
    }
  });
});
