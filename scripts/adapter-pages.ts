// docs/adapters/KIND.md of each built-in adapter: what it can do, its settings and its errors, drawn from its definition.
import type { AdapterDefinition } from '../adapters/contract.ts';
import { BUILT_IN } from '../adapters/registry-list.ts';
import { describeSchema } from '../config/describe.ts';
import { catalogue } from '../gateway/catalogue.ts';

const MADE = '<!-- made by `npm run docs`; change the adapter, not this page -->';

/** Pipes would end a cell. */
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const WAYS: Readonly<Record<string, string>> = {
  webhook: '平台推送 · the platform calls us',
  poll: '定时查看 · looked at every minute',
  listen: '实时监听 · watched live',
};
const CAPABILITIES = [
  ['validates', '格式有误当场退回 · refuses what its sender can mend'],
  ['weakIds', '平台会重复使用编号 · the platform uses ids again'],
  ['replies', '可回复诉求人 · answers go back'],
  ['attachments', '可带附件 · attachments'],
  ['conversations', '会话合并为一件 · conversations become one appeal'],
] as const;

/** Pages by path below docs/. */
export async function adapterPages(): Promise<Readonly<Record<string, string>>> {
  const pages: Record<string, string> = {};
  for (const [kind, load] of Object.entries(BUILT_IN)) {
    pages[`adapters/${kind}.md`] = page((await load()) as AdapterDefinition<unknown>);
  }
  return pages;
}

function page({ kind, title, capabilities, settings }: AdapterDefinition<unknown>): string {
  const ways = capabilities.receives.map(way => `| ${WAYS[way]} | ✓ |`);
  const able = CAPABILITIES.map(([name, words]) => `| ${words} | ${capabilities[name] ? '✓' : '–'} |`);
  const rows = describeSchema(settings).map(({ path, zh, en, type, standard, required, secret }) => {
    const given = required ? '必填 · required' : standard === undefined ? '' : `\`${cell(JSON.stringify(standard))}\``;
    const words = [zh, en, secret ? '密钥 · secret' : ''].filter(text => text !== '');
    return `| \`${path}\` | ${cell(type)} | ${given} | ${words.map(cell).join('<br>')} |`;
  });
  const errors = [...catalogue().values()]
    .filter(({ code }) => code.startsWith(`${kind}.`))
    .sort((one, other) => (one.code < other.code ? -1 : 1))
    .map(
      ({ code, zh, en }) =>
        `| \`${code}\` | ${cell(zh.title)}<br>${cell(en.title)} | ${cell(zh.todo)}<br>${cell(en.todo)} |`,
    );
  return `${MADE}

# ${title.zh} · ${title.en}

\`kind: ${kind}\` · [接入步骤 · setup](../../adapters/${kind}/setup.zh.md)

| 能力 · capability | |
| --- | --- |
${[...ways, ...able].join('\n')}

## 设置 · Settings

| 项 · setting | 类型 · type | 默认 · default | 含义 · meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
${errors.length === 0 ? '' : errorsSection(errors)}`;
}

function errorsSection(rows: readonly string[]): string {
  return `
## 代码 · Codes

| code | 含义 · meaning | 处理 · what to do |
| --- | --- | --- |
${rows.join('\n')}
`;
}
