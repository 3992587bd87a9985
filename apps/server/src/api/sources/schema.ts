import { type Static, Type } from 'typebox';
import { BROKER_TYPES, type BrokerType } from '../../core/broker/all.ts';
import type { BrokerConfig } from '../../core/broker/form.ts';
import type { ConfigInput } from '../../core/broker-config.ts';
import type { EventTypeRule, RejectionReason } from '../../core/source-event.ts';
import { AppIdParam } from '../application-scope.ts';
import { BROKER_CONFIG, BROKER_CONFIG_INPUT } from '../broker-config.ts';
import { FormField } from '../destination-types/schema.ts';
import { EventType } from '../messages/schema.ts';
import { Id, Nullable, PageQuery, Strict, Text, Timestamp } from '../schema.ts';

export const SourceType = Type.Unsafe<BrokerType>({
  type: 'string',
  enum: [...BROKER_TYPES],
  description: 'What kind of broker it is; GET /v1/source-types tells what each has to be told',
});

const Name = Text({ minLength: 1, maxLength: 128, description: 'What you call it' });

const Rule = Type.Union(
  [
    Strict({ value: EventType }, { description: 'All its messages are events of this type' }),
    Strict(
      { header: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,128}$' }) },
      { description: 'It stands in this header of each message, in whatever case; in an attribute, with Pub/Sub' },
    ),
    Strict(
      { field: Text({ minLength: 1, maxLength: 128 }) },
      { description: 'It is this member of each payload, at its top' },
    ),
  ],
  { description: 'Where the event type of its messages comes from' },
);

const config = (use: string) =>
  Type.Unsafe<ConfigInput>({
    ...BROKER_CONFIG_INPUT,
    description:
      'How the broker is reached and as whom. The fields are those of GET /v1/source-types. The broker is asked, for up to ' +
      `10 s, whether it would let us receive, and if not, this is refused. ${use}`,
  });

export const NewSource = Strict({
  type: SourceType,
  name: Name,
  app_id: Type.Optional(AppIdParam),
  event_type: Rule,
  config: config(''),
});
export type NewSource = Static<typeof NewSource>;

export const SourcePatch = Strict({
  name: Type.Optional(Name),
  event_type: Type.Optional(Rule),
  config: Type.Optional(
    config(
      'What is left out stays, null takes a field out, and a secret that is given as its mask stays; who changes where it ' +
        'leads gives the secrets anew',
    ),
  ),
});
export type SourcePatch = Static<typeof SourcePatch>;

export const SourceSchema = Type.Object({
  id: Id('src'),
  app_id: Id('app'),
  type: SourceType,
  name: Type.String(),
  url: Type.String({ description: 'Where it leads, without credentials' }),
  config: Type.Unsafe<BrokerConfig>({ ...BROKER_CONFIG, description: 'What is secret is masked' }),
  event_type: Type.Unsafe<EventTypeRule>(Rule),
  status: Type.Union([Type.Literal('active'), Type.Literal('paused')]),
  paused_reason: Nullable(
    Type.Union([
      Type.Literal('by_request'),
      Type.Literal('too_many_rejections', {
        description: 'It has 10,000 refused messages: look at them, put it right, delete them, and resume it',
      }),
    ]),
  ),
  receiving: Type.Boolean({
    description:
      'Whether a process looks after it now: mostly within a second of its being active, and for as long after',
  }),
  received: Type.Integer({
    description: 'Messages that became events, each counted once; a crash may lose a second of it',
  }),
  rejected: Type.Integer({ description: 'Messages that were refused for what they are' }),
  last_error: Nullable(
    Type.String({ examples: ['unauthorized: WRONGPASS invalid username-password pair'] }),
    'What is in the way of receiving, a code and words; null: nothing. It is tried again all the while',
  ),
  last_received_at: Nullable(Timestamp),
  created_at: Timestamp,
  updated_at: Timestamp,
});

export const SourceQuery = Strict({
  ...PageQuery,
  application: Type.Optional(Type.String({ maxLength: 256 })),
});

export const SourcePath = Type.Object({ id: Id('src') });

const Reason = Type.Unsafe<RejectionReason>({
  type: 'string',
  enum: [
    'payload_too_large',
    'payload_not_json',
    'event_type_missing',
    'event_type_invalid',
    'unknown_event_type',
    'payload_invalid',
  ],
  description: 'Stable: branch on this',
});

export const RejectionSchema = Type.Object({
  id: Id('rej'),
  source_id: Id('src'),
  reason: Reason,
  detail: Type.String({ description: 'The same for people' }),
  message_id: Type.String({ description: "The broker's own id of it" }),
  body_bytes: Type.Integer({ description: 'How many it had' }),
  created_at: Timestamp,
});

export const RejectionDetail = Type.Object({
  ...RejectionSchema.properties,
  headers: Type.Record(Type.String(), Type.String()),
  body: Type.String({ description: 'Base64 of the first 256 KiB of it' }),
});

export const RejectionPath = Type.Object({ id: Id('src'), rejection_id: Id('rej') });
export const RejectionQuery = Strict(PageQuery);

export const RejectionsDeleted = Type.Object({ deleted: Type.Integer() });

export const SourceTypes = Type.Object({
  data: Type.Array(
    Type.Object({ type: SourceType, name: Type.String(), description: Type.String(), fields: Type.Array(FormField) }),
  ),
});
