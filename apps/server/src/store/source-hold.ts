import type { Uuid } from '../core/ids.ts';
import { booleanArray, integerArray, textArray, timeArray, uuidArray } from './array.ts';
import { type Queryable, statement } from './database.ts';
import type { SourceSettings } from './source.ts';

/**
 * Who consumes which source: one process at a time, by a lease on its row, all by the database's clock. The engine's own
 * statements, for all environments at once.
 */

const IN_MS = (placeholder: string) => `statement_timestamp() + ${placeholder} * interval '1 millisecond'`;

const any = statement<{ sources: number }>(
  'source_any',
  `select count(*) as sources from source where status = 'active'`,
);

/** How many sources there are to be consumed. */
export async function activeSources(db: Queryable): Promise<number> {
  return (await db.query(any, []))[0]?.sources ?? 0;
}

// Dead ones go when somebody else is here.
const present = statement<{ others: number }>(
  'source_process_present',
  `with gone as (delete from source_process where until < statement_timestamp() - interval '1 minute'),
   own as (
     insert into source_process (id, until) values ($1, ${IN_MS('$2')})
     on conflict (id) do update set until = excluded.until
   )
   select count(*) as others from source_process where id <> $1 and until > statement_timestamp()`,
);

/** Says that this process consumes sources. @returns how many do, with this one. */
export async function presentProcesses(db: Queryable, process: Uuid, forMs: number): Promise<number> {
  return ((await db.query(present, [process, forMs]))[0]?.others ?? 0) + 1;
}

const leave = statement('source_process_leave', 'delete from source_process where id = $1');

export async function leaveSources(db: Queryable, process: Uuid): Promise<void> {
  await db.query(leave, [process]);
}

/** A source as whoever consumes it has to know it. */
export type HeldSourceRow = Pick<
  SourceSettings,
  'id' | 'environment_id' | 'application_id' | 'type' | 'config' | 'event_type'
> & { readonly version: number };

// Those that waited longest first.
const claim = statement<HeldSourceRow>(
  'source_claim',
  `update source set held_by = $1, held_until = ${IN_MS('$2')}
   where id = any(array(
     select id from source where status = 'active' and held_until <= statement_timestamp()
     order by held_until limit $3 for update skip locked))
   returning id, environment_id, application_id, type, config, event_type, version`,
);

/** Takes up to so many sources that nobody consumes. */
export async function claimSources(
  db: Queryable,
  process: Uuid,
  forMs: number,
  limit: number,
): Promise<HeldSourceRow[]> {
  return db.query(claim, [process, forMs, limit]);
}

const state = statement<{ id: Uuid; version: number; is_active: boolean }>(
  'source_state',
  `select id, version, status = 'active' as is_active from source where id = any($2::uuid[]) and held_by = $1`,
);

/** Those of them that are still this process's. */
export async function heldSources(db: Queryable, process: Uuid, ids: readonly Uuid[]) {
  return db.query(state, [process, ids]);
}

/** What there is to tell of a source since it was told last. */
export interface SourceNews {
  readonly id: Uuid;
  readonly received: number;
  readonly lastReceivedAt: Date | null;
  /** Undefined: as before. */
  readonly error: string | null | undefined;
}

// Their order is that of the ids, so that two processes that do this for the same never wait for each other in a circle.
const keep = statement<{ id: Uuid }>(
  'source_keep',
  `update source
   set held_until = ${IN_MS('$2')}, received = source.received + k.received,
       last_received_at = coalesce(k.at, source.last_received_at),
       last_error = case when k.has_error then k.error else source.last_error end
   from unnest($3::uuid[], $4::integer[], $5::timestamptz[], $6::boolean[], $7::text[])
     as k(id, received, at, has_error, error)
   where source.id = k.id and held_by = $1
   returning source.id`,
);

/** Holds sources for so long from now, and writes down what there is to tell. @returns those that are still held. */
export async function keepSources(db: Queryable, process: Uuid, forMs: number, news: readonly SourceNews[]) {
  const rows = await db.query(keep, [process, forMs, ...columnsOf(news)]);
  return new Set(rows.map(({ id }) => id));
}

const release = statement(
  'source_release',
  `update source
   set held_by = null, held_until = ${IN_MS('$2')}, received = source.received + k.received,
       last_received_at = coalesce(k.at, source.last_received_at),
       last_error = case when k.has_error then k.error else source.last_error end
   from unnest($3::uuid[], $4::integer[], $5::timestamptz[], $6::boolean[], $7::text[])
     as k(id, received, at, has_error, error)
   where source.id = k.id and held_by = $1`,
);

/** Leaves a source to whoever takes it, not before so long. */
export async function releaseSource(db: Queryable, process: Uuid, news: SourceNews, pauseMs: number): Promise<void> {
  await db.query(release, [process, pauseMs, ...columnsOf([news])]);
}

const freeAll = statement(
  'source_free_all',
  `update source set held_by = null, held_until = statement_timestamp()
   where status = 'active' and held_until > statement_timestamp() and held_by is not null`,
);

/** Frees what others hold: only where all others are known to be dead. What rests goes on resting. */
export async function freeSources(db: Queryable): Promise<void> {
  await db.query(freeAll, []);
}

function columnsOf(news: readonly SourceNews[]): unknown[] {
  return [
    uuidArray(news, ({ id }) => id),
    integerArray(news, ({ received }) => received),
    timeArray(news, ({ lastReceivedAt }) => lastReceivedAt ?? null),
    booleanArray(news, ({ error }) => error !== undefined),
    textArray(news, ({ error }) => error ?? null),
  ];
}
