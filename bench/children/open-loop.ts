import { setImmediate as turn } from 'node:timers/promises';
import { Pool } from 'undici';
import { machineMs } from '../clock.ts';

/** Calls that are made at their time, whether or not earlier ones were answered. */
export interface Schedule {
  readonly url: string;
  readonly key: string;
  /** Called in turn. */
  readonly paths: readonly string[];
  readonly body: string;
  readonly perSecond: number;
  readonly seconds: number;
}

/** By message: when its call began (machine's time), and how much later than it should have, ms. */
export interface Begun {
  readonly id: string;
  readonly at: number;
  readonly lateMs: number;
}

/** More than can be under way unless something stands still; only then would a call wait for a connection. */
const CONNECTIONS = 512;

/** A sleep keeps answers waiting, which nobody times, and then the calls that need a free connection. */
const LONGEST_SLEEP_MS = 1;

/**
 * Arrivals by the clock: a slow answer does not slow down the next question, so it cannot hide how many would have waited.
 *
 * Node's timers turn about once in 1.1 ms, so calls would come in bursts that queue behind themselves. So it sleeps, with
 * its event loop, until the next one is due.
 *
 * @throws Error where one of them was not accepted.
 */
export async function openLoop({ url, key, paths, body, perSecond, seconds }: Schedule): Promise<Begun[]> {
  const pool = new Pool(url, { connections: CONNECTIONS });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const total = Math.round(perSecond * seconds);
  const calls: Promise<Begun>[] = [];
  const startedAt = machineMs();
  const call = async (n: number): Promise<Begun> => {
    const at = machineMs();
    const lateMs = at - startedAt - (n * 1000) / perSecond;
    const path = paths[n % paths.length] ?? '/';
    const response = await pool.request({ method: 'POST', path, headers, body });
    const answer = await response.body.text();
    if (response.statusCode !== 202) throw new Error(`${path} answered ${response.statusCode}: ${answer}`);
    return { id: (JSON.parse(answer) as { message_id: string }).message_id, at, lateMs };
  };
  const bed = new Int32Array(new SharedArrayBuffer(4));
  while (calls.length < total) {
    const waitMs = startedAt + (calls.length * 1000) / perSecond - machineMs();
    if (waitMs > 0) Atomics.wait(bed, 0, 0, Math.min(waitMs, LONGEST_SLEEP_MS));
    const due = Math.floor(((machineMs() - startedAt) * perSecond) / 1000);
    while (calls.length <= due && calls.length < total) {
      const begun = call(calls.length);
      // Heard below; until then a failure is nobody's.
      begun.catch(() => {});
      calls.push(begun);
    }
    await turn();
  }
  const begun = await Promise.all(calls);
  await pool.close();
  return begun;
}
