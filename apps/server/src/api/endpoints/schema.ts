import { type Static, Type } from 'typebox';
import { BROKER_TYPES } from '../../core/broker/all.ts';
import type { BrokerConfig } from '../../core/broker/form.ts';
import type { ConfigInput } from '../../core/broker-config.ts';
import { type EndpointType, MAX_TIMEOUT_SECONDS } from '../../core/endpoint.ts';
import { EVENT_FILTER_PATTERN } from '../../core/event-type.ts';
import { MAX_RETRIES, MAX_RETRY_DELAY_SECONDS } from '../../core/retry-policy.ts';
import { DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS } from '../../core/rotation.ts';
import { APP_ID_PATTERN } from '../application-scope.ts';
import { BodyFormatSchema } from '../body-format.ts';
import { BROKER_CONFIG, BROKER_CONFIG_INPUT } from '../broker-config.ts';
import {
  Channels,
  Headers,
  Id,
  Metadata,
  Nullable,
  PageQuery,
  StoredMetadata,
  Strict,
  Text,
  Timestamp,
} from '../schema.ts';
import { SignatureSchema } from '../signature-setting.ts';

export const EndpointTypeSchema = Type.Unsafe<EndpointType>({
  type: 'string',
  enum: ['webhook', ...BROKER_TYPES],
  description: 'What kind of place it is; GET /v1/destination-types tells what each has to be told',
});

const Events = Type.Array(Type.String({ pattern: EVENT_FILTER_PATTERN, maxLength: 128 }), {
  minItems: 1,
  maxItems: 200,
  description: 'Event types, dotted prefixes like `invoice.*`, or `*` for all',
});

const Delays = Type.Union([
  Type.Literal('default', {
    description: 'Retries after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h; then the delivery is a dead letter',
  }),
  Type.Literal('extended', {
    description: 'Retries after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 24 h; then the endpoint is disabled',
  }),
  Type.Array(Type.Number({ minimum: 0, maximum: MAX_RETRY_DELAY_SECONDS }), {
    maxItems: MAX_RETRIES,
    description: 'Seconds before each retry; the first attempt is always at once. Then it is a dead letter',
  }),
]);

const RetryPolicy = Type.Union([
  Delays,
  Strict(
    {
      delays: Delays,
      on_exhausted: Type.Optional(
        Type.Union([Type.Literal('dead_letter'), Type.Literal('disable_endpoint')], {
          description: 'What follows the last retry, whatever the delays are; left out, what they say themselves',
        }),
      ),
    },
    { description: 'Delays, and what is to follow them' },
  ),
]);

export const DisabledReasonSchema = Type.Union([
  Type.Literal('by_request', { description: 'Somebody switched it off' }),
  Type.Literal('gone', { description: 'It answered 410' }),
  Type.Literal('retries_exhausted', { description: 'A delivery failed for the last time under a policy that says so' }),
  Type.Literal('failing', { description: 'Every attempt of the last five days failed' }),
]);

const OrderingSchema = Type.Union([Type.Literal('none'), Type.Literal('fifo')], {
  description: '`fifo`: one at a time, in the order in which the messages were accepted',
});

/** An `ep_` id, or its owner's own. */
export const EndpointIdParam = Type.String({
  maxLength: 256,
  description:
    'An `ep_` id, or the `uid` of an endpoint of this application (without one in the path, the default one)',
});

export const ENDPOINT_UID_PATTERN = `^(?!ep_)${APP_ID_PATTERN.slice(1)}`;
const Uid = Type.String({
  pattern: ENDPOINT_UID_PATTERN,
  description: 'Your own id of this endpoint, unique in its application; usable in paths wherever an `ep_` id is',
});

export const WebhookUrl = Type.String({
  maxLength: 2048,
  description: 'Where deliveries are POSTed; of webhooks only',
});

const Config = Type.Unsafe<ConfigInput>({
  ...BROKER_CONFIG_INPUT,
  description:
    'How a broker is reached and as whom; of all types but webhook. The fields are those of GET /v1/destination-types. The ' +
    'broker is asked, for up to 10 s, whether it would take what is published there, and if not, this is refused. In a ' +
    'change, what is left out stays, null takes a field out, and a secret that is given as its mask stays; who changes ' +
    'where it leads gives the secrets anew',
});

