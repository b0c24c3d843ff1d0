// Bytes that no platform means to send: a list of old acquaintances, and any number of random ones.
import fc from 'fast-check';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export const GARBAGE: readonly Uint8Array[] = [
  new Uint8Array(),
  Uint8Array.of(0),
  Uint8Array.of(0xef, 0xbb, 0xbf),
  Uint8Array.of(0xff, 0xfe, 0x7b, 0x00),
  // 路灯 in GBK
  Uint8Array.of(0x7b, 0x22, 0xc2, 0xb7, 0xb5, 0xc6, 0x22, 0x7d),
  text('{'),
  text('{}'),
  text('[]'),
  text('null'),
  text('"text"'),
  text('1e999'),
  text('{"a":1}{"b":2}'),
  text('{"__proto__":{"admin":true}}'),
  text('{"constructor":{"prototype":{"admin":true}}}'),
  text('{"content":"\\ud800"}'),
  text('['.repeat(100_000)),
  text('{"a":'.repeat(20_000)),
  text('"'.padEnd(200_000, '\\')),
  text('<xml><MsgType>text</MsgType>'),
  text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'),
  text('a=1&b=2'),
  text(`=?utf-8?B?${'='.repeat(1000)}?=`),
];

/** Random bytes, and random text that looks like JSON. */
export const garbage: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 2_000 }),
  fc.json({ maxDepth: 6 }).map(text),
  fc.string({ unit: 'binary', maxLength: 500 }).map(text),
);
