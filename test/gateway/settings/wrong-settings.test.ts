// What only an adapter finds wrong in its settings is told in the language of the reader, with the form that is wanted.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type Joi from 'joi';
import { settings as app } from '../../../adapters/app/settings.ts';
import { settings as exchange } from '../../../adapters/exchange/settings.ts';
import { settings as mailbox } from '../../../adapters/mailbox/settings.ts';
import { ConfigError } from '../../../config/errors.ts';
import { checkSettings } from '../../../gateway/channels/channel-settings.ts';
import { localeFile } from '../../../gateway/locale.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const ACCOUNT = { host: 'imap.163.com', user: 'mayor@163.com', password: 'x' };
/** By the adapter's own code: a schema, settings that it refuses, and what the words have to name in both languages. */
const WRONG: Readonly<Record<string, readonly [schema: Joi.ObjectSchema, settings: object, named: RegExp]>> = {
  'app.secret_form': [app, { secrets: ['secret'] }, /whsec_/],
  'app.source_form': [app, { secrets: [SECRET], sources: ['nowhere'] }, /203\.0\.113\.0\/24/],
  'mailbox.host_form': [mailbox, { ...ACCOUNT, host: 'https://imap.163.com' }, /imap\.163\.com/],
  'mailbox.since_form': [mailbox, { ...ACCOUNT, since: 'yesterday' }, /connected.*2026-11-01/],
  'mailbox.unencrypted': [mailbox, { ...ACCOUNT, tls: 'none' }, /starttls.*allowUnencrypted/],
  'exchange.folder_form': [exchange, { folder: 'letters' }, /\/srv\/huisu\//],
};

function problemOf(settings: Joi.ObjectSchema, written: object) {
  try {
    checkSettings({ settings }, written, [], () => ({ file: 'channels/x.yaml', line: 1, column: 1 }));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems[0];
    throw error;
  }
  throw new Error('it was taken');
}

describe('settings that only their adapter can check', () => {
  for (const [code, [schema, written, named]] of Object.entries(WRONG)) {
    it(`are told in Chinese and in English: ${code}`, () => {
      const { zh, en } = problemOf(schema, written);
      assert.match(zh, /\p{Script=Han}/u);
      assert.doesNotMatch(en, /\p{Script=Han}/u);
      for (const words of [zh, en]) assert.match(words, named);
      assert.ok(!`${zh}${en}`.includes(code), 'a person reads words, not the code');
    });
  }

  it('have words for every code that an adapter of ours gives, and for no other', () => {
    const folder = new URL('../../../adapters/', import.meta.url);
    const given = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('settings.ts'))
      .flatMap(name => [...readFileSync(new URL(name, folder), 'utf8').matchAll(/helpers\.error\('([^']+)'/g)])
      .map(match => match[1]);
    const group = localeFile('en.yaml')['setting'] as Readonly<Record<string, object>>;
    const worded = Object.entries(group).flatMap(([kind, codes]) => Object.keys(codes).map(code => `${kind}.${code}`));
    assert.deepEqual(given.sort(), worded.sort());
    assert.deepEqual(Object.keys(WRONG).sort(), worded.sort());
  });
});
