// Tries out a case system: one made-up, clearly marked entry of each kind, and what came of it, in words.
import { CASE_ENTRY_KINDS, type CaseEntryKind, type CaseSystemSettings } from '../../config/case-system.ts';
import { type Failure, maskedWords, type Verdict } from './answer.ts';
import { createCaseSystem } from './case-system.ts';
import { CAUSES } from './causes.ts';
import { exampleBodies } from './examples.ts';

/** What came of one made-up entry. */
export interface TryResult {
  readonly kind: CaseEntryKind | 'repeated' | 'look-up';
  readonly verdict: Verdict['kind'] | 'not-sent' | 'found' | 'not-found' | 'unclear';
  readonly ok: boolean;
  readonly status: number | null;
  readonly milliseconds: number;
  readonly caseNumber: string | null;
  readonly code: string | null;
  /** Their words, masked. */
  readonly answer: string | null;
  readonly adviceZh: string;
  readonly adviceEn: string;
}

export interface TryReport {
  readonly target: string;
  readonly ok: boolean;
  /** Numbers of the made-up tickets, so that they can be found and removed over there. */
  readonly numbers: readonly string[];
  readonly results: readonly TryResult[];
}

/** Stands before title and content of everything that is sent. */
export const TRY_MARK = '【联调测试，请勿办理 / TEST, please ignore】';

/**
 * Sends one entry of each kind, the first of them twice (the second must give the same case number), and asks about it where
 * a look-up is configured. Nothing of it touches the store.
 * @param numbers two fresh ticket numbers
 */
export async function tryCaseSystem(
  settings: CaseSystemSettings,
  numbers: readonly [string, string],
  now: number,
): Promise<TryReport> {
  const target = createCaseSystem({ settings, concurrency: 1 });
  const bodyOf = (kind: CaseEntryKind, caseNumber: string | null) =>
    exampleBodies({
      number: numbers[0],
      followUp: numbers[1],
      at: now,
      mark: TRY_MARK,
      forwardIdentity: settings.forwardIdentity,
      caseNumber,
    })[kind];
  const results: TryResult[] = [];
  let caseNumber: string | null = null;
  try {
    for (const kind of CASE_ENTRY_KINDS) {
      const body = bodyOf(kind, caseNumber);
      const [verdict, ms] = await timed(() => target.send(body));
      results.push(target.takes(kind) ? ofVerdict(kind, verdict, ms) : notSent(kind));
      if (kind !== 'ticket.created' || verdict.kind !== 'delivered') continue;
      caseNumber = verdict.caseNumber;
      const [second, secondMs] = await timed(() => target.send(body));
      results.push(ofRepeat(caseNumber, second, secondMs));
      const [found, foundMs] = await timed(() => target.lookUp(body));
      if (found !== null) results.push(ofLookUp(found, foundMs));
    }
  } finally {
    await target.close();
  }
  return { target: target.target, ok: results.every(result => result.ok), numbers, results };
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const from = performance.now();
  const result = await work();
  return [result, Math.round(performance.now() - from)];
}

function ofVerdict(kind: TryResult['kind'], verdict: Verdict, milliseconds: number): TryResult {
  if (verdict.kind !== 'delivered') return { ...ofFailure(verdict, milliseconds), kind, verdict: verdict.kind };
  return {
    kind,
    verdict: 'delivered',
    ok: true,
    status: verdict.status,
    milliseconds,
    caseNumber: verdict.caseNumber === null ? null : maskedCase(verdict.caseNumber),
    code: null,
    answer: null,
    adviceZh: '正常。',
    adviceEn: 'As it should be.',
  };
}

/** A case number is no secret, but what stands there may be anything. */
function maskedCase(text: string): string {
  return /^[\w./-]{1,64}$/.test(text) ? text : maskedWords(text);
}

function ofFailure(failure: Failure, milliseconds: number): Omit<TryResult, 'kind' | 'verdict'> {
  const cause = CAUSES[failure.code];
  return {
    ok: false,
    status: failure.status,
    milliseconds,
    caseNumber: null,
    code: failure.code,
    answer: failure.detail === null ? null : maskedWords(failure.detail),
    adviceZh: `${cause.zh}。${cause.adviceZh}`,
    adviceEn: `${capital(cause.en)}. ${cause.adviceEn}`,
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function notSent(kind: CaseEntryKind): TryResult {
  return {
    kind,
    verdict: 'not-sent',
    ok: true,
    status: null,
    milliseconds: 0,
    caseNumber: null,
    code: null,
    answer: null,
    adviceZh: `配置为不发送此类（caseSystem.paths."${kind}" 为 null）。`,
    adviceEn: `Not sent by configuration (caseSystem.paths."${kind}" is null).`,
  };
}

/** The same entry again must change nothing over there. */
function ofRepeat(first: string | null, second: Verdict, milliseconds: number): TryResult {
  const result = ofVerdict('repeated', second, milliseconds);
  if (second.kind !== 'delivered') {
    return {
      ...result,
      adviceZh: `同一幂等键重发未被当作成功：${result.adviceZh}若这是“已存在”的应答，请填入 caseSystem.success.alreadyValues。`,
      adviceEn: `The same key again was no success: ${result.adviceEn} If it means "already there", put its value into caseSystem.success.alreadyValues.`,
    };
  }
  if (first === second.caseNumber && first !== null) {
    return {
      ...result,
      adviceZh: '幂等有效：同一键得到同一案件编号。',
      adviceEn: 'Idempotent: the same key gave the same case number.',
    };
  }
  if (first === null) {
    return {
      ...result,
      adviceZh: '对方不返回案件编号，无法判断是否幂等，请人工核对是否只建了一件。',
      adviceEn: 'No case number is given, so idempotency cannot be told; check that only one case was made.',
    };
  }
  return {
    ...result,
    ok: false,
    adviceZh: '未实现幂等：同一键建了两个案件。请对方按 Idempotency-Key 去重，或配置 caseSystem.lookUp。',
    adviceEn:
      'Not idempotent: one key made two cases. Have them honour Idempotency-Key, or configure caseSystem.lookUp.',
  };
}

function ofLookUp(
  found: NonNullable<Awaited<ReturnType<ReturnType<typeof createCaseSystem>['lookUp']>>>,
  milliseconds: number,
): TryResult {
  if (found.kind === 'unclear') return { ...ofFailure(found, milliseconds), kind: 'look-up', verdict: 'unclear' };
  const ok = found.kind === 'found';
  return {
    kind: 'look-up',
    verdict: found.kind,
    ok,
    status: null,
    milliseconds,
    caseNumber: ok && found.caseNumber !== null ? maskedCase(found.caseNumber) : null,
    code: null,
    answer: null,
    adviceZh: ok ? '反查有效。' : '刚发送的工单反查不到，请核对 caseSystem.lookUp。',
    adviceEn: ok ? 'The look-up works.' : 'What was just sent is not found; check caseSystem.lookUp.',
  };
}
