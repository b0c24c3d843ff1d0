// Where the texts of a measurement come from: our own recipe, or a file of JSON Lines with title and content.
import { readFileSync } from 'node:fs';
import { seeded } from './random.ts';
import { openRecipe } from './recipe.ts';

export interface BenchText {
  readonly title: string;
  readonly content: string;
  readonly name: string;
  readonly phone: string;
}

export interface TextSource {
  text(index: number): BenchText;
  readonly facts: Readonly<Record<string, number | string>>;
}

/** The recipe, endless. */
export function recipeTexts(seed: number): TextSource {
  const recipe = openRecipe();
  return { text: index => recipe.appeal(seed, index), facts: { source: 'recipe', seed, ...recipe.facts() } };
}

/**
 * A file's texts; after its end each further round joins the first half of one text to the second half of another, so
 * that no text comes twice as it stands. Requesters are made up.
 */
export function fileTexts(path: string, seed: number): TextSource {
  const rows = readFileSync(path, 'utf8')
    .split('\n')
    .filter(line => line.trim() !== '')
    .map((line, at) => {
      const row = JSON.parse(line) as { title?: unknown; content?: unknown };
      if (typeof row.content !== 'string') throw new Error(`${path}:${at + 1} has no "content" text`);
      return { title: typeof row.title === 'string' ? row.title : '', content: row.content };
    });
  if (rows.length === 0) throw new Error(`${path} holds no messages`);
  const recipe = openRecipe();
  return {
    text(index) {
      const { name, phone } = recipe.appeal(seed, index);
      const first = rows[index % rows.length]!;
      if (index < rows.length) return { ...first, name, phone };
      const second = rows[seeded(seed, index).below(rows.length)]!;
      const head = first.content.slice(0, Math.ceil(first.content.length / 2));
      return { title: first.title, content: head + second.content.slice(second.content.length / 2), name, phone };
    },
    facts: { source: 'file', rows: rows.length },
  };
}
