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
