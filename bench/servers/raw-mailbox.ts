// The yardstick of bench:mailbox: imapflow and mailparser alone, one mail after the other, nothing kept.
import { ImapFlow } from 'imapflow';
import { simpleParser } from 'mailparser';

/** What the parent asks for, and is told. */
export interface RawTask {
  readonly port: number;
  readonly user: string;
  readonly password: string;
}
export interface RawResult {
  readonly mails: number;
  readonly ms: number;
}

async function readAll({ port, user, password }: RawTask): Promise<RawResult> {
  const began = performance.now();
  const client = new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: false,
    auth: { user, pass: password },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen('INBOX');
  let mails = 0;
  for await (const { source } of client.fetch('1:*', { uid: true, source: true })) {
    if (source === undefined) throw new Error('a mail without bytes');
    const parsed = await simpleParser(source);
    if (parsed.from !== undefined) mails++;
  }
  const ms = performance.now() - began;
  await client.logout();
  return { mails, ms };
}

process.on('message', (task: RawTask) => {
  readAll(task).then(
    result => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
