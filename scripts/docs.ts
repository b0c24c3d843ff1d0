// npm run docs: writes the pages that are made from code, so that they cannot drift from it (errors, settings, adapters, ticket schema).
import { writeFileSync } from 'node:fs';
import { describeConfig } from '../config/describe.ts';
import { OVERRIDES } from '../config/load.ts';
import type { Settings } from '../config/source.ts';
import { catalogue } from '../gateway/catalogue.ts';
import { localeFile } from '../gateway/locale.ts';
import { adapterPages } from './adapter-pages.ts';
import { TICKET_SCHEMA_FILE, ticketSchemaText } from './ticket-schema.ts';

const DOCS = new URL('../docs/', import.meta.url);

/** Pages by file name. */
export async function pages(): Promise<Readonly<Record<string, string>>> {
  return { 'errors.md': errorsPage(), 'settings.md': settingsPage(), ...(await adapterPages()) };
}

const MADE = '<!-- made by `npm run docs`; change the source, not this page -->';

/** Pipes would end a cell. */
const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function errorsPage(): string {
  const rows = [...catalogue().values()]
    .sort((one, other) => (one.code < other.code ? -1 : 1))
    .map(
      ({ code, status, zh, en }) =>
        `| \`${code}\` | ${status ?? ''} | ${cell(zh.title)}<br>${cell(en.title)} | ${cell(zh.todo)}<br>${cell(en.todo)} |`,
    );
  const refusals = sentences().map(([code, zh, en]) => `| \`${code}\` | ${cell(zh)}<br>${cell(en)} |`);
  return `${MADE}

# 错误代码 · Error codes

Every code that logs, \`/readyz\`, problems (RFC 9457), the quarantine, dead letters and the command line show. A number in the
second column is the HTTP status a sender sees. A running gateway explains each at \`/problems/CODE\`.

日志、\`/readyz\`、问题应答、隔离、死信和命令行里出现的代码。第二列是发送方看到的 HTTP 状态码。

| code | HTTP | 含义 · meaning | 处理 · what to do |
| --- | --- | --- | --- |
${rows.join('\n')}

## 命令行 · Command line

Why a command would not do something. Exit codes: 0 done, 64 wrong usage, 65 wrong data, 69 not available, 70 a defect, 78
wrong settings.

命令没有执行的原因。退出码：0 成功，64 用法有误，65 数据有误，69 不可用，70 程序缺陷，78 配置有误。

| code | 含义 · meaning |
| --- | --- |
${refusals.join('\n')}
`;
}

/** The locale's sentences for refusals of the command line and the desk. */
export function sentences(): readonly (readonly [string, string, string])[] {
  const [zh, en] = ['zh', 'en'].map(language => localeFile(`${language}.yaml`)['error'] as Settings) as [
    Settings,
    Settings,
  ];
  return Object.entries(zh).flatMap(([room, codes]) =>
    typeof codes !== 'object' || codes === null
      ? []
      : Object.entries(codes as Settings).map(
          ([code, sentence]) => [`${room}.${code}`, String(sentence), String((en[room] as Settings)[code])] as const,
        ),
  );
}

function settingsPage(): string {
  const variables = new Map(Object.entries(OVERRIDES).map(([name, path]) => [path.join('.'), name]));
  const rows = describeConfig().map(({ path, zh, en, type, standard }) => {
    const variable = variables.get(path);
    const shown = standard === undefined ? '' : `\`${cell(JSON.stringify(standard))}\``;
    return `| \`${path}\` | ${cell(type)} | ${shown} | ${cell(zh)}<br>${cell(en)}${variable === undefined ? '' : `<br>\`${variable}\``} |`;
  });
  return `${MADE}

# 配置项 · Settings

A settings file (YAML, UTF-8) needs only what differs from the defaults, which stand commented in \`config/huisu.yaml\`. It is
named by \`--config FILE\` or \`HUISU_CONFIG\`. Channels may also stand in \`channels/*.yaml\` beside it, one or a list to a
file. Which changes take effect while the gateway runs: [operations](operations.md#settings-while-running). Secrets are written as \`\${VARIABLE}\` or \`\${file:path}\`. \`huisu check\` tells
what is wrong in it, and where.

配置文件（YAML，UTF-8）只需写与默认不同的项；默认值及说明见 \`config/huisu.yaml\`。用 \`--config 文件\` 或 \`HUISU_CONFIG\` 指定。
渠道也可写在同目录的 \`channels/*.yaml\` 里，每个文件一个或一列。哪些改动在运行中生效，见[运维](operations.zh-CN.md#运行中修改配置)。
密钥写作 \`\${变量名}\` 或 \`\${file:路径}\`。\`huisu check\` 会指出哪里有误。

| 项 · setting | 类型 · type | 默认 · default | 含义 · meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

if (import.meta.main) {
  const made = await pages();
  for (const [name, text] of Object.entries(made)) writeFileSync(new URL(name, DOCS), text);
  writeFileSync(TICKET_SCHEMA_FILE, ticketSchemaText());
  console.log(`written: ${Object.keys(made).join(', ')}, ticket.schema.json`);
}
