// Several gateways on one MongoDB, each with a data folder of its own, the same keys and the same channels.
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../../config/load.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../../gateway/compose.ts';
import type { Role } from '../../../gateway/role.ts';
import { createLog } from '../../../gateway/telemetry/telemetry.ts';
import { createDevelopmentKeys } from '../../../store/key-ring.ts';
import { type Partner, partner } from '../../platforms/app.ts';

export interface Member {
  readonly gateway: Gateway;
  readonly logged: string[];
  /** The partner of a channel, which sends to this gateway. */
  sender(channel: 'one' | 'two'): Partner;
  close(): Promise<void>;
}

export interface Several {
  readonly folder: string;
  start(
    name: string,
    role?: Role,
    more?: Readonly<Record<string, unknown>>,
    options?: Pick<GatewayOptions, 'decorateStore'>,
  ): Promise<Member>;
  close(): Promise<void>;
}

/** @param settings of all of them, over the shipped defaults */
export function several(mongo: string, settings: Readonly<Record<string, unknown>>): Several {
  const folder = mkdtempSync(join(tmpdir(), 'huisu-several-'));
  // Made once and given to each, as an operator does.
  createDevelopmentKeys(join(folder, 'keys.json'));
  const secrets = { one: secret(), two: secret() };
  const channels = Object.entries(secrets).map(([id, key]) => ({
    ...{ id, kind: 'app' },
    settings: { secrets: [key], ratePerSecond: 10_000, burst: 10_000 },
  }));
  const members: Member[] = [];
  return {
    folder,
    async start(name, role = 'all', more = {}, options = {}) {
      const own = join(folder, name);
      mkdirSync(own);
      const file = join(own, 'huisu.yaml');
      const base = {
        data: './data',
        keys: { file: '../keys.json' },
        store: { url: mongo },
        listen: { port: 0 },
        reading: { parsers: 1 },
        intake: { minFreeMb: 0, minFreePercent: 0 },
        channels,
      };
      writeFileSync(file, stringify({ ...base, ...settings, ...more }));
      const logged: string[] = [];
      const log = createLog({ level: 'debug', destination: { write: line => void logged.push(line) } });
      const onFatal = (error: Error) => {
        throw error;
      };
      const gateway = await startGateway(loadConfig({ file, env: {} }), {
        ...{ log, role, commands: [], env: {}, onFatal },
        ...options,
      });
      const senders = new Map<string, Partner>();
      const member: Member = {
        gateway,
        logged,
        sender(channel) {
          const known =
            senders.get(channel) ?? partner({ url: `${gateway.url}/hooks/${channel}`, secret: secrets[channel] });
          senders.set(channel, known);
          return known;
        },
        async close() {
          if (members.includes(member)) members.splice(members.indexOf(member), 1);
          for (const sender of senders.values()) sender.close();
          await gateway.close(10_000);
        },
      };
      members.push(member);
      return member;
    },
    async close() {
      await Promise.all([...members].map(member => member.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function secret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
