import { type Static, Type } from 'typebox';
import { APP_ID_PATTERN } from '../application-scope.ts';
import { Id, Metadata, Nullable, StoredMetadata, Strict, Text, Timestamp } from '../schema.ts';

const Uid = Type.String({
  pattern: `^(?!app_)(?!default$)${APP_ID_PATTERN.slice(1)}`,
  description: 'Your own id of this customer; usable wherever an `app_` id is',
});
const Name = Text({ minLength: 1, maxLength: 256 });

export const NewApplication = Strict({
  uid: Type.Optional(Nullable(Uid)),
  name: Name,
  metadata: Type.Optional(Metadata),
});

export const ApplicationPatch = Strict({
  uid: Type.Optional(Nullable(Uid)),
  name: Type.Optional(Name),
  metadata: Type.Optional(Metadata),
});
export type ApplicationPatch = Static<typeof ApplicationPatch>;

export const ApplicationSchema = Type.Object({
  id: Id('app'),
  uid: Nullable(Type.String()),
  name: Type.String(),
  metadata: StoredMetadata,
  is_default: Type.Boolean(),
  created_at: Timestamp,
  updated_at: Timestamp,
});
