import { type Static, Type } from 'typebox';
import type { Plan } from '../../core/plan.ts';
import { PLANS } from '../../core/plan.ts';
import { DEFAULT_RETENTION_DAYS, RETENTION_DAYS } from '../../core/retention.ts';
import { BodyFormatSchema } from '../body-format.ts';
import { Id, Nullable, Strict, Text, Timestamp } from '../schema.ts';
import { SignatureSchema } from '../signature-setting.ts';

const PayloadValidationSchema = Type.Union(
  [
    Type.Literal('off', { description: 'Nobody looks' }),
    Type.Literal('mark', { description: 'Accepted; its faults are shown with the message' }),
    Type.Literal('refuse', { description: 'Refused with 422' }),
  ],
  { description: 'What becomes of a payload that breaks the schema of its event type' },
);

const RetentionDays = Type.Integer({
  minimum: RETENTION_DAYS.least,
  maximum: RETENTION_DAYS.most,
  description: `Days that messages are kept; null: as the server is set up (${DEFAULT_RETENTION_DAYS} unless told)`,
});

const settings = {
  strict_event_types: Type.Boolean({ description: 'Event types that are not in the catalogue are refused' }),
  payload_validation: PayloadValidationSchema,
  body_format: BodyFormatSchema,
  signature: SignatureSchema,
  retention_days: Nullable(RetentionDays),
};

export const EnvironmentSchema = Type.Object({
  id: Id('env'),
  name: Type.String(),
  mode: Type.Union([Type.Literal('live'), Type.Literal('test')]),
  organization: Type.Object({ id: Id('org'), name: Type.String() }),
  ...settings,
  plan: Type.Unsafe<Plan>({
    type: 'string',
    enum: Object.keys(PLANS),
    description: 'What its API keys and applications may use; not for a key to change',
  }),
  created_at: Timestamp,
  updated_at: Timestamp,
});

export const EnvironmentPatch = Strict({
  name: Type.Optional(Text({ minLength: 1, maxLength: 256 })),
  strict_event_types: Type.Optional(settings.strict_event_types),
  payload_validation: Type.Optional(settings.payload_validation),
  body_format: Type.Optional(settings.body_format),
  signature: Type.Optional(settings.signature),
  retention_days: Type.Optional(settings.retention_days),
});
export type EnvironmentPatch = Static<typeof EnvironmentPatch>;
