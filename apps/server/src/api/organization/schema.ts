import { Type } from 'typebox';
import { Id, Strict, Text, Timestamp } from '../schema.ts';

export const OrganizationSchema = Type.Object({
  id: Id('org'),
  name: Type.String(),
  environments: Type.Array(
    Type.Object({
      id: Id('env'),
      name: Type.String(),
      mode: Type.Union([Type.Literal('live'), Type.Literal('test')]),
    }),
    { description: 'All of them, oldest first. A key sees into its own only' },
  ),
  created_at: Timestamp,
});

export const OrganizationPatch = Strict({
  name: Type.Optional(Text({ minLength: 1, maxLength: 256 })),
});
