import { type Static, Type } from 'typebox';
import { SCOPES } from '../../core/scope.ts';
import { Id, Nullable, Strict, Text, Timestamp } from '../schema.ts';

const ScopeSchema = Type.Unsafe<(typeof SCOPES)[number]>({
  type: 'string',
  enum: [...SCOPES],
  description: 'read < write < admin, each includes the ones before it',
});
const Name = Text({ minLength: 1, maxLength: 128 });

const settings = {
  expires_at: Type.Optional(
    Nullable(Type.String({ format: 'date-time', description: 'From then on it is refused; ahead, or null for never' })),
  ),
  rate_limit: Type.Optional(
    Nullable(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Calls in a minute of UTC, at most what the plan allows; null: as the plan says',
      }),
    ),
  ),
};

export const NewApiKey = Strict({ name: Name, scope: ScopeSchema, ...settings });
export type NewApiKey = Static<typeof NewApiKey>;

export const ApiKeyPatch = Strict({ name: Type.Optional(Name), ...settings });
export type ApiKeyPatch = Static<typeof ApiKeyPatch>;

export const ApiKeySchema = Type.Object({
  id: Id('key'),
  name: Type.String(),
  scope: ScopeSchema,
  last4: Type.String({ description: 'The end of the key, to tell it from others' }),
  expires_at: Nullable(Timestamp),
  last_used_at: Nullable(
    Type.String({
      description: 'When a call last came with it, written once a minute; null: never',
      format: 'date-time',
    }),
  ),
  rate_limit: Nullable(Type.Integer()),
  created_at: Timestamp,
});

export const KeySchema = Type.Object({ key: Type.String({ description: 'The key itself' }) });
export const ApiKeyWithKey = Type.Object({ ...ApiKeySchema.properties, ...KeySchema.properties });
