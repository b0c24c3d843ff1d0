// 解析线程: runs adapters' parse and the normaliser on strangers' bytes. Holds no keys, writes nothing, may be killed at any time.
import { parentPort, workerData } from 'node:worker_threads';
import type { AdapterDefinition, InboundAppeal, Original } from '../../adapters/contract.ts';
import { loadRegistry } from '../../adapters/registry.ts';
import { type Grams, gramRules } from '../../normalizer/grams.ts';
import { compileRulebook } from '../../normalizer/rulebook.ts';
import { decodeOriginal } from '../../store/original-codec.ts';
import type { ParserAnswer, ParserChannel, ParserItem, ParserJob, ParserStart, Reading } from './protocol.ts';
import { type DraftReading, draftJson, type ReadingRules, readMessage } from './read-message.ts';
import { yieldToIntake } from './yield-to-intake.ts';

const port = parentPort;
if (port === null) throw new Error('parser.ts runs as a worker thread');
yieldToIntake();

/** Where `progress` says to stop. */
const STOP = 1;

const REHEARSALS = 40;
const NOTHING: Original = { platformId: '', sender: null, body: new Uint8Array(0), mediaType: '', meta: {} };
const MADE_UP: InboundAppeal = {
  kind: 'appeal',
  title: '路灯不亮',
  content: '您好，我是新华大街38号楼居民，楼前路灯三天不亮，晚上出行不便，请尽快派人维修，电话13800138000，谢谢！',
  contact: { name: '王某', phone: '13800138000' },
  externalIds: {},
  attachments: [],
};

const start = workerData as ParserStart;
const progress = new Int32Array(start.progress);
const registry = await loadRegistry(start.adapters, start.baseFolder);
const rules: ReadingRules = {
  rulebook: compileRulebook(start.rulebook),
  grams: gramRules(start.idleCharacters, start.phrases),
};
const channels = new Map<string, ParserChannel>();

/** What stands for a channel that is gone, and for an adapter that must not be asked. */
const GONE: ParserChannel = { kind: 'unknown', settings: null };
const UNASKED: Pick<AdapterDefinition, 'parse'> = {
  parse: () => {
    throw new Error('this adapter was not to be asked');
  },
};

async function readItem(item: ParserItem, bytes: Uint8Array): Promise<DraftReading> {
  const channel = channels.get(item.channel);
  if (channel === undefined && item.byHand?.unasked !== true)
    return { reading: { kind: 'unreadable', reason: 'reading.unknown_channel' } };
  const { kind, settings } = channel ?? GONE;
  const definition = item.byHand?.unasked === true ? UNASKED : await registry.get(kind);
  const originals = item.spans.map(([from, to]) => decodeOriginal(bytes.subarray(from, to)));
  const { receivedAt, gathered, asAppeal, byHand } = item;
  const arrival = { channel: item.channel, kind, receivedAt, gathered, asAppeal, byHand };
  return readMessage(definition, settings, originals, arrival, rules);
}

async function run(job: ParserJob): Promise<ParserAnswer> {
  for (const [id, channel] of Object.entries(job.channels)) channels.set(id, channel);
  const bytes = new Uint8Array(job.bytes);
  const readings: Reading[] = [];
  const drafts: string[] = [];
  const grams: Grams[] = [];
  for (const [i, item] of job.items.entries()) {
    Atomics.store(progress, 0, i);
    const read = await readItem(item, bytes);
    readings.push(read.reading);
    if (read.draft !== undefined && read.source !== undefined && read.grams !== undefined) {
      drafts.push(draftJson(read.draft, read.source));
      grams.push(read.grams);
    }
    // It took longer than the others could wait for, and they are being read elsewhere.
    if (Atomics.load(progress, STOP) === 1) break;
  }
  return { id: job.id, readings: JSON.stringify(readings), ...encoded(drafts), ...joined(grams) };
}

function encoded(drafts: readonly string[]) {
  // A UTF-16 unit makes at most three bytes of UTF-8.
  const bytes = Buffer.allocUnsafeSlow(3 * drafts.reduce((sum, draft) => sum + draft.length, 0));
  let end = 0;
  const draftEnds = drafts.map(draft => {
    end += bytes.write(draft, end);
    return end;
  });
  return { drafts: bytes.subarray(0, end), draftEnds };
}

function joined(grams: readonly Grams[]) {
  const total = grams.reduce((sum, one) => sum + one.hashes.length, 0);
  const hashes = new Uint32Array(total);
  const counts = new Uint8Array(total);
  let at = 0;
  for (const one of grams) {
    hashes.set(one.hashes, at);
    counts.set(one.counts, at);
    at += one.hashes.length;
  }
  return { hashes, counts };
}

/** What a thread reads first takes it a hundred times as long as what follows. */
async function rehearse(kinds: readonly string[]): Promise<void> {
  for (const kind of kinds) await registry.get(kind);
  const arrival = { channel: '', kind: '', receivedAt: 0, gathered: false };
  for (let turn = 0; turn < REHEARSALS; turn++) {
    const { draft, source } = await readMessage({ parse: () => MADE_UP }, {}, [NOTHING], arrival, rules);
    if (draft !== undefined && source !== undefined) encoded([draftJson(draft, source)]);
  }
}

port.on('message', async (job: ParserJob) => {
  const answer = await run(job);
  Atomics.store(progress, 0, -1);
  const { hashes, counts, drafts } = answer;
  port.postMessage(answer, [hashes.buffer, counts.buffer, drafts.buffer] as ArrayBuffer[]);
});
if (start.rehearsal !== null) await rehearse(start.rehearsal);
port.postMessage('ready');
