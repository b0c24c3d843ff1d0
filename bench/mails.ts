// Made-up appeals as mails of the kinds that a city's mailbox gets: plain, HTML, GBK, answered above a quotation, with a photo.
import iconv from 'iconv-lite';
import { seeded } from './random.ts';
import type { BenchText } from './texts.ts';

const PHOTO_BYTES = 30_000;

/** Mail `index`; the same text and index give the same bytes. */
export function mailOf(text: BenchText, index: number): Buffer {
  return Buffer.concat([Buffer.from(headers(text, index)), body(text, index)]);
}

function word(text: string): string {
  return `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;
}

function headers({ title, name, phone }: BenchText, index: number): string {
  const date = new Date(Date.UTC(2026, 10, 1) + index * 61_000);
  return [
    'Return-Path: <sender@example.cn>',
    `Received: from mx${index % 4}.example.cn (mx.example.cn [192.0.2.${index % 250}]) by mail.example.cn with ESMTPS id ${index.toString(36)}; ${date.toUTCString().replace('GMT', '+0000')}`,
    `From: ${word(name)} <c${phone}@example.cn>`,
    `To: ${word('省长信箱')} <szxx@example.cn>`,
    // A subject longer than a line is folded, as mail programs do it.
    `Subject: ${[...title.matchAll(/.{1,16}/gu)].map(([part]) => word(part)).join('\r\n ')}`,
    `Message-ID: <${index.toString(36)}.${phone}@example.cn>`,
    `Date: ${date.toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    '',
  ].join('\r\n');
}

function body(text: BenchText, index: number): Buffer {
  const letter = `${text.content}\n\n${text.name}\n电话:${text.phone}`;
  switch (index % 10) {
    case 5:
    case 6:
      return Buffer.from(alternative(letter, index));
    case 7:
      return part('text/plain; charset=GBK', iconv.encode(letter, 'gbk'));
    case 8:
      return withPhoto(letter, index);
    case 9:
      return part('text/plain; charset=utf-8', Buffer.from(`${letter}\n\n${quotation(text)}`));
    default:
      return part('text/plain; charset=utf-8', Buffer.from(letter));
  }
}

function lines(bytes: Uint8Array): string {
  return (
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');
}

function part(type: string, bytes: Uint8Array, more = ''): Buffer {
  return Buffer.from(`Content-Type: ${type}\r\n${more}Content-Transfer-Encoding: base64\r\n\r\n${lines(bytes)}\r\n`);
}

function alternative(letter: string, index: number): string {
  const border = `=_alt_${index.toString(36)}`;
  const html = `<html><body>${letter
    .split('\n')
    .map(line => `<div style="font-family:宋体">${line}</div>`)
    .join('')}</body></html>`;
  const parts = [
    part('text/plain; charset=utf-8', Buffer.from(letter)),
    part('text/html; charset=utf-8', Buffer.from(html)),
  ];
  return joined('multipart/alternative', border, parts);
}

function joined(type: string, border: string, parts: readonly Buffer[]): string {
  const inner = parts.map(each => `--${border}\r\n${each.toString('latin1')}`).join('');
  return `Content-Type: ${type}; boundary="${border}"\r\n\r\n${inner}--${border}--\r\n`;
}

function withPhoto(letter: string, index: number): Buffer {
  const random = seeded(index);
  const photo = Buffer.from(Array.from({ length: PHOTO_BYTES }, () => random.below(256)));
  const file = part('image/jpeg; name="photo.jpg"', photo, 'Content-Disposition: attachment; filename="photo.jpg"\r\n');
  const text = part('text/plain; charset=utf-8', Buffer.from(letter));
  return Buffer.from(joined('multipart/mixed', `=_mix_${index.toString(36)}`, [text, file]), 'latin1');
}

function quotation({ title }: BenchText): string {
  return `------------------ 原始邮件 ------------------\n发件人: "省长信箱" <szxx@example.cn>\n主题: 回复:${title}\n\n您的来信收悉,请补充具体地址。`;
}
