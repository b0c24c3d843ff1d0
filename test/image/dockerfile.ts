// Reads a Dockerfile and runs its steps in plain folders, one a stage: what an engine would do, without one.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { promisify } from 'node:util';

export interface Step {
  readonly word: string;
  readonly rest: string;
  readonly line: number;
}

export interface Stage {
  readonly from: string;
  readonly name: string | null;
  readonly steps: readonly Step[];
}

/** What a container of the last stage would be started with; paths are the image's own. */
export interface Image {
  /** The folder that stands for `/`. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | null;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
}

const run = promisify(execFile);

/** Joins continued lines, drops comments and empty ones. */
export function parseDockerfile(text: string): readonly Stage[] {
  const stages: { from: string; name: string | null; steps: Step[] }[] = [];
  for (const { line, text: whole } of logicalLines(text)) {
    const [, word = '', rest = ''] = /^(\S+)\s+([\s\S]*)$/.exec(whole) ?? [];
    if (word !== 'FROM') {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`line ${line}: ${word} before the first FROM`);
      stage.steps.push({ word, rest, line });
      continue;
    }
    const [from = '', , name = null] = rest.split(/\s+/);
    stages.push({ from, name, steps: [] });
  }
  return stages;
}

function logicalLines(text: string): { line: number; text: string }[] {
  const lines: { line: number; text: string }[] = [];
  let open: { readonly line: number; readonly text: string } | null = null as { line: number; text: string } | null;
  for (const [at, raw] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const goesOn = raw.endsWith('\\');
    const part = goesOn ? raw.slice(0, -1) : raw;
    const text = open === null ? part : open.text + part.trimStart();
    open = { line: open?.line ?? at + 1, text };
    if (!goesOn) {
      lines.push({ ...open, text: open.text.trim() });
      open = null;
    }
  }
  return lines;
}

/** Names at the top of the context that `.dockerignore` lets through; ours leaves out everything and names what stays. */
export function keptByIgnore(text: string): ReadonlySet<string> {
  const lines = text.split('\n').filter(line => line !== '');
  if (lines[0] !== '*') throw new Error('.dockerignore begins with *');
  return new Set(lines.slice(1).map(line => line.replace(/^!/, '')));
}

/** @param work an existing folder of its own; @param env what RUN steps see besides the stage's own ENV */
export async function buildImage(context: string, work: string, env: NodeJS.ProcessEnv): Promise<Image> {
  const stages = parseDockerfile(readFileSync(join(context, 'Dockerfile'), 'utf8'));
  const kept = keptByIgnore(readFileSync(join(context, '.dockerignore'), 'utf8'));
  const built = new Map<string, string>();
  let image: Image | null = null;
  for (const stage of stages) {
    const root = mkdtempSync(join(work, `${stage.name ?? 'image'}-`));
    image = await buildStage({ context, kept, built, root, env }, stage);
    if (stage.name !== null) built.set(stage.name, root);
  }
  if (image === null) throw new Error('no FROM');
  return image;
}

interface Building {
  readonly context: string;
  readonly kept: ReadonlySet<string>;
  readonly built: ReadonlyMap<string, string>;
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

async function buildStage(building: Building, { steps }: Stage): Promise<Image> {
  const { root } = building;
  let image: Image = {
    ...{ root, workdir: '/', env: {}, user: null, entrypoint: [], cmd: [], healthcheck: [], volumes: [], ports: [] },
  };
  for (const { word, rest, line } of steps) {
    const path = join(root, image.workdir);
    if (word === 'WORKDIR') {
      image = { ...image, workdir: posix.resolve(image.workdir, rest) };
      mkdirSync(join(root, image.workdir), { recursive: true });
    } else if (word === 'COPY') copy(building, path, rest, line);
    else if (word === 'RUN') await run('/bin/sh', ['-ec', inFolder(rest, root)], { cwd: path, env: building.env });
    else if (word === 'ENV') image = { ...image, env: { ...image.env, ...pairs(rest) } };
    else if (word === 'USER') image = { ...image, user: rest };
    else if (word === 'ENTRYPOINT') image = { ...image, entrypoint: list(rest) };
    else if (word === 'CMD') image = { ...image, cmd: list(rest) };
    else if (word === 'HEALTHCHECK') image = { ...image, healthcheck: list(rest.slice(rest.indexOf('CMD') + 3)) };
    else if (word === 'VOLUME') image = { ...image, volumes: list(rest) };
    else if (word === 'EXPOSE') image = { ...image, ports: [...image.ports, rest] };
    else if (word !== 'STOPSIGNAL') throw new Error(`line ${line}: ${word} is not understood here`);
  }
  return image;
}

/** `/var/…` means the stage's folder; the owner is left to a run as root, since nobody else may give files away. */
function inFolder(command: string, root: string): string {
  const placed = command.replaceAll(/(?<=\s)\/(?=var\/)/g, `${root}/`);
  return process.getuid?.() === 0 ? placed : placed.replaceAll(/ -[og] \d+/g, '');
}

function copy({ context, kept, built, root }: Building, path: string, rest: string, line: number): void {
  const words = rest.split(/\s+/);
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() as string;
  const source = from === undefined ? context : built.get(from);
  if (source === undefined) throw new Error(`line ${line}: there is no stage ${from}`);
  for (const word of words) {
    const name = word.replace(/^\//, '');
    if (from === undefined && !kept.has(name)) throw new Error(`line ${line}: .dockerignore leaves ${name} out`);
    const file = join(source, name);
    if (!existsSync(file)) throw new Error(`line ${line}: ${word} is not there`);
    const into = resolve(target.startsWith('/') ? root : path, target.replace(/^\//, ''));
    const asFolder = target.endsWith('/') || words.length > 1 || (existsSync(into) && statSync(into).isDirectory());
    // COPY takes what is in a folder, not the folder itself.
    cpSync(file, asFolder && !statSync(file).isDirectory() ? join(into, name.split('/').at(-1) as string) : into, {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

const list = (json: string): readonly string[] => JSON.parse(json.trim()) as string[];

function pairs(rest: string): Record<string, string> {
  return Object.fromEntries(
    rest
      .trim()
      .split(/\s+/)
      .map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}
