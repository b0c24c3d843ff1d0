// What the schema cannot say of attachments: allowed addresses, and files that match what was signed.
import type { FilePart } from '../contract.ts';
import { isPublicAddress } from '../kit/address.ts';
import { type Bilingual, both, type FieldError } from '../kit/problem.ts';
import type { AppAttachment } from './body.ts';
import type { AppSettings } from './settings.ts';

/** Faults of the addresses among the attachments. */
export function checkUrls(attachments: readonly AppAttachment[], settings: AppSettings): FieldError[] {
  return attachments.flatMap(({ url }, index) => {
    const words = url === undefined ? null : urlFault(url, settings);
    return words === null ? [] : [error(`/data/attachments/${index}/url`, 'url-refused', words)];
  });
}

function urlFault(text: string, settings: AppSettings): Bilingual | null {
  if (!settings.allowUrlAttachments)
    return { zh: '本渠道不接受网址附件', en: 'this channel takes no attachments by URL' };
  const url = URL.parse(text);
  if (url === null) return { zh: '不是可用的网址', en: 'is not a usable URL' };
  if (url.username !== '' || url.password !== '')
    return { zh: '网址不得带用户名或密码', en: 'must not carry credentials' };
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (settings.attachmentHosts.length > 0) {
    return settings.attachmentHosts.includes(host)
      ? null
      : { zh: '该主机不在允许之列', en: 'the host is not on the list' };
  }
  const literal = /^[\d.]+$/.test(host) || host.includes(':');
  return literal && !isPublicAddress(host)
    ? { zh: '只下载公网地址', en: 'only public addresses are downloaded' }
    : null;
}

export type Matched =
  | { readonly ok: true; readonly files: readonly FilePart[] }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/**
 * Pairs the files of a multipart body with the attachments that name them by SHA-256. Name and media type are taken from
 * the signed part, never from the headers of the file's own part, which nobody signed.
 */
export function matchFiles(attachments: readonly AppAttachment[], files: readonly FilePart[]): Matched {
  const received = new Map(files.map(file => [file.sha256, file]));
  const errors: FieldError[] = [];
  const matched = new Map<string, FilePart>();
  attachments.forEach((attachment, index) => {
    if (attachment.sha256 === undefined) return;
    const sha256 = attachment.sha256.toLowerCase();
    const file = received.get(sha256);
    const here = `/data/attachments/${index}`;
    if (file === undefined) {
      errors.push(
        error(`${here}/sha256`, 'file-missing', { zh: '请求中没有这个摘要的文件', en: 'no file of this digest came' }),
      );
    } else if (attachment.size !== undefined && attachment.size !== file.bytes.byteLength) {
      errors.push(
        error(`${here}/size`, 'size-differs', { zh: '与文件的字节数不符', en: "differs from the file's size" }),
      );
    } else {
      matched.set(sha256, { ...file, name: attachment.name, mediaType: attachment.mediaType ?? file.mediaType });
    }
  });
  const named = new Set(attachments.map(attachment => attachment.sha256?.toLowerCase()));
  files.forEach((file, index) => {
    if (named.has(file.sha256)) return;
    const words = { zh: `第 ${index + 1} 个文件未在附件中列出`, en: `file ${index + 1} is not named by its digest` };
    errors.push(error('/data/attachments', 'file-not-named', words));
  });
  return errors.length > 0 ? { ok: false, errors } : { ok: true, files: [...matched.values()] };
}

function error(pointer: string, code: string, words: Bilingual): FieldError {
  return { pointer, code, detail: both(words) };
}
