import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/**
 * Lanes that a clock wrote to which was ahead and has been set back since. A lane is not ready before its last turn, so one
 * that had its turn at a wrong time stands still until that comes again, whatever becomes of it.
 */

/** Longer than any circuit stays open (`cooldownMs`, with its jitter). One that opens again writes nothing but its end. */
const LONGEST_HOLD_MINUTES = 13;
/** Others write while this looks, and their statements begin a little later. */
const AHEAD = `(greatest(served_at, resumed_at, opened_at) > statement_timestamp() + interval '1 second'
  or held_by = 'circuit_open' and held_until > statement_timestamp() + interval '${LONGEST_HOLD_MINUTES} minutes')`;

const notAhead = (column: string) =>
  `${column} = case when ${column} > statement_timestamp() then statement_timestamp() else ${column} end`;

// What it holds back by itself ends, for that time is wrong too: at worst an open circuit is probed too early, and what
// is over its rate is held again at its next turn. A pause stays. Whoever opened a circuit, or held a lane back for its
// rate, wrote one of the three times at the same moment.
const putRight = statement<{ endpoint_id: Uuid }>(
  'lane_put_right',
  `with ahead as (
     select endpoint_id from lane where endpoint_id > $1 and ${AHEAD} order by endpoint_id limit $2 for update
   )
   update lane set ${['next_at', 'served_at', 'tokens_at', 'resumed_at', 'opened_at'].map(notAhead).join(', ')},
     held_until = case when held_by <> 'paused' then least(held_until, statement_timestamp()) else held_until end
   from ahead where lane.endpoint_id = ahead.endpoint_id
   returning lane.endpoint_id`,
);

const NONE = '00000000-0000-0000-0000-000000000000' as Uuid;

/**
 * Makes the times of lanes that are ahead those of now. Reads every lane, so it is for when there is a reason to.
 *
 * @param batch so many in a statement; nobody waits for the lanes of all.
 * @returns how many there were.
 */
export async function putLanesRight(db: Queryable, batch: number): Promise<number> {
  let [count, after] = [0, NONE];
  for (;;) {
    const rows = await db.query(putRight, [after, batch]);
    count += rows.length;
    for (const { endpoint_id } of rows) if (endpoint_id > after) after = endpoint_id;
    if (rows.length < batch) return count;
  }
}
