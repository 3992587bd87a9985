import type { Uuid } from '../core/ids.ts';
import type { TallyAt } from '../core/statistics-window.ts';
import { addTally, FAILURE_CLASSES, newTally, type Tally } from '../core/tally.ts';
import { type Queryable, statement } from './database.ts';

/** Statistics: a row per subject (endpoint, application or environment) and minute or hour. */

export interface Subject {
  readonly id: Uuid;
  readonly environmentId: Uuid;
  /** Null where the subject is the environment. */
  readonly applicationId: Uuid | null;
}

export interface Counted {
  readonly subject: Subject;
  readonly tally: Tally;
}

/** How long a row counts, in minutes. */
type Width = 1 | 60;

/** What a row holds besides its key: numbers and texts, since it goes both into statements and out of them. */
interface TallyRow {
  readonly subject_id: Uuid;
  readonly environment_id: Uuid;
  readonly application_id: Uuid | null;
  readonly accepted: number;
  readonly sent: number;
  readonly failed: number;
  readonly timeout: number;
  readonly connection: number;
  readonly http_4xx: number;
  readonly http_5xx: number;
  readonly other: number;
  readonly latency: number[];
  readonly at_ms: number;
}

const COUNTERS = ['accepted', 'sent', 'failed', ...FAILURE_CLASSES] as const;
const AT_MS = 'extract(epoch from at)::float8 * 1000 as at_ms';

// Rows are locked in the order of their keys, so that two processes which add to the same ones wait for each other and
// never deadlock. The buckets are added in one pass over both arrays: as fast as 34 columns; 20 µs a row in all.
const add = statement(
  'tally_add',
  `insert into tally as t (subject_id, at, width, environment_id, application_id, ${COUNTERS.join(', ')}, latency,
     last_success_at, last_failure_at)
   select id, coalesce(at, date_trunc('minute', statement_timestamp())), $1::smallint, environment_id, application_id,
     ${COUNTERS.join(', ')}, latency::integer[], coalesce(succeeded_at, case when sent > 0 then statement_timestamp() end),
     coalesce(failed_at, case when ${FAILURE_CLASSES.join(' + ')} > 0 then statement_timestamp() end)
   from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::text[],
               ${COUNTERS.map((_, n) => `$${n + 9}::integer[]`).join(', ')})
     as u(id, environment_id, application_id, at, succeeded_at, failed_at, latency, ${COUNTERS.join(', ')})
   order by 1, 2
   on conflict (subject_id, at, width) do update set
     ${COUNTERS.map((each) => `${each} = t.${each} + excluded.${each}`).join(', ')},
     latency = (select array_agg(a + b) from unnest(t.latency, excluded.latency) as bucket(a, b)),
     last_success_at = greatest(t.last_success_at, excluded.last_success_at),
     last_failure_at = greatest(t.last_failure_at, excluded.last_failure_at)`,
);

/** Where an hour's row gets its times from; a minute's are the database's clock. */
interface Stamped extends Counted {
  readonly at: Date | null;
  readonly succeededAt: Date | null;
  readonly failedAt: Date | null;
}

function addRows(db: Queryable, width: Width, rows: readonly Stamped[]): Promise<unknown> {
  return db.query(add, [
    width,
    rows.map(({ subject }) => subject.id),
    rows.map(({ subject }) => subject.environmentId),
    rows.map(({ subject }) => subject.applicationId),
    rows.map(({ at }) => at),
    rows.map(({ succeededAt }) => succeededAt),
    rows.map(({ failedAt }) => failedAt),
    rows.map(({ tally }) => `{${tally.latency.join(',')}}`),
    rows.map(({ tally }) => tally.accepted),
    rows.map(({ tally }) => tally.sent),
    rows.map(({ tally }) => tally.failed),
    ...FAILURE_CLASSES.map((each) => rows.map(({ tally }) => tally.failures[each])),
  ]);
}

