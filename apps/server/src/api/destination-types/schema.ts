import { Type } from 'typebox';
import { EndpointTypeSchema } from '../endpoints/schema.ts';

const Value = Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] });

export const FormField = Type.Object({
  name: Type.String({ description: 'In `config`; of a webhook, in the endpoint itself' }),
  label: Type.String(),
  kind: Type.Union(
    [
      Type.Literal('text'),
      Type.Literal('multiline'),
      Type.Literal('secret', { description: 'Text that is kept sealed and shown masked' }),
      Type.Literal('multiline_secret'),
      Type.Literal('boolean'),
      Type.Literal('choice'),
    ],
    { description: 'What a form has for it' },
  ),
  required: Type.Boolean(),
  description: Type.String(),
  placeholder: Type.Optional(Type.String()),
  pattern: Type.Optional(Type.String({ description: 'A regular expression (ECMA-262) that a text matches' })),
  max_length: Type.Optional(Type.Integer()),
  choices: Type.Optional(Type.Array(Type.String())),
  default: Type.Optional(Value),
});

export const DestinationTypes = Type.Object({
  data: Type.Array(
    Type.Object({
      type: EndpointTypeSchema,
      name: Type.String(),
      description: Type.String(),
      fields: Type.Array(FormField),
    }),
  ),
});
