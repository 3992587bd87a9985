import { Type } from 'typebox';
import { Id, Nullable, PageQuery, Strict, Text, TimeRangeQuery, Timestamp } from '../schema.ts';

export const AuditLogQuery = Strict({
  ...PageQuery,
  ...TimeRangeQuery,
  action: Type.Optional(Text({ maxLength: 128, description: 'Resource and verb, as `endpoint.create`' })),
});

export const AuditEntrySchema = Type.Object({
  id: Id('aud'),
  action: Type.String({ description: 'Resource and verb', examples: ['endpoint.create'] }),
  subject: Type.String({ description: 'The id, or the name, of what it was done to' }),
  actor: Type.Object({
    kind: Type.Union(
      [Type.Literal('api_key'), Type.Literal('portal_session'), Type.Literal('command'), Type.Literal('system')],
      {
        description:
          'A call with an API key or of a customer in the portal, a command on the server, or Postrider by itself',
      },
    ),
    id: Nullable(Type.String({ description: 'The API key, `key_…`, or the session, `pts_…`' })),
    name: Type.Optional(Type.String({ description: 'What the API key is called now; absent where it is gone' })),
  }),
  details: Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    additionalProperties: true,
    description: 'What is worth knowing besides; never a secret',
  }),
  request_id: Nullable(Type.String({ description: 'The `x-request-id` of the call' })),
  created_at: Timestamp,
});
