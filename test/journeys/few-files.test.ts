// A process that may have few files open, and callers who open more connections than that and hold them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { partner } from '../platforms/app.ts';
import { openPlace, type Place, START } from './process.ts';

const FILES = 400;

describe('a process that may have few files open', function () {
  this.timeout(60_000);
  let place: Place;
  before(function () {
    // Elsewhere nobody says how many there may be.
    if (process.platform === 'linux') return;
    console.log('      skipped: only Linux says how many files a process may open');
    this.skip();
  });
  beforeEach(() => {
    place = openPlace();
  });
  afterEach(() => place.remove());

  it('lets in no more connections than leave the rest its files, says so, and takes in appeals when they are gone', async () => {
    const gateway = place.run(START, {}, FILES);
    const { url, firstChannel } = await gateway.started;
    assert.ok(firstChannel !== null);
    const sockets = Array.from({ length: 2 * FILES }, () => connect(Number(new URL(url).port), '127.0.0.1'));
    await Promise.all(sockets.map(socket => Promise.race([once(socket, 'connect'), once(socket, 'close')])));

    // Over the control socket, which needs files as well.
    const status = place.run(['status', '--json', '--config', 'huisu.yaml']);
    assert.equal(await status.ended, 0, status.stderr());
    const { findings } = JSON.parse(status.stdout()) as { findings: readonly { code: string; en: string }[] };
    const few = findings.find(({ code }) => code === 'http.few_files');
    assert.match(few?.en ?? '', /only 400 files open, so that 144 connections are let in/);
    // What could not be opened for want of files is neither gone nor another.
    assert.deepEqual(
      findings.map(({ code }) => code).filter(code => /^(keys|settings|restart)/.test(code)),
      [],
    );
    assert.doesNotMatch(gateway.stderr(), /EMFILE/);

    await Promise.all(sockets.map(socket => (socket.destroyed ? null : once(socket.destroy(), 'close'))));
    const sender = partner(firstChannel);
    const appeal = { type: 'appeal.created', timestamp: new Date().toISOString(), data: { content: '路灯不亮。' } };
    const answer = await sender.send(appeal);
    sender.close();
    assert.equal(answer.status, 202, answer.text);
  });
});
