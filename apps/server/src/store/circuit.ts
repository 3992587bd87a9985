import type { CircuitState } from '../core/circuit.ts';
import type { Uuid } from '../core/ids.ts';
import { type Queryable, statement } from './database.ts';

const lock = statement<{ circuit: CircuitState; openings: number }>(
  'circuit_lock',
  'select circuit, openings from lane where endpoint_id = $1 for update',
);

/** The circuit as it is, held against other processes to the end of the transaction; undefined without an endpoint. */
export async function lockCircuit(tx: Queryable, endpointId: Uuid) {
  return (await tx.query(lock, [endpointId]))[0];
}

/** What was in flight as somebody paused the endpoint may still open or close its circuit. The pause stays. */
function unlessPaused(column: string, value: string): string {
  return `${column} = case when held_by = 'paused' then ${column} else ${value} end`;
}

const open = statement(
  'circuit_open',
  `update lane set circuit = 'open', openings = openings + 1,
     opened_at = case when circuit = 'closed' then statement_timestamp() else opened_at end,
     ${unlessPaused('held_by', "'circuit_open'")},
     ${unlessPaused('held_until', "statement_timestamp() + $2 * interval '1 millisecond'")}
   where endpoint_id = $1`,
);

/** Holds the lane until its next probe. `opened_at` stays that of the first opening in a row. */
export async function openCircuit(tx: Queryable, endpointId: Uuid, cooldownMs: number): Promise<void> {
  await tx.query(open, [endpointId, cooldownMs]);
}

const close = statement(
  'circuit_close',
  `update lane set circuit = 'closed', openings = 0, opened_at = null,
     ${unlessPaused('held_by', 'null')}, ${unlessPaused('held_until', 'null')},
     tokens = 1, tokens_at = statement_timestamp(), resumed_at = statement_timestamp()
   where endpoint_id = $1`,
);

/** Lets deliveries through again, slowly at first. */
export async function closeCircuit(tx: Queryable, endpointId: Uuid): Promise<void> {
  await tx.query(close, [endpointId]);
}
