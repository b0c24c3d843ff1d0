// The mails that bench:mailbox measures with are mails: each kind is read back as the letter it was made from.
import assert from 'node:assert/strict';
import { adapter } from '../../adapters/mailbox/index.ts';
import { senderOf } from '../../adapters/mailbox/mail.ts';
import { mailOf } from '../../bench/mails.ts';
import { recipeTexts } from '../../bench/texts.ts';
import { mailboxSettings } from '../adapters/mailbox-stage.ts';

describe('bench mails', () => {
  const { text } = recipeTexts(1);
  const settings = mailboxSettings({ host: '127.0.0.1', port: 143, user: 'szxx@example.cn', password: 'p' });

  it('of every kind are read as their text, by their sender, without what is quoted', async () => {
    for (let index = 0; index < 20; index++) {
      const made = text(index);
      const body = mailOf(made, index);
      const original = {
        platformId: String(index),
        sender: senderOf(body),
        body,
        mediaType: 'message/rfc822',
        meta: {},
      };
      const read = await adapter.parse(original, settings);
      assert.ok(read.kind === 'appeal', `mail ${index} is ${read.kind}`);
      assert.equal(read.title, made.title);
      assert.ok(read.content.replaceAll(/\s/g, '').startsWith(made.content.replaceAll(/\s/g, '')), read.content);
      assert.doesNotMatch(read.content, /原始邮件/);
      assert.equal(original.sender, `c${made.phone}@example.cn`);
      assert.equal(read.attachments.length, index % 10 === 8 ? 1 : 0);
    }
  });

  it('are the same bytes each time', () => {
    for (let index = 0; index < 10; index++) assert.deepEqual(mailOf(text(index), index), mailOf(text(index), index));
  });
});
