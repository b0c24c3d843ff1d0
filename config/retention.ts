// 保存期限: how long what is kept; the figures stand in huisu.yaml.
import Joi from 'joi';

/** Files of a kind, removed so long after their ticket was closed. */
export interface FileRule {
  /** `image/*`, `application/pdf`, or `*` for all. */
  readonly type: string;
  readonly days: number;
}

export interface RetentionSettings {
  /** Days after which the original of what became no ticket is shredded. */
  readonly originalDays: number;
  /** Days after closing at which who appealed is erased; null: never by itself. */
  readonly identityDaysAfterClose: number | null;
  readonly attachments: readonly FileRule[];
  /** Purge once a day by itself. */
  readonly auto: boolean;
}

const MEDIA_TYPE = /^(?:\*|[a-z]+\/(?:\*|[a-z0-9][a-z0-9.+-]*))$/;
const LONGEST_DAYS = 36_500;
const days = (least: number) => Joi.number().integer().min(least).max(LONGEST_DAYS).required();

export const retentionSchema = Joi.object<Omit<RetentionSettings, 'attachments'> & { attachments: FileRule[] }, true>({
  originalDays: days(1)
    .label('无工单原件保存天数')
    .description('Days until the original of what became no ticket is shredded.'),
  identityDaysAfterClose: days(0)
    .allow(null)
    .label('办结后诉求人信息保存天数')
    .description('Days after closing until who appealed is erased; null: never by itself.'),
  attachments: Joi.array()
    .items(
      Joi.object<FileRule, true>({
        type: Joi.string()
          .pattern(MEDIA_TYPE, 'media type')
          .required()
          .label('附件类型')
          .description('A media type, a family such as image/*, or * for all.'),
        days: days(0).label('办结后附件保存天数').description('Days after closing until such files are removed.'),
      }),
    )
    .unique('type')
    .required()
    .label('附件保存规则')
    .description('Files removed after their ticket was closed, by type.'),
  auto: Joi.boolean().required().label('每日自动清理').description('Purge once a day while running.'),
})
  .required()
  .label('保存期限');
