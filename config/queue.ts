// Settings of the queue: in this process, or on a Redis that several processes share.
import Joi from 'joi';

export interface QueueSettings {
  /** `redis://user:password@host:port/database`, `rediss` with TLS; null: the queue of this process alone. */
  readonly redis: string | null;
  /** Begins every key in Redis, so that several installations can share one. */
  readonly prefix: string;
}

export const queueSchema = Joi.object<QueueSettings, true>({
  redis: Joi.string()
    .uri({ scheme: ['redis', 'rediss'] })
    .allow(null)
    .required()
    .label('Redis 地址')
    .description('redis://user:password@host:port/database, rediss with TLS; null: a queue within the process.')
    .meta({ secret: true }),
  prefix: Joi.string()
    .pattern(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens')
    .required()
    .label('键前缀')
    .description('Begins every key in Redis; another one for each installation that shares it.'),
})
  .required()
  .label('队列');
