// What is wrong between settings, each of which is fine by itself: no schema can say it.
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, relative, sep } from 'node:path';
import { type ConfigProblem, jsonPath, type Place } from './errors.ts';
import type { Config } from './schema.ts';
import type { Path } from './source.ts';

type Locate = (path: Path) => Place;

/** Everything wrong between the settings of one configuration. */
export function* crossProblems(config: Config, locate: Locate): Iterable<ConfigProblem> {
  yield* keysInsideData(config, locate);
  yield* missingFiles(config, locate);
  yield* plainListening(config, locate);
  yield* boardAlone(config, locate);
  yield* channelsTwice(config, locate);
}

function problem(code: string, path: Path, locate: Locate, zh: string, en: string): ConfigProblem {
  return { code, path: jsonPath(path), ...locate(path), zh, en };
}

function* keysInsideData({ data, keys }: Config, locate: Locate): Iterable<ConfigProblem> {
  const inside = relative(data, keys.file);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return;
  yield problem(
    'config.keys_inside_data',
    ['keys', 'file'],
    locate,
    '密钥文件不能放在数据目录里：拿到数据的人就拿到了密钥',
    'the key file must not be inside the data folder: whoever takes the data would have the keys',
  );
}

function* missingFiles({ region, rules }: Config, locate: Locate): Iterable<ConfigProblem> {
  if (!existsSync(region)) {
    const [zh, en] = [`找不到城市文件 ${region}`, `there is no region file ${region}`];
    yield problem('config.missing_file', ['region'], locate, zh, en);
  }
  if (!existsSync(rules)) {
    const [zh, en] = [`找不到规则目录 ${rules}`, `there is no rules folder ${rules}`];
    yield problem('config.missing_file', ['rules'], locate, zh, en);
  }
}

/** Appeals name people: plain HTTP leaves this machine only where somebody has said that it may. */
function* plainListening({ listen }: Config, locate: Locate): Iterable<ConfigProblem> {
  const { host, tls, trustedProxies, plain } = listen;
  if (isLoopback(host) || tls !== null || trustedProxies.length > 0 || plain) return;
  yield problem(
    'config.plain_listen',
    ['listen', 'host'],
    locate,
    `${host} 不是本机地址，明文会经过网络。请任选其一：代理在本机时监听 127.0.0.1（默认）；用 listen.tls 配置证书；在 listen.trustedProxies 写明前置代理的地址；确要明文时写 listen.plain: true（或 HUISU_PLAIN=true）`,
    `${host} is not an address of this machine alone, so plain text would cross the network. Do one of these: listen on 127.0.0.1 (the default) behind a proxy on this machine; give a certificate in listen.tls; name the proxy's address in listen.trustedProxies; or, where plain text is meant, set listen.plain: true (or HUISU_PLAIN=true)`,
  );
}

function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host === 'localhost';
  return host === '::1' || /^(::ffff:)?127\./i.test(host);
}

/** The queue within the process holds nothing that the board could show. */
function* boardAlone({ queue }: Config, locate: Locate): Iterable<ConfigProblem> {
  if (queue.board === null || queue.redis !== null) return;
  yield problem(
    'config.board_alone',
    ['queue', 'board'],
    locate,
    '队列看板只显示 Redis 上的队列：请配置 queue.redis，或把 queue.board 设为 null',
    'the board shows a queue on Redis only: set queue.redis, or queue.board to null',
  );
}

/** Each id once, whatever files the channels stand in. */
function* channelsTwice({ channels }: Config, locate: Locate): Iterable<ConfigProblem> {
  const first = new Map<string, number>();
  for (const [index, { id }] of channels.entries()) {
    const earlier = first.get(id);
    if (earlier === undefined) first.set(id, index);
    else {
      const { file, line } = locate(['channels', earlier]);
      const place = line === null ? file : `${file}:${line}`;
      yield problem(
        'config.channel_twice',
        ['channels', index],
        locate,
        `渠道“${id}”已在 ${place} 中，这里请换一个编号`,
        `the channel "${id}" stands in ${place} already; give this one another id`,
      );
    }
  }
}
