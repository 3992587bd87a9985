import { type Static, Type } from 'typebox';
import { PLANS, type Plan } from '../../core/plan.ts';
import { APP_ID_PATTERN } from '../application-scope.ts';
import { Id, Metadata, Nullable, StoredMetadata, Strict, Text, Timestamp } from '../schema.ts';

export const Uid = Type.String({
  pattern: `^(?!app_)(?!default$)${APP_ID_PATTERN.slice(1)}`,
  description: 'Your own id of this customer; usable wherever an `app_` id is',
});
/** One @ with something on both sides; whether somebody reads it only a mail can tell. */
const EMAIL_PATTERN = '^[^\\s@]+@[^\\s@]+$';
const Name = Text({ minLength: 1, maxLength: 256 });

export const PlanSchema = Type.Unsafe<Plan>({
  type: 'string',
  enum: Object.keys(PLANS),
  description: 'What it may use in a month; null: as its environment',
});
const SubscriptionsSchema = Type.Union([Type.Literal('all'), Type.Literal('explicit')], {
  description: '`explicit`: only event types it has subscribed to reach its endpoints',
});

const settings = {
  metadata: Type.Optional(Metadata),
  contact_email: Type.Optional(Nullable(Type.String({ format: 'text', pattern: EMAIL_PATTERN, maxLength: 254 }))),
  plan: Type.Optional(Nullable(PlanSchema)),
  monthly_event_limit: Type.Optional(
    Nullable(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000_000_000,
        description: 'Messages in a calendar month (UTC); null: as its plan says',
      }),
    ),
  ),
  subscriptions: Type.Optional(SubscriptionsSchema),
};

export const NewApplication = Strict({
  uid: Type.Optional(Nullable(Uid)),
  name: Name,
  ...settings,
});
export type NewApplication = Static<typeof NewApplication>;

export const ApplicationPatch = Strict({
  uid: Type.Optional(Nullable(Uid)),
  name: Type.Optional(Name),
  ...settings,
});
export type ApplicationPatch = Static<typeof ApplicationPatch>;

export const ApplicationSchema = Type.Object({
  id: Id('app'),
  uid: Nullable(Type.String()),
  name: Type.String(),
  metadata: StoredMetadata,
  is_default: Type.Boolean(),
  contact_email: Nullable(Type.String()),
  plan: Nullable(PlanSchema),
  monthly_event_limit: Nullable(Type.Integer()),
  subscriptions: SubscriptionsSchema,
  created_at: Timestamp,
  updated_at: Timestamp,
});
