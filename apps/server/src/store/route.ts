import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { AFTER_ALL } from './list.ts';

/** An event type that goes to a fixed set of endpoints of the environment's default application. */
export interface RouteRow {
  readonly id: Uuid;
  readonly environment_id: Uuid;
  readonly event_type: string;
  /** In the order in which they were made. A deleted endpoint has dropped out. */
  readonly endpoint_ids: Uuid[];
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** Columns of a route `r`. */
const COLUMNS = `r.id, r.environment_id, r.event_type, r.created_at, r.updated_at,
  array(select endpoint_id from route_endpoint where route_id = r.id order by endpoint_id) as endpoint_ids`;

const all = statement<RouteRow>('route_all', `select ${COLUMNS} from route r where r.environment_id = $1`);

/** Endpoints by event type, for the directory. */
export async function routesOf(db: Queryable, environmentId: Uuid): Promise<Map<string, ReadonlySet<Uuid>>> {
  const rows = await db.query(all, [environmentId]);
  return new Map(rows.map(({ event_type, endpoint_ids }) => [event_type, new Set(endpoint_ids)]));
}

const read = statement<RouteRow>(
  'route_read',
  `select ${COLUMNS} from route r where r.environment_id = $1 and r.event_type = $2`,
);

export async function readRoute(db: Queryable, environmentId: Uuid, eventType: string): Promise<RouteRow | undefined> {
  return (await db.query(read, [environmentId, eventType]))[0];
}

const list = statement<RouteRow>(
  'route_list',
  `select ${COLUMNS} from route r where r.environment_id = $1 and r.id < $2
   order by r.id desc limit $3 offset $4`,
);

export async function listRoutes(
  db: Queryable,
  environmentId: Uuid,
  page: { before: Uuid | null; limit: number; offset: number },
): Promise<RouteRow[]> {
  return db.query(list, [environmentId, page.before ?? AFTER_ALL, page.limit, page.offset]);
}

// Locked, in one order, so that none of them is gone before the route that names it is stored.
const routable = statement<{ id: Uuid }>(
  'route_routable',
  `select id from endpoint
   where environment_id = $1 and application_id = $2 and id = any($3::uuid[]) and not is_direct
   order by id for key share`,
);

/** Which of these are endpoints that a route may name. They stay to the end of the transaction. */
export async function routableEndpoints(
  tx: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  ids: readonly Uuid[],
): Promise<Set<Uuid>> {
  const rows = await tx.query(routable, [environmentId, applicationId, ids]);
  return new Set(rows.map(({ id }) => id));
}

// The row’s lock puts two calls for one event type in order.
const put = statement<{ id: Uuid; is_new: boolean }>(
  'route_put',
  `insert into route (id, environment_id, event_type) values ($1, $2, $3)
   on conflict (environment_id, event_type) do update set updated_at = now()
   returning id, id = $1 as is_new`,
);
const keep = statement(
  'route_keep_endpoints',
  'delete from route_endpoint where environment_id = $1 and route_id = $2 and endpoint_id <> all($3::uuid[])',
);
const add = statement(
  'route_add_endpoints',
  `insert into route_endpoint (environment_id, route_id, endpoint_id) select $1, $2, unnest($3::uuid[])
   on conflict do nothing`,
);

/** Makes the route of an event type, or gives it these endpoints. @returns true where it is new. */
export async function putRoute(
  tx: Queryable,
  route: { id: Uuid; environmentId: Uuid; eventType: string; endpointIds: readonly Uuid[] },
): Promise<boolean> {
  const [stored] = await tx.query(put, [route.id, route.environmentId, route.eventType]);
  if (!stored) throw new Error('an upsert returned no row');
  await tx.query(keep, [route.environmentId, stored.id, route.endpointIds]);
  await tx.query(add, [route.environmentId, stored.id, route.endpointIds]);
  return stored.is_new;
}

const remove = statement<{ id: Uuid }>(
  'route_delete',
  'delete from route where environment_id = $1 and event_type = $2 returning id',
);

export async function deleteRoute(db: Queryable, environmentId: Uuid, eventType: string): Promise<boolean> {
  return (await db.query(remove, [environmentId, eventType])).length > 0;
}
