import type { Uuid } from '../core/ids.ts';
import type { Subscription } from '../core/subscription.ts';
import { type Queryable, statement } from './database.ts';

const subscribed = statement<{ event_type: string }>(
  'subscription_subscribed',
  `select event_type from subscription where environment_id = $1 and application_id = $2 and is_subscribed`,
);

/** The event types that an application wants, for the directory. */
export async function subscribedTypes(db: Queryable, environmentId: Uuid, applicationId: Uuid): Promise<string[]> {
  const rows = await db.query(subscribed, [environmentId, applicationId]);
  return rows.map(({ event_type }) => event_type);
}

// `offset 0` keeps it a look-up for each: as a plain `any` it went over all that the application has said.
const read = statement<Subscription & { eventType: string }>(
  'subscription_read',
  `select t.event_type as "eventType", is_subscribed as "isSubscribed", version
   from unnest($3::text[]) as t(event_type) cross join lateral (
     select is_subscribed, version from subscription s
     where s.environment_id = $1 and s.application_id = $2 and s.event_type = t.event_type offset 0) s`,
);

/** What an application has said to these event types, by type. */
export async function readSubscriptions(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  eventTypes: readonly string[],
): Promise<Map<string, Subscription>> {
  const rows = await db.query(read, [environmentId, applicationId, eventTypes]);
  return new Map(rows.map(({ eventType, ...subscription }) => [eventType, subscription]));
}

/** An event type and what an application has said to it, if anything. */
export interface OfferRow {
  readonly name: string;
  readonly description: string;
  readonly group_name: string | null;
  readonly is_subscribed: boolean | null;
  readonly version: number | null;
}

// The first names of both lists, among which the first of all must be, and only then what is known of them. The second
// list less the first, put behind it, went over all that the application has said (1,573 rows for a page of 21).
const offers = statement<OfferRow>(
  'subscription_offers',
  `select n.name, coalesce(t.description, '') as description, t.group_name, s.is_subscribed, s.version
   from (
     select name from (
       (select name from event_type where environment_id = $1 and archived_at is null and name > $3
        order by name limit $4::bigint + $5::bigint)
       union
       (select event_type from subscription where environment_id = $1 and application_id = $2 and event_type > $3
        order by event_type limit $4::bigint + $5::bigint)
     ) u order by name limit $4 offset $5) n
   left join lateral (
     select description, group_name from event_type where environment_id = $1 and name = n.name offset 0) t on true
   left join lateral (
     select is_subscribed, version from subscription
     where environment_id = $1 and application_id = $2 and event_type = n.name offset 0) s on true
   order by n.name`,
);

/** What the catalogue offers, and what the application has said to types that it does not; by name, after this one. */
export async function listOffers(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  page: { after: string; limit: number; offset: number },
): Promise<OfferRow[]> {
  return db.query(offers, [environmentId, applicationId, page.after, page.limit, page.offset]);
}

const offered = statement<{ offered: string[]; is_empty: boolean }>(
  'subscription_offered',
  `select
     array(select t.name from unnest($2::text[]) as n(name) cross join lateral (
       select name from event_type
       where environment_id = $1 and name = n.name and archived_at is null offset 0) t) as offered,
     not exists (select from event_type where environment_id = $1 and archived_at is null) as is_empty`,
);

/** Which of these event types the catalogue offers, and whether it offers none at all. */
export async function offeredTypes(db: Queryable, environmentId: Uuid, eventTypes: readonly string[]) {
  const [row] = await db.query(offered, [environmentId, eventTypes]);
  return { offered: new Set(row?.offered), isEmpty: row?.is_empty ?? true };
}

const save = statement(
  'subscription_save',
  `insert into subscription (environment_id, application_id, event_type, is_subscribed, version)
   select $1, $2, * from unnest($3::text[], $4::boolean[], $5::integer[])
   on conflict (application_id, event_type) do update set
     is_subscribed = excluded.is_subscribed, version = excluded.version, updated_at = now()`,
);

/** Under the application's row lock (`lockApplication`): two writers at once are put in order by that. */
export async function saveSubscriptions(
  tx: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  subscriptions: ReadonlyMap<string, Subscription>,
): Promise<void> {
  const each = [...subscriptions.values()];
  await tx.query(save, [
    environmentId,
    applicationId,
    [...subscriptions.keys()],
    each.map(({ isSubscribed }) => isSubscribed),
    each.map(({ version }) => version),
  ]);
}
