// Signed requests of one partner: checked in full, made durable, and only then answered.
import {
  type Acceptance,
  type AdapterContext,
  BodyTooLarge,
  type FilePart,
  type Original,
  Unauthentic,
  type WebhookAnswer,
  type WebhookRequest,
} from '../contract.ts';
import { addressList } from '../kit/address.ts';
import { JsonProblem, readJson } from '../kit/json.ts';
import { MultipartProblem, readMultipart } from '../kit/multipart.ts';
import { quickCheck } from '../kit/quick-check.ts';
import { rateLimit } from '../kit/rate.ts';
import { checkBody } from '../kit/schema.ts';
import { secretKey, verifyWebhook } from '../kit/signature.ts';
import { acceptedAnswer, progressAnswer, validAnswer } from './answers.ts';
import { checkUrls, matchFiles } from './attachments.ts';
import { type AppBody, bodySchema, type QueryBody, querySchema } from './body.ts';
import { parse } from './parse.ts';
import { waitSeconds, within } from './prefer.ts';
import { type ProblemCode, type ProblemExtras, refuse, refuseJson, refuseMultipart } from './problems.ts';
import { sender } from './sender.ts';
import type { AppSettings } from './settings.ts';

/** Bytes of a JSON body, inline attachments included, and of the files of a multipart body. */
const LIMITS = {
  json: 256 * 1024,
  multipart: { firstPart: 256 * 1024, file: 20 * 1024 * 1024, allFiles: 50 * 1024 * 1024, files: 10 },
} as const;

/** Whoever reads a signed body on its way here must have read the same in it. */
const STRICT = { uniqueNames: true } as const;

const quickBody = quickCheck(bodySchema);

/** Ends the work on a request with an answer; thrown and caught in this file only. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly problem: ProblemCode;
  readonly extras: ProblemExtras;
  constructor(problem: ProblemCode, extras: ProblemExtras = {}) {
    super(problem);
    this.problem = problem;
    this.extras = extras;
  }
}

type Route = (context: AdapterContext<AppSettings>, gate: Gate, request: WebhookRequest) => Promise<WebhookAnswer>;

const ROUTES: ReadonlyMap<string, Route> = new Map([
  ['', takeAppeal],
  ['/validate', validateAppeal],
  ['/query', queryProgress],
]);

export function openWebhook(context: AdapterContext<AppSettings>): (request: WebhookRequest) => Promise<WebhookAnswer> {
  const { channel } = context;
  const gate = openGate(context);
  return async request => {
    const route = ROUTES.get(request.rest);
    if (route === undefined) return refuse(channel, 'not-found');
    if (request.method !== 'POST') return refuse(channel, 'method-not-allowed', { headers: { allow: 'POST' } });
    try {
      return await route(context, gate, request);
    } catch (error) {
      if (error instanceof Refusal) return refuse(channel, error.problem, error.extras);
      if (error instanceof JsonProblem) return refuseJson(channel, error);
      if (error instanceof MultipartProblem) return refuseMultipart(channel, error);
      // No "connection: close": a sender in the middle of its body would be cut off before it could read why.
      if (error instanceof BodyTooLarge) return refuse(channel, 'body-too-large');
      throw error;
    }
  };
}

/** Gives the `webhook-id` of a request that is authentic and within the rate; else throws. There is one code for
 *  all that is not authentic, since the answer carries it; the reason stands in the error's message, for our own log. */
type Gate = (request: WebhookRequest, body: Uint8Array) => string;

function openGate({ settings, log, now, channel }: AdapterContext<AppSettings>): Gate {
  const keys = settings.secrets.map(secretKey);
  const allowed = settings.sources.length === 0 ? null : addressList(settings.sources);
  const limit = rateLimit(settings);
  let olderKeySeen = false;
  return (request, body) => {
    if (allowed !== null && !allowed(request.remoteAddress))
      throw new Unauthentic('app.unauthentic', 'source_not_listed');
    const verdict = verifyWebhook({ headers: request.headers, body, keys, now: now() });
    if (!verdict.ok) throw new Unauthentic('app.unauthentic', verdict.fault);
    if (verdict.key > 0 && !olderKeySeen) {
      olderKeySeen = true;
      log.info('app.older_secret_in_use');
    }
    const wait = limit.take(channel);
    if (wait > 0) throw new Refusal('too-many-requests', { headers: { 'retry-after': String(wait) } });
    return verdict.id;
  };
}

async function takeAppeal(
  context: AdapterContext<AppSettings>,
  gate: Gate,
  request: WebhookRequest,
): Promise<WebhookAnswer> {
  const original = await receiveAppeal(context, gate, request);
  const [acceptance] = await context.accept([original]);
  if (acceptance === undefined) throw new TypeError('accept() answered fewer originals than it was given');
  if (acceptance.kind === 'id-reused') return refuse(context.channel, 'id-reused');
  const wait = waitSeconds(request.headers['prefer']);
  return wait === 0 ? acceptedAnswer(acceptance, null, 0) : answerOnceKnown(context, acceptance, wait);
}