const settings = {
  uid: Type.Optional(Nullable(Uid)),
  url: Type.Optional(WebhookUrl),
  config: Type.Optional(Config),
  events: Type.Optional(Events),
  all_events: Type.Optional(Type.Literal(true, { description: 'The same as events: ["*"]' })),
  channels: Type.Optional(Nullable(Channels)),
  description: Type.Optional(Text({ maxLength: 1024 })),
  metadata: Type.Optional(Metadata),
  active: Type.Optional(Type.Boolean({ description: 'false disables it' })),
  headers: Type.Optional(Headers),
  retry_policy: Type.Optional(RetryPolicy),
  rate_limit: Type.Optional(
    Nullable(Type.Number({ minimum: 0.1, maximum: 10_000, description: 'Deliveries per second; null for no limit' })),
  ),
  max_in_flight: Type.Optional(
    Nullable(Type.Integer({ minimum: 1, maximum: 1_000, description: 'Deliveries at once; null for no limit' })),
  ),
  ordering: Type.Optional(OrderingSchema),
  body_format: Type.Optional(Nullable(BodyFormatSchema)),
  signature: Type.Optional(Nullable(SignatureSchema)),
  timeout_seconds: Type.Optional(
    Type.Number({ minimum: 1, maximum: MAX_TIMEOUT_SECONDS, description: 'Total deadline' }),
  ),
};

export const NewEndpoint = Strict({
  type: Type.Optional(EndpointTypeSchema),
  ...settings,
  secret: Type.Optional(
    Type.String({
      maxLength: 256,
      description:
        'Your own `whsec_` + base64 of 24 to 64 bytes; or, for the scheme `ed25519`, a `whsk_` + base64 of a seed',
    }),
  ),
});
export type NewEndpoint = Static<typeof NewEndpoint>;

export const EndpointPatch = Strict(settings);
export type EndpointPatch = Static<typeof EndpointPatch>;

export const CircuitSchema = Type.Object({
  state: Type.Union([Type.Literal('closed'), Type.Literal('open'), Type.Literal('half_open')]),
  opened_at: Nullable(Timestamp),
  next_probe_at: Nullable(Timestamp),
  failures: Type.Integer({ description: 'How often it has opened in a row' }),
});

export const EndpointStatusSchema = Type.Union([
  Type.Literal('active'),
  Type.Literal('paused'),
  Type.Literal('disabled'),
]);

export const EndpointQuery = Strict({
  ...PageQuery,
  direct: Type.Optional(
    Type.Boolean({ description: 'true: the endpoints that sends to URLs have made, instead of all others' }),
  ),
});

export const EndpointSchema = Type.Object({
  id: Id('ep'),
  app_id: Id('app'),
  uid: Nullable(Type.String()),
  type: EndpointTypeSchema,
  url: Type.String({ description: 'Of a broker: where it leads, without credentials' }),
  config: Nullable(
    Type.Unsafe<BrokerConfig>(BROKER_CONFIG),
    'How a broker is reached and as whom; what is secret is masked. Null for webhooks',
  ),
  is_direct: Type.Boolean({ description: 'Made by a send to its URL; nothing that is published goes there' }),
  events: Type.Array(Type.String()),
  channels: Nullable(Type.Array(Type.String())),
  description: Type.String(),
  metadata: StoredMetadata,
  headers: Type.Record(Type.String(), Type.String(), { description: 'Values that may be secret are masked' }),
  retry_policy: RetryPolicy,
  timeout_seconds: Type.Number(),
  rate_limit: Nullable(Type.Number()),
  max_in_flight: Nullable(Type.Integer()),
  ordering: OrderingSchema,
  body_format: Nullable(BodyFormatSchema, 'Null: as the environment says'),
  signature: Nullable(SignatureSchema, 'Null: as the environment says'),
  circuit: CircuitSchema,
  status: EndpointStatusSchema,
  disabled_reason: Nullable(DisabledReasonSchema),
  created_at: Timestamp,
  updated_at: Timestamp,
});

const PublicKey = Type.String({
  description: 'With the scheme `ed25519`: `whpk_` + base64, for whoever is to verify. All a receiver needs',
});

export const CreatedEndpoint = Type.Object({
  ...EndpointSchema.properties,
  secret: Type.String({ description: 'Signs its deliveries. Shown here once, later by GET …/secret' }),
  public_key: Type.Optional(PublicKey),
});

export const SecretSchema = Type.Object({ secret: Type.String(), public_key: Type.Optional(PublicKey) });

export const SecretRotation = Strict({
  secret: Type.Optional(
    Type.String({ maxLength: 256, description: 'Your own, as at creation; left out, a new one is made' }),
  ),
  overlap_hours: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: MAX_OVERLAP_HOURS,
      description:
        `How long deliveries are signed with the secret of before as well; ${DEFAULT_OVERLAP_HOURS} unless set. ` +
        '0: from now on only the new one signs, and all earlier ones are done with',
    }),
  ),
});

export const RotatedSecret = Type.Object({
  ...SecretSchema.properties,
  previous_secret_expires_at: Timestamp,
});

export const TestAnswer = Type.Object({ message_id: Id('msg'), delivery_id: Id('dlv') });
