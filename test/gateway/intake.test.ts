// Intake on the real store: one number for one message, told to everybody who waits, nothing of it readable on the disk.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapter as app } from '../../adapters/app/index.ts';
import {
  type Acceptance,
  type AdapterDefinition,
  type FilePart,
  type Original,
  Unavailable,
} from '../../adapters/contract.ts';
import { contextOf } from '../../gateway/channels/channel-context.ts';
import type { KnownChannel } from '../../gateway/channels/known-channel.ts';
import { createPollProgress } from '../../gateway/channels/poll-progress.ts';
import { createIntake, type Intake } from '../../gateway/intake.ts';
import { createLog } from '../../gateway/telemetry/telemetry.ts';
import { StoreUnavailable } from '../../store/errors.ts';
import { createCipher, type FieldCipher } from '../../store/field-cipher.ts';
import { createDevelopmentKeys, macKey } from '../../store/key-ring.ts';
import { decodeOriginal } from '../../store/original-codec.ts';
import { openSqliteStore } from '../../store/sqlite/engine.ts';
import type { CommitRow, Store } from '../../store/store.ts';
import { openFile, openOriginal } from '../../store/ticket-seal.ts';
import { decision } from '../contracts/store-rows.ts';

type Accepted = Exclude<Acceptance, { kind: 'id-reused' }>;

interface Bench {
  readonly folder: string;
  readonly store: Store;
  readonly cipher: FieldCipher;
  readonly intake: Intake;
  readonly counted: string[];
  accept(
    originals: readonly Original[],
    options?: { weakIds?: boolean; cursor?: string },
  ): Promise<readonly Accepted[]>;
  blobs(): string[];
}

async function withIntake(
  run: (bench: Bench) => Promise<void>,
  { decorate, ...options }: { readonly maxBytes?: number; readonly decorate?: (store: Store) => Store } = {},
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'huisu-intake-'));
  const folder = join(root, 'data');
  const ring = createDevelopmentKeys(join(root, 'keys.json'));
  const cipher = createCipher(ring);
  const opened = await openSqliteStore({ folder, auditKey: macKey(ring, 'audit'), profile: 'intl', ...options });
  const store = decorate?.(opened) ?? opened;
  const counted: string[] = [];
  const intake = createIntake({
    store,
    cipher,
    now: Date.now,
    acknowledged: (channel, kind, delivery, count) => counted.push(`${channel} ${kind} ${delivery} ${count}`),
  });
  const bench: Bench = {
    folder,
    store,
    cipher,
    intake,
    counted,
    async accept(originals, { weakIds = false, cursor } = {}) {
      const definition = { kind: 'app', capabilities: { ...CAPABILITIES, weakIds } };
      const after = cursor === undefined ? {} : { cursor };
      return (await intake.accept('app-1', definition, originals, after)) as readonly Accepted[];
    },
    blobs: () => filesUnder(join(folder, 'blobs')),
  };
  try {
    await run(bench);
  } finally {
    await store.close();
    rmSync(root, { recursive: true, force: true });
  }
}

const CAPABILITIES = {
  validates: true,
  weakIds: false,
  receives: ['webhook'],
  replies: false,
  attachments: true,
  conversations: false,
} as const;

function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file =>
    statSync(join(folder, file)).isFile(),
  );
}

function original(platformId: string, body: string | Uint8Array = `body ${platformId}`, more: Partial<Original> = {}) {
  return { platformId, sender: '13800138000', body: Buffer.from(body), mediaType: 'text/plain', meta: {}, ...more };
}

