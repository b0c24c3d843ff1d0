// Settings of the queue: in this process, or on a Redis that several processes share.
import Joi from 'joi';

export interface QueueSettings {
  /** `redis://user:password@host:port/database`, `rediss` with TLS; null: the queue of this process alone. */
  readonly redis: string | null;
  /** Begins every key in Redis, so that several installations can share one. */
  readonly prefix: string;
  /** 队列看板, to look at the queue by a browser at /queue; null: there is none. Only with `redis`. */
  readonly board: BoardSettings | null;
}

/** Who may look at the queue, by HTTP Basic. */
export interface BoardSettings {
  readonly user: string;
  readonly password: string;
}

const boardSchema = Joi.object<BoardSettings, true>({
  user: Joi.string()
    .pattern(/^[^:\p{Cc}]{1,60}$/u, 'no colon')
    .required()
    .label('用户名')
    .description('Who signs in, as the audit will name it; no colon.'),
  password: Joi.string()
    .min(12)
    .max(200)
    .required()
    .label('密码')
    .description('At least 12 characters; better a reference to a variable or a file than the password itself.')
    .meta({ secret: true }),
});

export const queueSchema = Joi.object<QueueSettings, true>({
  redis: Joi.string()
    .uri({ scheme: ['redis', 'rediss'] })
    // Anything else behind the host would be passed over, and another database used than was meant.
    .pattern(/^rediss?:\/\/[^/?#]+(\/\d{0,4})?$/, 'redis://user:password@host:port/number')
    .allow(null)
    .required()
    .label('Redis 地址')
    .description(
      'redis://user:password@host:port/number, rediss with TLS, the number being that of the database; null: a queue within the process.',
    )
    .meta({ secret: true }),
  prefix: Joi.string()
    .pattern(/^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits and hyphens')
    .required()
    .label('键前缀')
    .description('Begins every key in Redis; another one for each installation that shares it.'),
  board: boardSchema
    .allow(null)
    .required()
    .label('队列看板')
    .description('Lets a browser look at the queue at /queue, changing nothing; only with redis; null: none.'),
})
  .required()
  .label('队列');