/** Adds to the rows of this minute. @param counted no subject twice. */
export async function addTallies(db: Queryable, counted: readonly Counted[]): Promise<void> {
  const now = { at: null, succeededAt: null, failedAt: null };
  await addRows(
    db,
    1,
    counted.map((each) => ({ ...each, ...now })),
  );
}

const read = statement<TallyRow>(
  'tally_read',
  `select subject_id, environment_id, application_id, ${COUNTERS.join(', ')}, latency, ${AT_MS} from tally
   where subject_id = $2 and at >= $3 and environment_id = $1 and ($4::uuid is null or application_id = $4)
   order by at`,
);

/**
 * What was counted of a subject since a time, milliseconds since 1970.
 *
 * @param applicationId null where any application of the environment will do.
 */
export async function readTallies(
  db: Queryable,
  environmentId: Uuid,
  applicationId: Uuid | null,
  subjectId: Uuid,
  since: number,
): Promise<TallyAt[]> {
  const rows = await db.query(read, [environmentId, subjectId, new Date(since), applicationId]);
  return rows.map((row) => ({ at: row.at_ms, tally: tallyOf(row) }));
}

const lastTimes = statement<{ last_success_at: Date | null; last_failure_at: Date | null }>(
  'tally_last_times',
  `select max(last_success_at) as last_success_at, max(last_failure_at) as last_failure_at from tally
   where subject_id = $2 and environment_id = $1`,
);

/** When an attempt last went well and last failed, to the second, as far back as statistics are kept. */
export async function readLastTimes(db: Queryable, environmentId: Uuid, subjectId: Uuid) {
  return (await db.query(lastTimes, [environmentId, subjectId]))[0] ?? { last_success_at: null, last_failure_at: null };
}

const takeOld = statement<TallyRow & { last_success_at: Date | null; last_failure_at: Date | null; hour: Date }>(
  'tally_take_old',
  `delete from tally where ctid = any(array(
     select ctid from tally where width = 1 and at < statement_timestamp() - interval '2 hours'
     order by at limit $1 for update skip locked))
   returning subject_id, environment_id, application_id, ${COUNTERS.join(', ')}, latency, ${AT_MS},
     date_trunc('hour', at) as hour, last_success_at, last_failure_at`,
);

/** Makes hours of minutes that are over two hours old. @returns of how many, at most `limit`. */
export async function rollMinutes(db: Queryable, limit: number): Promise<number> {
  const minutes = await db.query(takeOld, [limit]);
  const hours = Map.groupBy(minutes, (row) => `${row.subject_id} ${row.hour.getTime()}`);
  const rows = [...hours.values()].flatMap(([first, ...rest]): Stamped[] => {
    if (!first) return [];
    const tally = tallyOf(first);
    for (const row of rest) addTally(tally, tallyOf(row));
    const all = [first, ...rest];
    return [
      {
        subject: { id: first.subject_id, environmentId: first.environment_id, applicationId: first.application_id },
        tally,
        at: first.hour,
        succeededAt: latest(all.map((row) => row.last_success_at)),
        failedAt: latest(all.map((row) => row.last_failure_at)),
      },
    ];
  });
  if (rows.length > 0) await addRows(db, 60, rows);
  return minutes.length;
}

const expire = statement<{ subject_id: Uuid }>(
  'tally_expire',
  `delete from tally where ctid = any(array(
     select ctid from tally where width = 60 and at < statement_timestamp() - $1 * interval '1 day'
     order by at limit $2)) returning subject_id`,
);

/** @returns how many hours older than so many days were dropped, at most `limit`. */
export async function expireTallies(db: Queryable, days: number, limit: number): Promise<number> {
  return (await db.query(expire, [days, limit])).length;
}

function tallyOf(row: TallyRow): Tally {
  const tally = newTally();
  for (const each of FAILURE_CLASSES) tally.failures[each] = row[each];
  return { ...tally, accepted: row.accepted, sent: row.sent, failed: row.failed, latency: row.latency };
}

function latest(times: readonly (Date | null)[]): Date | null {
  const known = times.flatMap((time) => time?.getTime() ?? []);
  return known.length > 0 ? new Date(Math.max(...known)) : null;
}