function file(bytes: Uint8Array, name = 'photo.jpg'): FilePart {
  return { name, mediaType: 'image/jpeg', sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
}

async function keptOf({ store, cipher }: Bench, number: string) {
  const row = await store.messages.get(number);
  assert.ok(row);
  const sealed = row.sealed ?? (await store.blobs.get(row.blob as string));
  const key = cipher.openDataKey(row.wrappedContent);
  return { row, key, kept: decodeOriginal(openOriginal(cipher, key, number, sealed as Uint8Array)) };
}

async function decide({ store, intake }: Bench, number: string): Promise<void> {
  const outcome = { kind: 'not-an-appeal', reason: 'test' } as const;
  const row: CommitRow = { ...decision(number, outcome), number };
  assert.deepEqual(await store.decisions.commit([row], null), ['committed']);
  intake.decided([number], [outcome]);
}

const never = new AbortController().signal;

describe('intake', () => {
  it('lets a poll know what of it was new, so that paging over old messages is told from a backlog', () =>
    withIntake(async ({ intake, store, cipher }) => {
      let elapsed = 0;
      const progress = createPollProgress(() => elapsed);
      const known: KnownChannel = {
        ...{
          id: 'app-1',
          kind: 'app',
          definition: app as AdapterDefinition,
          settings: {},
          enabled: true,
          from: 'store',
          createdAt: 0,
        },
      };
      const parts = {
        intake,
        store,
        cipher,
        splitter: null as never,
        log: createLog({ level: 'silent' }),
        now: Date.now,
      };
      const context = contextOf(parts, known, new AbortController().signal, progress.moved);
      progress.begun();
      const page = [original('1'), original('2')];
      await context.accept(page);
      for (let hour = 0; hour < 3; hour++) {
        elapsed += 3_600_000;
        await context.accept(page);
      }
      assert.deepEqual(progress.state(), {
        seconds: 10_800,
        idleSeconds: 0,
        staleSeconds: 10_800,
        accepted: 2,
        known: 6,
      });
    }));

  it('gives the same message the same number and query code for ever', () =>
    withIntake(async bench => {
      const [first] = await bench.accept([original('a')]);
      const [again] = await bench.accept([original('a')]);
      assert.equal(first?.kind, 'fresh');
      assert.equal(again?.kind, 'redelivery');
      assert.match(first.number, /^\d{6}[0-9A-Z]{11}$/);
      assert.deepEqual([again.number, again.queryCode], [first.number, first.queryCode]);
      await decide(bench, first.number);
      const [late] = await bench.accept([original('a')]);
      assert.deepEqual([late?.number, late?.queryCode], [first.number, first.queryCode]);
      assert.deepEqual(bench.counted, ['app-1 app fresh 1', 'app-1 app redelivery 1', 'app-1 app redelivery 1']);
    }));

  it('tells a used id with another body and keeps nothing of it', () =>
    withIntake(async bench => {
      await bench.accept([original('a', 'one')]);
      const big = Buffer.alloc(400_000, 'x');
      const answers = await bench.accept([original('a', big), original('b')]);
      assert.deepEqual(
        answers.map(answer => answer.kind),
        ['id-reused', 'fresh'],
      );
      assert.equal((await bench.store.messages.counts()).total, 2);
      assert.deepEqual(bench.blobs(), []);
    }));

  it('takes another body under a used id as a new message where ids are weak', () =>
    withIntake(async bench => {
      const weak = { weakIds: true };
      const bodies = ['one', 'two', 'one', 'two', 'three'];
      const answers = [];
      for (const body of bodies) answers.push(...(await bench.accept([original('7', body)], weak)));
      assert.deepEqual(
        answers.map(answer => answer.kind),
        ['fresh', 'fresh', 'redelivery', 'redelivery', 'fresh'],
      );
      assert.equal(answers[2]?.number, answers[0]?.number);
      assert.equal(answers[3]?.number, answers[1]?.number);
      assert.equal(new Set(answers.map(answer => answer.number)).size, 3);
    }));

  it('gives a hundred copies in flight one number, with large bodies and files too', () =>
    withIntake(async bench => {
      for (const [id, body] of [
        ['small', 'a few words'],
        ['large', Buffer.alloc(300_000, 'x')],
      ] as const) {
        const message = original(id, body, { files: [file(Buffer.from(`file of ${id}`))] });
        const answers = (await Promise.all(Array.from({ length: 100 }, () => bench.accept([message])))).flat();
        assert.equal(new Set(answers.map(answer => `${answer.number} ${answer.queryCode}`)).size, 1);
        assert.equal(answers.filter(answer => answer.kind === 'fresh').length, 1);
      }
      const copies = await bench.accept(Array.from({ length: 10 }, () => original('in one batch')));
      assert.equal(new Set(copies.map(answer => answer.number)).size, 1);
      assert.equal((await bench.store.messages.counts()).total, 3);
      assert.equal(bench.blobs().length, 3, 'a file each, and the large original');
    }));

  it('keeps large bodies and files as sealed blobs and finds every byte again', () =>
    withIntake(async bench => {
      const body = randomBytes(1_000_000);
      const files = [file(randomBytes(10)), file(randomBytes(700_000), '现场 照片.jpg')];
      const [answer] = await bench.accept([original('a', body, { files, meta: { row: '7' } })]);
      const { row, key, kept } = await keptOf(bench, answer?.number ?? '');
      assert.equal(row.sealed, null);
      assert.deepEqual(Buffer.from(kept.body), body);
      assert.deepEqual(
        [kept.platformId, kept.sender, kept.mediaType, kept.meta],
        ['a', '13800138000', 'text/plain', { row: '7' }],
      );
      for (const [i, one] of kept.kept.entries()) {
        const sealed = (await bench.store.blobs.get(one.blob)) as Uint8Array;
        const { number } = row;
        assert.deepEqual(openFile(bench.cipher, key, { number, sha256: one.sha256, sealed }), files[i]?.bytes);
        assert.deepEqual([one.name, one.size], [files[i]?.name, files[i]?.bytes.length]);
      }
      assert.equal(bench.blobs().length, 3);
    }));

  it('keeps a body of 256 kB in its row and an empty one as it is', () =>
    withIntake(async bench => {
      const answers = await bench.accept([original('edge', Buffer.alloc(255_000, 'x')), original('empty', '')]);
      assert.deepEqual(bench.blobs(), []);
      assert.equal((await keptOf(bench, answers[0]?.number ?? '')).kept.body.length, 255_000);
      assert.equal((await keptOf(bench, answers[1]?.number ?? '')).kept.body.length, 0);
    }));

  it('moves the cursor together with the messages', () =>
    withIntake(async bench => {
      await bench.accept([original('a')], { cursor: 'uid 7' });
      assert.equal(await bench.store.admin.cursor('app-1'), 'uid 7');
      await bench.accept([], { cursor: 'uid 8' });
      assert.equal(await bench.store.admin.cursor('app-1'), 'uid 8');
    }));

  it('tells the outcome at once to all who wait', () =>
    withIntake(async bench => {
      const [answer] = await bench.accept([original('a')]);
      const waiting = [answer?.outcome(never), answer?.outcome(never)];
      await decide(bench, answer?.number ?? '');
      assert.deepEqual(await Promise.all(waiting), Array(2).fill({ kind: 'not-an-appeal', reason: 'test' }));
    }));

  it('tells the outcome of what was decided before', () =>
    withIntake(async bench => {
      const [answer] = await bench.accept([original('a')]);
      await decide(bench, answer?.number ?? '');
      assert.deepEqual(await answer?.outcome(never), { kind: 'not-an-appeal', reason: 'test' });
      const [again] = await bench.accept([original('a')]);
      assert.deepEqual(await again?.outcome(never), { kind: 'not-an-appeal', reason: 'test' });
    }));

  it('waits no longer than its caller', () =>
    withIntake(async bench => {
      const [answer] = await bench.accept([original('a')]);
      const stop = new AbortController();
      const waiting = answer?.outcome(stop.signal);
      stop.abort();
      assert.equal(await waiting, null);
      assert.equal(await answer?.outcome(AbortSignal.abort()), null);
      await decide(bench, answer?.number ?? '');
      assert.equal((await answer?.outcome(never))?.kind, 'not-an-appeal');
    }));

  it('takes nothing in while paused', () =>
    withIntake(async bench => {
      bench.intake.pause('intake.disk_low');
      await assert.rejects(bench.accept([original('a')]), { name: 'Unavailable', code: 'intake.disk_low' });
      assert.equal(bench.intake.paused, 'intake.disk_low');
      bench.intake.pause(null);
      assert.equal((await bench.accept([original('a')]))[0]?.kind, 'fresh');
      assert.deepEqual(bench.counted, ['app-1 app fresh 1']);
    }));

  it('acknowledges nothing that the store did not take, and leaves no blobs of nobody on a full disk', () =>
    withIntake(
      async bench => {
        const refused: unknown[] = [];
        let taken = 0;
        while (refused.length < 3 && taken < 500) {
          const files = [file(randomBytes(100))];
          const message = original(`m${taken + refused.length}`, randomBytes(20_000), { files });
          await bench.accept([message], { cursor: `c${taken}` }).then(
            () => taken++,
            error => refused.push(error),
          );
        }
        assert.equal(refused.length, 3);
        for (const error of refused)
          assert.ok(error instanceof Unavailable && error.code === 'intake.store_unavailable');
        assert.equal((await bench.store.messages.counts()).total, taken);
        assert.equal(bench.counted.length, taken);
        assert.equal(bench.blobs().length, taken);
        assert.equal(await bench.store.admin.cursor('app-1'), `c${taken - 1}`);
      },
      { maxBytes: 1_500_000 },
    ));

  it('acknowledges nothing whose files could not be written', () =>
    withIntake(async bench => {
      writeFileSync(join(bench.folder, 'blobs'), 'a file where the folder should be');
      const whole = original('a');
      const withFile = original('b', 'b', { files: [file(Buffer.from('bytes'))] });
      await assert.rejects(bench.accept([whole, withFile]), { name: 'Unavailable', code: 'intake.store_unavailable' });
      assert.equal((await bench.store.messages.counts()).total, 0);
      rmSync(join(bench.folder, 'blobs'));
      assert.deepEqual(
        (await bench.accept([whole, withFile])).map(answer => answer.kind),
        ['fresh', 'fresh'],
      );
    }));

  it('keeps the files of what was written although nobody could be told, for the platform sends it again', () => {
    let failing = true;
    const decorate = (store: Store): Store => ({
      ...store,
      messages: {
        ...store.messages,
        async accept(...call) {
          const answers = await store.messages.accept(...call);
          if (!failing) return answers;
          failing = false;
          throw new StoreUnavailable('store.mongo_unreachable', 'gone before it answered');
        },
      },
    });
    return withIntake(
      async bench => {
        const large = original('a', Buffer.alloc(300_000, 'x'), { files: [file(Buffer.from('bytes'))] });
        await assert.rejects(bench.accept([large]), { name: 'Unavailable' });
        const [again] = await bench.accept([large]);
        assert.equal(again?.kind, 'redelivery');
        const { kept } = await keptOf(bench, again.number);
        assert.equal(kept.body.length, 300_000);
        assert.notEqual(await bench.store.blobs.get(kept.kept[0]?.blob ?? ''), null);
      },
      { decorate },
    );
  });

  it('leaves no blob of nobody where one of several files could not be written, and another was still being', () => {
    const written = Promise.withResolvers<void>();
    let puts = 0;
    const decorate = (store: Store): Store => ({
      ...store,
      blobs: {
        ...store.blobs,
        async put(name, bytes) {
          if (puts++ === 0) throw new StoreUnavailable('store.blob_failed', 'of the first one');
          await new Promise(setImmediate);
          await store.blobs.put(name, bytes);
          written.resolve();
        },
      },
    });
    return withIntake(
      async bench => {
        const messages = ['a', 'b'].map(id => original(id, id, { files: [file(Buffer.from(`file of ${id}`))] }));
        await assert.rejects(bench.accept(messages), { name: 'Unavailable' });
        await written.promise;
        assert.deepEqual(bench.blobs(), []);
      },
      { decorate },
    );
  });

  it('says so when the store is closed', () =>
    withIntake(async bench => {
      await bench.store.close();
      await assert.rejects(bench.accept([original('a')]), { name: 'Unavailable', code: 'intake.store_unavailable' });
    }));

  it('leaves nothing of body, sender, id, meta or file names readable on the disk', () =>
    withIntake(async bench => {
      const secrets = [
        '欧阳某某投诉幸福路噪声扰民',
        '13912345678',
        'platform-id-4711',
        '身份证照片.jpg',
        'row-of-the-sheet',
      ];
      const [content, phone, platformId, name, meta] = secrets as [string, string, string, string, string];
      const small = original(platformId, content, { sender: phone, meta: { row: meta } });
      const files = [file(Buffer.from(`${content}${phone}`.repeat(50)), name)];
      const large = original(`${platformId}-2`, content.repeat(20_000), { sender: phone, files });
      await bench.accept([small, large]);
      const forms = secrets.flatMap(text => [
        Buffer.from(text),
        Buffer.from(text, 'utf16le'),
        ...base64Forms(text),
        Buffer.from(Buffer.from(text).toString('hex')),
      ]);
      const names = filesUnder(bench.folder);
      assert.ok(names.some(one => one.endsWith('.db-wal')) && names.some(one => one.endsWith('.db')));
      for (const one of names) {
        const bytes = readFileSync(join(bench.folder, one));
        for (const form of forms) assert.equal(bytes.indexOf(form), -1, `${form} in ${one}`);
      }
    }));
});

/** What a text looks like inside base64, at each of the three alignments. */
function base64Forms(text: string): Buffer[] {
  return [0, 1, 2].map(pad => {
    const encoded = Buffer.concat([Buffer.alloc(pad), Buffer.from(text)]).toString('base64');
    return Buffer.from(encoded.slice(pad === 0 ? 0 : pad + 1, -4));
  });
}
