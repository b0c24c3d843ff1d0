// Settings of a sentence-embedding service: one more feature in the comparison of appeals; null: none is asked.
import Joi from 'joi';

export interface EmbeddingSettings {
  /** OpenAI-compatible: texts are posted to `<url>/v1/embeddings`. */
  readonly url: string;
  readonly model: string;
  /** Sent as a bearer token; null: none. */
  readonly key: string | null;
  /** How long a batch of appeals waits for the service; after that it is decided without. */
  readonly deadlineMs: number;
  /** What a likeness adds to the log odds of a link: weight × (likeness − mean). */
  readonly weight: number;
  readonly mean: number;
}

export const embeddingSchema = Joi.object<EmbeddingSettings, true>({
  url: Joi.string()
    .uri({ scheme: ['http', 'https'] })
    .required()
    .label('服务地址')
    .description('Address of the service; texts are posted to /v1/embeddings below it.'),
  model: Joi.string()
    .min(1)
    .max(200)
    .required()
    .label('模型')
    .description('Name of the model, as the service knows it.'),
  key: Joi.string()
    .allow(null)
    .default(null)
    .label('访问密钥')
    .description('Sent as a bearer token; null: none.')
    .meta({ secret: true }),
  deadlineMs: Joi.number()
    .integer()
    .min(10)
    .max(10_000)
    .default(500)
    .label('时限（毫秒）')
    .description('How long a batch of appeals waits; after that it is decided without.'),
  weight: Joi.number()
    .min(0)
    .max(20)
    .default(4)
    .label('权重')
    .description('What a likeness adds to the log odds of a link: weight × (likeness − mean).'),
  mean: Joi.number()
    .min(0)
    .max(1)
    .default(0.75)
    .label('均值')
    .description('Likeness that says nothing for or against a link; depends on the model.'),
}).label('语义向量');
