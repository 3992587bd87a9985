import type { Uuid } from '../core/ids.ts';
import type { Capability, PortalSession } from '../core/portal.ts';
import { type Queryable, statement } from './database.ts';

/** Links into the portal and the sessions they are exchanged for. When they end, the database's clock says. */

/** How the portal is to look: as the producer said, unchanged. */
export type Theme = Readonly<Record<string, unknown>>;

export interface NewPortalLink {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  readonly applicationId: Uuid;
  readonly digest: Buffer;
  readonly capabilities: readonly Capability[];
  readonly theme: Theme | null;
  readonly returnUrl: string | null;
  readonly label: string | null;
  readonly sessionSeconds: number;
  /** How long it can be used. */
  readonly seconds: number;
}

const insertLink = statement<{ expires_at: Date }>(
  'portal_link_insert',
  `insert into portal_link (id, environment_id, application_id, digest, capabilities, theme, return_url, label,
     session_seconds, expires_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + $10 * interval '1 second') returning expires_at`,
);

/** @returns when it ends. */
export async function insertPortalLink(db: Queryable, link: NewPortalLink): Promise<Date> {
  const theme = link.theme && JSON.stringify(link.theme);
  const { id, environmentId, applicationId, digest, capabilities, returnUrl, label, sessionSeconds, seconds } = link;
  const values = [
    id,
    environmentId,
    applicationId,
    digest,
    capabilities,
    theme,
    returnUrl,
    label,
    sessionSeconds,
    seconds,
  ];
  const [row] = await db.query(insertLink, values);
  if (!row) throw new Error('an insert returned no row');
  return row.expires_at;
}

/** A link that has just been used. */
export interface UsedLink {
  readonly environment_id: Uuid;
  readonly application_id: Uuid;
  readonly capabilities: Capability[];
  readonly theme: Theme | null;
  readonly return_url: string | null;
  readonly label: string | null;
  readonly session_seconds: number;
}

const takeLink = statement<UsedLink & { is_alive: boolean }>(
  'portal_link_take',
  `delete from portal_link where digest = $1
   returning environment_id, application_id, capabilities, theme, return_url, label, session_seconds,
     expires_at > now() as is_alive`,
);

/** Uses a link up. Of two at once one gets it. Of any environment: the code alone says which. */
export async function takePortalLink(tx: Queryable, digest: Buffer): Promise<UsedLink | undefined> {
  const [link] = await tx.query(takeLink, [digest]);
  return link?.is_alive ? link : undefined;
}

export interface NewPortalSession extends PortalSession {
  readonly digest: Buffer;
  readonly label: string | null;
  readonly seconds: number;
}

const insertSession = statement<{ expires_at: Date }>(
  'portal_session_insert',
  `insert into portal_session (id, environment_id, application_id, digest, capabilities, label, expires_at)
   values ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second') returning expires_at`,
);

/** @returns when it ends. */
export async function insertPortalSession(db: Queryable, session: NewPortalSession): Promise<Date> {
  const { id, environmentId, applicationId, digest, capabilities, label, seconds } = session;
  const values = [id, environmentId, applicationId, digest, capabilities, label, seconds];
  const [row] = await db.query(insertSession, values);
  if (!row) throw new Error('an insert returned no row');
  return row.expires_at;
}

const find = statement<PortalSession>(
  'portal_session_find',
  `select id, environment_id as "environmentId", application_id as "applicationId", capabilities
   from portal_session where digest = $1 and expires_at > now()`,
);

/** Of any environment: the token alone says which. */
export async function findPortalSession(db: Queryable, digest: Buffer): Promise<PortalSession | undefined> {
  return (await db.query(find, [digest]))[0];
}

const endOne = statement('portal_session_end', 'delete from portal_session where environment_id = $1 and id = $2');

export async function endPortalSession(db: Queryable, environmentId: Uuid, id: Uuid): Promise<void> {
  await db.query(endOne, [environmentId, id]);
}

const endAll = (table: string) =>
  `update ${table} set expires_at = least(expires_at, now() + $3 * interval '1 second')
   where application_id = $2 and environment_id = $1 and ($4::text[] is null or label = any($4))`;
const endSessions = statement('portal_session_end_all', endAll('portal_session'));
const endLinks = statement('portal_link_end_all', endAll('portal_link'));

/**
 * Ends the sessions of an application and the links into it, in so many seconds at the latest.
 *
 * @param labels only those; null for all.
 */
export async function endPortalSessions(
  tx: Queryable,
  environmentId: Uuid,
  applicationId: Uuid,
  seconds = 0,
  labels: readonly string[] | null = null,
): Promise<void> {
  // Links first: one that is being used up is waited for, and then its session is there to be ended.
  await tx.query(endLinks, [environmentId, applicationId, seconds, labels]);
  await tx.query(endSessions, [environmentId, applicationId, seconds, labels]);
}

const expire = (table: string) =>
  `delete from ${table} where ctid = any(array(
     select ctid from ${table} where expires_at <= now() order by expires_at limit $1)) returning id`;
const expireLinks = statement<{ id: Uuid }>('portal_link_expire', expire('portal_link'));
const expireSessions = statement<{ id: Uuid }>('portal_session_expire', expire('portal_session'));

/** Drops what has ended. @returns how many, at most twice `limit`. */
export async function expirePortal(db: Queryable, limit: number): Promise<number> {
  const links = await db.query(expireLinks, [limit]);
  return links.length + (await db.query(expireSessions, [limit])).length;
}
