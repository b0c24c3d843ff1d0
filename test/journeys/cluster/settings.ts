// Settings of the gateways of a cluster run: a folder each, and everything else the same.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort, type GatewayProcess, gatewayProcess } from '../../../bench/gateway-process.ts';
import { createDevelopmentKeys } from '../../../store/key-ring.ts';
import { EXCHANGE, MAILBOX } from '../kill/run.ts';
import type { SenderChannel } from '../kill/sender.ts';

export const CONCURRENCY = 8;

export interface ClusterPlace {
  readonly folder: string;
  readonly mongo: string;
  readonly redis: string;
  readonly caseSystem: string;
  /** Settings of the mailbox. */
  readonly mailbox: unknown;
  /** Folder of the exchange channel, which all of them see. */
  readonly exported: string;
}

export interface ClusterGateways {
  readonly channels: readonly SenderChannel[];
  readonly gateways: readonly GatewayProcess[];
}

/** Makes keys, folders and settings of so many gateways; none is started. */
export async function clusterGateways(place: ClusterPlace, count: number): Promise<ClusterGateways> {
  const { folder } = place;
  createDevelopmentKeys(join(folder, 'keys.json'));
  const channels = ['app-one', 'app-two'].map(id => ({ id, key: randomBytes(32) }));
  const gateways: GatewayProcess[] = [];
  for (let n = 1; n <= count; n++) {
    const own = join(folder, `gateway-${n}`);
    mkdirSync(own);
    const port = await freePort();
    const settings = join(own, 'huisu.yaml');
    writeFileSync(settings, stringify(settingsOf(place, channels, own, port)));
    const entry = new URL('../../../gateway/main.ts', import.meta.url);
    gateways.push(gatewayProcess({ entry, settings, port, log: join(own, 'gateway.log') }));
  }
  return { channels, gateways };
}

function settingsOf(place: ClusterPlace, channels: readonly SenderChannel[], own: string, port: number) {
  const { folder, mongo, redis, caseSystem, mailbox, exported } = place;
  return {
    data: join(own, 'data'),
    store: { url: mongo },
    queue: { redis },
    keys: { file: join(folder, 'keys.json') },
    listen: { host: '127.0.0.1', port },
    reading: { parsers: 1 },
    intake: { minFreeMb: 0, minFreePercent: 0 },
    dispatch: { concurrency: CONCURRENCY },
    caseSystem: {
      url: caseSystem,
      deadlines: { connect: 1, headers: 1, body: 2, total: 4 },
      retry: { steps: [0.2, 0.5, 1, 2, 4], every: 5, hours: 1 },
      breaker: { failures: 10, openSeconds: 0.5, maxOpenSeconds: 2 },
    },
    channels: [
      ...channels.map(({ id, key }) => ({
        id,
        kind: 'app',
        settings: { secrets: [`whsec_${key.toString('base64')}`], ratePerSecond: 100_000, burst: 100_000 },
      })),
      { id: MAILBOX, kind: 'mailbox', settings: mailbox },
      { id: EXCHANGE, kind: 'exchange', settings: { folder: exported, stableSeconds: 0, waitSeconds: 0 } },
    ],
  };
}
