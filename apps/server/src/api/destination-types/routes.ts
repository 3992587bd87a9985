import type { Static } from 'typebox';
import { BROKER_TYPES, DESTINATIONS } from '../../core/broker/all.ts';
import type { ConfigField } from '../../core/broker/form.ts';
import type { ApiServer } from '../server.ts';
import { DestinationTypes } from './schema.ts';

type Presented = Static<typeof DestinationTypes>['data'][number];

/** Its field is of the endpoint itself. */
const WEBHOOK: Presented = {
  type: 'webhook',
  name: 'Webhook',
  description: 'A signed POST to a URL for each event',
  fields: [
    {
      name: 'url',
      label: 'URL',
      kind: 'text',
      required: true,
      description: 'Where deliveries are POSTed',
      placeholder: 'https://example.com/webhooks',
      max_length: 2_048,
    },
  ],
};

export function destinationTypeRoutes(app: ApiServer): void {
  const data = [WEBHOOK, ...BROKER_TYPES.map(present)];
  app.get(
    '/v1/destination-types',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listDestinationTypes',
        tags: ['Endpoints'],
        summary: 'List the kinds of place that endpoints can be, and what each has to be told',
        response: { 200: DestinationTypes },
      },
    },
    async () => ({ data }),
  );
}

function present(type: (typeof BROKER_TYPES)[number]): Presented {
  const { name, description, fields } = DESTINATIONS[type];
  return { type, name, description, fields: fields.map(presentField) };
}

export function presentField(field: ConfigField): Presented['fields'][number] {
  const { name, label, kind, description } = field;
  return {
    ...{ name, label, kind, required: field.isRequired === true, description },
    ...(field.kind === 'text' && {
      ...(field.placeholder !== undefined && { placeholder: field.placeholder }),
      ...(field.pattern !== undefined && { pattern: field.pattern }),
      ...(field.maxLength !== undefined && { max_length: field.maxLength }),
    }),
    ...(field.kind === 'choice' && { choices: [...field.choices] }),
    ...('default' in field && field.default !== undefined && { default: field.default }),
  };
}
