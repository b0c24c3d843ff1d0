// /healthz, /readyz with its reasons, /metrics.
import type { Router } from 'express';
import type { Metrics } from '../telemetry/metrics.ts';

/** Why the gateway is not ready, or what a person should know although it is. */
export interface ReadinessReason {
  /** Stable, explained in docs/errors.md. */
  readonly code: string;
  /** True: /readyz answers 503. False: a note beside a 200. */
  readonly blocking: boolean;
  readonly zh: string;
  readonly en: string;
}

/** Fulfilled by the composition; must answer quickly and never reject (a store that is down is a reason). */
export interface Readiness {
  reasons(): Promise<readonly ReadinessReason[]>;
}

/** Adds the three pages to a router. None of them says anything about a person. */
export function mountHealth(router: Router, readiness: Readiness, metrics: Metrics): void {
  // Alive means the main loop turns: asking the store here would make an outage of the disk a restart loop.
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const reasons = await readiness.reasons();
    const ready = !reasons.some(reason => reason.blocking);
    response.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not-ready', reasons });
  });
  router.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text());
  });
}
