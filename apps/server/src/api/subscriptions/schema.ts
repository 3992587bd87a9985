import { type Static, Type } from 'typebox';
import { EventType } from '../messages/schema.ts';
import { Nullable, PageQuery, Strict } from '../schema.ts';

const Version = Type.Integer({
  minimum: 1,
  maximum: 2_147_483_647,
  description: '1 at first, one more each time that it is said anew',
});

/** What the application knows of its subscription. Without a version there is none yet. */
const Metadata = Type.Object({ version: Type.Optional(Version) });

export const SubscriptionQuery = Strict({
  ...PageQuery,
  cursor: Type.Optional(Type.String({ maxLength: 256, description: 'next_cursor of the page before' })),
});

export const OfferSchema = Type.Object({
  event: Type.Object({
    type: Type.String(),
    name: Type.String({ description: 'The same' }),
    description: Type.String(),
    group: Nullable(Type.String()),
  }),
  subscription: Type.Union([Type.Literal('SUBSCRIBED'), Type.Literal('UNSUBSCRIBED'), Type.Literal('NONE')], {
    description: '`NONE`: the application has said nothing',
  }),
  metadata: Metadata,
});

export const Wish = Strict({
  event_type: EventType,
  action: Type.Union([Type.Literal('SUBSCRIBE'), Type.Literal('UNSUBSCRIBE')]),
  metadata: Type.Optional(
    Strict({
      version: Type.Optional(
        Type.Union([Version, Type.Literal(''), Type.Null()], {
          description: 'The version you know, empty or null where there was none. Left out: whatever there is',
        }),
      ),
    }),
  ),
});
export type Wish = Static<typeof Wish>;

export const Wishes = Type.Array(Wish, { minItems: 1, maxItems: 100, description: 'Each event type once' });

export const Outcomes = Type.Array(
  Type.Object({
    event_type: Type.String(),
    status: Type.Integer({ description: '200: done. 404: there is no such event type. 409: another version is there' }),
    metadata: Metadata,
    error: Type.Optional(
      Type.Object({
        code: Type.String({ description: 'As in a problem: `not_found` or `subscription_conflict`' }),
        detail: Type.String(),
      }),
    ),
  }),
  { description: 'One for each, in order' },
);
