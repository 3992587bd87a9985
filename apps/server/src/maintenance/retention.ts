import { setTimeout as sleep } from 'node:timers/promises';
import { firstIdAt, type Uuid } from '../core/ids.ts';
import { pastRetention } from '../core/retention.ts';
import type { Log } from '../log.ts';
import { repeating, type Service } from '../service.ts';
import type { Database } from '../store/database.ts';
import { listKeepings } from '../store/environment.ts';
import { DAY_MS } from '../store/partition.ts';
import {
  databaseNow,
  deleteMessages,
  dropDay,
  type OldMessage,
  oldMessages,
  partitionedDays,
} from '../store/retention.ts';
import { expireRejections } from '../store/source-rejection.ts';

const INTERVAL_MS = 3_600_000;
/** A day whose lock is not to be had is tried so often in one run, and then in the next. */
const TRIES = 5;
const TRY_AGAIN_MS = 2_000;
/** Messages looked at, and rows of messages and deliveries deleted, in one go. */
const BATCH = 1_000;
/** Between two batches: the deliveries of today come first. */
const PAUSE_MS = 50;

export interface RetentionOptions {
  readonly db: Database;
  readonly log: Log;
  /** For environments that have no number of their own. */
  readonly defaultDays: number;
}

/**
 * Drops what is past its time: whole days, and the older rows of environments that keep less than others; and the messages
 * that sources refused.
 */
export function createRetention(options: RetentionOptions): Service {
  return repeating(
    INTERVAL_MS,
    (signal) => endRetention(options, signal),
    (error) => options.log.warn({ err: error }, 'old rows cannot be dropped; trying again'),
  );
}

/** One run. Any number may run side by side: what one has dropped the others do not find. */
export async function endRetention({ db, log, defaultDays }: RetentionOptions, signal: AbortSignal): Promise<void> {
  // Two clocks would have to be wrong before anything goes too early.
  const now = Math.min(await databaseNow(db), Date.now());
  const { dropBefore, sweeps } = pastRetention(await listKeepings(db), defaultDays, now);
  for (const day of await partitionedDays(db)) {
    if (day + DAY_MS > dropBefore || signal.aborted) break;
    await drop(db, log, day, signal);
  }
  for (const { environmentId, before } of sweeps) {
    const swept = await sweep(db, environmentId, before, signal);
    await forgetRejections(db, environmentId, before, signal);
    if (swept > 0) log.info({ environment_id: environmentId, messages: swept }, 'messages past retention deleted');
  }
}

async function drop(db: Database, log: Log, day: number, signal: AbortSignal): Promise<void> {
  const name = new Date(day).toISOString().slice(0, 10);
  for (let tries = 1; !signal.aborted; tries++) {
    const outcome = await dropDay(db, day);
    if (outcome === 'dropped') return log.info({ day: name }, 'a day past retention dropped');
    // Not a fault: the sweep takes what is finished, and the day goes when little is left of it.
    if (outcome === 'held')
      return log.debug({ day: name }, 'a day past retention has too much in flight to be dropped');
    if (tries === TRIES) return log.warn({ day: name }, 'a day past retention is in use; trying again later');
    await pause(TRY_AGAIN_MS, signal);
  }
}

/** Walks from the oldest message on, so that what stays is looked at once. @returns how many messages went. */
async function sweep(db: Database, environmentId: Uuid, before: number, signal: AbortSignal): Promise<number> {
  let swept = 0;
  let after = firstIdAt(0);
  while (!signal.aborted) {
    const messages = await oldMessages(db, environmentId, after, before, BATCH);
    for (const batch of inBatches(messages.filter((message) => message.is_finished))) {
      if (signal.aborted) break;
      swept += await deleteMessages(db, environmentId, batch);
      await pause(PAUSE_MS, signal);
    }
    const last = messages.at(-1);
    if (!last || messages.length < BATCH) break;
    after = last.id;
    await pause(PAUSE_MS, signal);
  }
  return swept;
}

/** What sources have refused is kept as long as what they took in. */
async function forgetRejections(db: Database, environmentId: Uuid, before: number, signal: AbortSignal): Promise<void> {
  const last = firstIdAt(before);
  while (!signal.aborted && (await expireRejections(db, environmentId, last, BATCH)) === BATCH) {
    await pause(PAUSE_MS, signal);
  }
}

/** At most so many rows each; a message with more deliveries than that goes alone. */
function inBatches(messages: readonly OldMessage[]): OldMessage[][] {
  const batches: OldMessage[][] = [];
  let room = 0;
  for (const message of messages) {
    const rows = 1 + message.deliveries.length;
    if (rows > room) {
      batches.push([]);
      room = BATCH;
    }
    batches.at(-1)?.push(message);
    room -= rows;
  }
  return batches;
}

/** Ends early where the service is to stop. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
