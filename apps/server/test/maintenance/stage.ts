import { newDeliveryId, newId, type Uuid } from '../../src/core/ids.ts';
import { createLog } from '../../src/log.ts';
import { endRetention } from '../../src/maintenance/retention.ts';
import { insertMessages, type NewDelivery } from '../../src/store/acceptance.ts';
import type { Database } from '../../src/store/database.ts';
import { recordAttempts } from '../../src/store/lease.ts';
import { DAY_MS, ensurePartitions } from '../../src/store/partition.ts';
import { claimDue, message, result, type Stage } from '../store/stage.ts';

export const TODAY = Date.now() - (Date.now() % DAY_MS);

/** The beginning of the day that was so many days ago. */
export const daysAgo = (days: number) => TODAY - days * DAY_MS;

/** Makes the partitions of the last so many days, as if Postrider had run all the time. */
export function haveRunFor(stage: Stage, days: number): Promise<void> {
  return ensurePartitions(stage.db, daysAgo(days), TODAY);
}

/** An id as it was made then. */
export function idOf(at: number): Uuid {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}${newId().slice(13)}` as Uuid;
}

/** A message accepted then. Deliveries are due unless they say otherwise. */
export async function acceptAt(
  stage: Stage,
  at: number,
  deliveries: readonly Partial<NewDelivery>[] = [{}],
  environmentId: Uuid = stage.environment,
) {
  const id = idOf(at);
  const made = message(
    stage,
    deliveries.map((each) => ({ id: newDeliveryId(id), dueInMs: -1, ...each })),
    { id, environmentId },
  );
  await insertMessages(stage.db, [made]);
  return { id, deliveries: made.deliveries.map((each) => each.id) };
}

/** Claims all that is due and records it as SENT. */
export async function sendDue(stage: Stage): Promise<void> {
  for (;;) {
    const leased = await claimDue(stage.db, 100);
    if (leased.length === 0) return;
    await recordAttempts(
      stage.db,
      leased.map((each) => result(each)),
    );
  }
}

/** A message accepted then whose deliveries all were sent. */
export async function sendAt(stage: Stage, at: number, fanout = 1, environmentId: Uuid = stage.environment) {
  const made = await acceptAt(
    stage,
    at,
    Array.from({ length: fanout }, () => ({})),
    environmentId,
  );
  await sendDue(stage);
  return made;
}

/** One run of the retention, with 30 days where an environment has no number of its own. */
export function retain(db: Database, signal = new AbortController().signal): Promise<void> {
  return endRetention({ db, log: createLog('silent'), defaultDays: 30 }, signal);
}

/** How many rows there are of each, and in how many partitions besides the default. */
export async function inventory(stage: Stage) {
  const [row] = await stage.sql<{ messages: number; deliveries: number; attempts: number }>(
    `select (select count(*)::integer from message) as messages, (select count(*)::integer from delivery) as deliveries,
       (select count(*)::integer from attempt) as attempts`,
  );
  return row;
}
