// The OpenAPI document: what the adapters and the case system's side describe, under one roof.

/** Part of an OpenAPI 3.1 document, as an adapter's folder exports it. */
export interface OpenApiFragment {
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly tags?: readonly unknown[];
}

/** @param url how callers reach the gateway; '' leaves it relative */
export function assembleOpenApi(fragments: readonly OpenApiFragment[], version: string, url: string): unknown {
  const components: Record<string, Record<string, unknown>> = {};
  for (const fragment of fragments) {
    for (const [group, parts] of Object.entries(fragment.components ?? {})) {
      components[group] = { ...components[group], ...parts };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: '汇诉 Huisu',
      version,
      description: '12345 热线全渠道受理网关 · omnichannel intake gateway for 12345 hotlines',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: url === '' ? '/' : url }],
    tags: fragments.flatMap(fragment => fragment.tags ?? []),
    paths: Object.assign({ ...HEALTH_PATHS }, ...fragments.map(fragment => fragment.paths)) as unknown,
    components,
  };
}

const answer = (description: string) => ({ description });
const HEALTH_PATHS = {
  '/healthz': { get: { summary: '存活 · alive', responses: { 200: answer('the main loop turns') } } },
  '/readyz': {
    get: {
      summary: '就绪及原因 · readiness with reasons',
      responses: { 200: answer('ready, perhaps with notes'), 503: answer('not ready; the reasons say why') },
    },
  },
  '/metrics': { get: { summary: '指标 · Prometheus metrics', responses: { 200: answer("Prometheus' text format") } } },
};
