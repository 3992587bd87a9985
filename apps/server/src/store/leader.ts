import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

/** One row says who leads, and until when by the database's clock (maintenance/leader.ts). */

// Whose lease ends later than any that is taken now got it before the clock was set back. Twice as late, because another
// may have renewed it a moment after this began.
const hold = statement<{ holder: Uuid }>(
  'leader_hold',
  `insert into leader as l (holder, until) values ($1, statement_timestamp() + $2 * interval '1 millisecond')
   on conflict (singleton) do update set holder = excluded.holder, until = excluded.until
   where l.holder = excluded.holder or l.until <= statement_timestamp()
     or l.until > statement_timestamp() + 2 * $2 * interval '1 millisecond'
   returning holder`,
);

/** Takes the lead where nobody has it, or keeps it for so long from now. @returns false where another has it. */
export async function holdLead(db: Queryable, holder: Uuid, forMs: number): Promise<boolean> {
  return (await db.query(hold, [holder, forMs])).length > 0;
}

const leave = statement('leader_leave', 'delete from leader where holder = $1');

/** Leaves the lead to the next who asks. */
export async function leaveLead(db: Queryable, holder: Uuid): Promise<void> {
  await db.query(leave, [holder]);
}