async function answerOnceKnown(
  context: AdapterContext<AppSettings>,
  acceptance: Exclude<Acceptance, { kind: 'id-reused' }>,
  wait: number,
): Promise<WebhookAnswer> {
  const outcome = await within(wait, context.signal, signal => acceptance.outcome(signal));
  return acceptedAnswer(acceptance, outcome, wait);
}

async function validateAppeal(
  context: AdapterContext<AppSettings>,
  gate: Gate,
  request: WebhookRequest,
): Promise<WebhookAnswer> {
  const original = await receiveAppeal(context, gate, request);
  return validAnswer(parse(original, context.settings));
}

async function queryProgress(
  context: AdapterContext<AppSettings>,
  gate: Gate,
  request: WebhookRequest,
): Promise<WebhookAnswer> {
  requirePlain(request);
  const bytes = await request.body(LIMITS.json);
  gate(request, bytes);
  requireJson(mediaType(request));
  const checked = checkBody<QueryBody>(querySchema, readJson(bytes, STRICT));
  if (!checked.ok) throw new Refusal('invalid', { errors: checked.errors });
  const progress = await context.progress(checked.value.number);
  return progress === null ? refuse(context.channel, 'not-found') : progressAnswer(progress);
}

/** The body is read whole before anything else is asked: in one step from there on. */
async function receiveAppeal(
  context: AdapterContext<AppSettings>,
  gate: Gate,
  request: WebhookRequest,
): Promise<Original> {
  requirePlain(request);
  const type = mediaType(request);
  if (type.name === 'multipart/form-data') return receiveMultipart(context, gate, request);
  const bytes = await request.body(LIMITS.json);
  const id = gate(request, bytes);
  requireJson(type);
  return received(id, bytes, checkAppeal(bytes, context.settings), []);
}

/** The signature is of the first part alone; a file is not taken from the wire before it has been found right. */
async function receiveMultipart(
  context: AdapterContext<AppSettings>,
  gate: Gate,
  request: WebhookRequest,
): Promise<Original> {
  let first: { id: string; bytes: Uint8Array; body: AppBody } | null = null;
  const files = await readMultipart(
    request.stream,
    request.headers['content-type'] ?? '',
    LIMITS.multipart,
    async part => {
      const id = gate(request, part.bytes);
      first = { id, bytes: part.bytes, body: checkAppeal(part.bytes, context.settings) };
    },
  );
  const { id, bytes, body } = first ?? unreachable();
  return received(id, bytes, body, files);
}

function unreachable(): never {
  throw new TypeError('a multipart body was read without its first part');
}

function checkAppeal(bytes: Uint8Array, settings: AppSettings): AppBody {
  const checked = checkBody<AppBody>(bodySchema, readJson(bytes, STRICT), quickBody);
  if (!checked.ok) throw new Refusal('invalid', { errors: checked.errors });
  const attachments = checked.value.data.attachments;
  const errors = attachments === undefined ? [] : checkUrls(attachments, settings);
  if (errors.length > 0) throw new Refusal('invalid', { errors });
  return checked.value;
}

function received(id: string, bytes: Uint8Array, { data }: AppBody, parts: readonly FilePart[]): Original {
  const original: Original = {
    platformId: id,
    sender: sender(data),
    body: bytes,
    mediaType: 'application/json',
    meta: {},
  };
  if (data.attachments === undefined && parts.length === 0) return original;
  const matched = matchFiles(data.attachments ?? [], parts);
  if (!matched.ok) throw new Refusal('invalid', { errors: matched.errors });
  return matched.files.length === 0 ? original : { ...original, files: matched.files };
}

interface MediaType {
  readonly name: string;
  readonly charset: string;
}

const JSON_TYPE: MediaType = { name: 'application/json', charset: 'utf-8' };

/** A compressed body would be told to be "not UTF-8", which leads nobody to the cause. */
function requirePlain({ headers }: WebhookRequest): void {
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new Refusal('unsupported-media-type', { detail: COMPRESSED });
}

const COMPRESSED = {
  zh: '请求体不得压缩(不带 Content-Encoding),并对所发的字节签名。',
  en: 'Send the body uncompressed, without Content-Encoding, and sign the bytes you send.',
};

function requireJson({ name, charset }: MediaType): void {
  if (name !== 'application/json') throw new Refusal('unsupported-media-type');
  if (charset !== 'utf-8' && charset !== 'utf8') throw new Refusal('not-utf8');
}

/** A sender that names no type means JSON; one that names another charset has not read that it must be UTF-8. */
function mediaType(request: WebhookRequest): MediaType {
  const given = request.headers['content-type'];
  if (given === undefined || given === JSON_TYPE.name) return JSON_TYPE;
  const header = given.toLowerCase();
  const end = header.indexOf(';');
  if (end === -1) return { name: header.trim(), charset: 'utf-8' };
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/.exec(header)?.[1] ?? 'utf-8';
  return { name: header.slice(0, end).trim(), charset };
}
