import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';
import { COLUMNS, type EndpointRow, type EndpointSettings, hashSql, readEndpoint, WITH_LANE } from './endpoint.ts';

/**
 * Direct endpoints: made by a send to a URL and found again by it. They match nothing that is published, so nobody reads
 * all of them: an application may have a million.
 */

// The hash is of both, and only direct ones have one. Asked for by the application as well, a plan made early went over all
// that the application has.
const find = statement<EndpointRow>(
  'direct_endpoint_find',
  `select ${COLUMNS} from endpoint e ${WITH_LANE}
   where e.environment_id = $1 and e.url_hash = ${hashSql('$2', '$3')} and (e.application_id = $2) is true`,
);

/** The direct endpoint of a URL as it is written. */
export async function findDirectEndpoint(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  url: string,
): Promise<EndpointRow | undefined> {
  return (await db.query(find, [environmentId, applicationId, url]))[0];
}

/** By its id, whose index leads to it; with `is_direct` in the condition all others of its kind could be gone over. */
export async function readDirectEndpoint(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  id: Uuid,
): Promise<EndpointRow | undefined> {
  const row = await readEndpoint(db, environmentId, applicationId, id);
  return row?.is_direct ? row : undefined;
}

// What is not named here is as it is by default.
const insert = statement<EndpointRow>(
  'direct_endpoint_insert',
  `with e as (
     insert into endpoint (id, environment_id, application_id, type, url, events, secret, retry_policy, timeout_seconds,
       status, is_direct, url_hash)
     values ($1, $2, $3, 'webhook', $4, '{*}', $5, $6, $7, 'active', true, ${hashSql('$3', '$4')})
     on conflict (url_hash) do nothing returning *
   ), lane_row as (insert into lane (endpoint_id) select id from e)
   select ${COLUMNS} from e ${WITH_LANE}`,
);

/** @returns the row, or undefined where the application has a direct endpoint of this URL. */
export async function insertDirectEndpoint(
  db: Queryable,
  row: Pick<
    EndpointSettings,
    'id' | 'environment_id' | 'application_id' | 'url' | 'secret' | 'retry_policy' | 'timeout_seconds'
  >,
): Promise<EndpointRow | undefined> {
  const { id, environment_id, application_id, url, secret, retry_policy, timeout_seconds } = row;
  const values = [id, environment_id, application_id, url, secret, JSON.stringify(retry_policy), timeout_seconds];
  return (await db.query(insert, values))[0];
}
