// /problems/:code, the page a problem's `type` points to, and /openapi.json.
import type { Router } from 'express';
import { type CatalogueEntry, catalogue } from '../catalogue.ts';
import { HttpProblem } from './problem.ts';

export interface PageParts {
  /** The whole OpenAPI document; asked once, at the first call. */
  openapi(): unknown;
  /** Problems of signed webhooks that adapters explain themselves. */
  readonly partnerProblems: readonly CatalogueEntry[];
}

/** Adds the pages to a router. */
export function mountPages(router: Router, { openapi, partnerProblems }: PageParts): void {
  const entries = new Map([...catalogue(), ...partnerProblems.map(entry => [entry.code, entry] as const)]);
  let description: string | undefined;
  router.get('/openapi.json', (_request, response) => {
    description ??= JSON.stringify(openapi());
    response.type('application/json').send(description);
  });
  router.get('/problems', (_request, response) => {
    const items = [...entries.values()].map(
      ({ code, zh, en }) =>
        `<li><a href="/problems/${code}">${code}</a> ${escapeHtml(zh.title)} · ${escapeHtml(en.title)}</li>`,
    );
    response.type('html').send(page('错误代码 · Error codes', `<ul>${items.join('')}</ul>`));
  });
  router.get('/problems/:code', (request, response) => {
    const entry = entries.get(request.params.code);
    if (entry === undefined) throw new HttpProblem('http.not_found');
    response.type('html').send(page(entry.code, problemText(entry)));
  });
}

function problemText({ zh, en, status }: CatalogueEntry): string {
  const answered = status === null ? '' : `<p>HTTP ${status}</p>`;
  return `${answered}<h2>${escapeHtml(zh.title)}</h2><p>${escapeHtml(zh.todo)}</p><h2 lang="en">${escapeHtml(en.title)}</h2><p lang="en">${escapeHtml(en.todo)}</p>`;
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>${escapeHtml(title)}</title><h1>${escapeHtml(title)}</h1>${body}</html>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => `&#${sign.charCodeAt(0)};`);
}
