// Settings of the store: the embedded one in the data folder, or a MongoDB that several processes share.
import Joi from 'joi';

export interface StoreSettings {
  /** `mongodb://` or `mongodb+srv://` with the database's name in its path; null: SQLite in the data folder. */
  readonly url: string | null;
  /** A database of its own for originals, identities and attachments, with credentials of its own; null: all in one. */
  readonly identityUrl: string | null;
}

const address = () =>
  Joi.string()
    // Without a name the driver takes the database "test", which a second installation would take as well.
    .pattern(/^mongodb(\+srv)?:\/\/[^/]+\/[^/?]+(\?.*)?$/, 'mongodb://user:password@host:port/database')
    .allow(null)
    .required()
    .meta({ secret: true });

export const storeSchema = Joi.object<StoreSettings, true>({
  url: address()
    .label('MongoDB 地址')
    .description('mongodb://user:password@host:port/database; null: SQLite in the data folder.'),
  identityUrl: address()
    .label('身份库地址')
    .description('A MongoDB database of its own for originals, identities and attachments; null: all in one.'),
})
  .required()
  .label('存储');
