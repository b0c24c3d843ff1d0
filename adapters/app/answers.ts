// Bodies of the good answers: what a partner learns, and nothing that changes between two deliveries of one message.
import type { Acceptance, InboundMessage, Outcome, Progress, WebhookAnswer } from '../contract.ts';

type Accepted = Exclude<Acceptance, { kind: 'id-reused' }>;

const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' } as const;

/** 202 with the number; 200 once the outcome is known. Fresh and redelivered look the same to the byte. */
export function acceptedAnswer(
  { number, queryCode }: Accepted,
  outcome: Outcome | null,
  waited: number,
): WebhookAnswer {
  const headers = waited === 0 ? JSON_HEADERS : { ...JSON_HEADERS, 'preference-applied': `wait=${waited}` };
  if (outcome === null)
    return { status: 202, headers, body: JSON.stringify({ number, queryCode, status: 'accepted' }) };
  return { status: 200, headers, body: JSON.stringify({ number, queryCode, status: 'read', outcome }) };
}

/** What would be read; the bytes of inline files are left out, the sender has them. */
export function validAnswer(message: InboundMessage): WebhookAnswer {
  const shown =
    message.kind === 'appeal'
      ? {
          ...message,
          attachments: message.attachments.map(({ source, ...rest }) => ({ ...rest, source: source.kind })),
        }
      : message;
  return { status: 200, headers: JSON_HEADERS, body: JSON.stringify({ status: 'valid', message: shown }) };
}

export function progressAnswer(progress: Progress): WebhookAnswer {
  const { number, receivedAt, outcome, ticket } = progress;
  const body = {
    number,
    receivedAt: time(receivedAt),
    outcome,
    ticket: ticket === null ? null : { ...ticket, closedAt: time(ticket.closedAt) },
  };
  return { status: 200, headers: JSON_HEADERS, body: JSON.stringify(body) };
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
