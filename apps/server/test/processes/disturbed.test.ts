import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ALWAYS_TWO, EVENT_TYPES, invite } from './audience.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { Producer } from './producer.ts';
import { type Place, Stage } from './stage.ts';
import { type Duplicate, figures, judge } from './verdict.ts';

/** A lease is the endpoint's deadline and 10 s; a request that was sent twice came again when that had run out. */
const LEASE_MARGIN_MS = 10_000;
/** What may pass between the begin of a lease and the first arrival of its request. */
const FIRST_ARRIVAL_MS = 3_000;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('of two processes on one PostgreSQL', () => {
  let stage: Stage;
  let one: Place;
  let other: Place;

  beforeEach(async () => {
    stage = await Stage.set('postgresql');
    one = await stage.serve();
    other = await stage.serve();
  });
  afterEach(() => stage.clear());

  test('either can be killed under load, and nothing is lost', async () => {
    const { producer, timeoutSeconds } = await audienceOf({ answersAfterMs: 30, timeoutSeconds: 2, perSecond: 200 });
    producer.start();
    const killedAt: number[] = [];
    for (const place of [one, other]) {
      await arrive(400);
      killedAt.push(Date.now());
      await place.server.kill();
      await arrive(400);
      place.begin();
      await place.server.ready();
    }
    await producer.stop();
    const verdict = await judged('killed one, then the other', producer, killedAt);
    expect(producer.failed).toBeGreaterThan(0);
    expectLeasesLost(verdict.duplicated, killedAt, timeoutSeconds);
  });

  test('either can be frozen past its leases, and what it says then changes nothing', async () => {
    const { producer, timeoutSeconds } = await audienceOf({ answersAfterMs: 700, timeoutSeconds: 1, perSecond: 40 });
    const frozenAt: number[] = [];
    for (const [frozen, awake] of [
      [one, other],
      [other, one],
    ] as const) {
      producer.start();
      await arrive(200);
      frozenAt.push(Date.now());
      frozen.server.freeze();
      const sentAgain = stage.receiver.waitFor((request) => stage.receipts.has(request), 60_000);
      await arrive(100);
      await producer.stop();
      await sentAgain;
      // The first wakes up while the other is sending what was its own; the second when that is all over.
      if (frozen === other) await settled(awake.api, 60_000);
      frozen.server.thaw();
      await frozen.server.logged('lease lost; result dropped');
    }
    // Both still work.
    producer.start();
    await arrive(200);
    await producer.stop();
    const verdict = await judged('froze one, then the other', producer, frozenAt);
    expect(verdict.duplicates).toBeGreaterThan(0);
    expectLeasesLost(verdict.duplicated, frozenAt, timeoutSeconds);
  });

  async function audienceOf(how: { answersAfterMs: number; timeoutSeconds: number; perSecond: number }) {
    const { receiver, apiKey } = stage;
    const { answersAfterMs, timeoutSeconds, perSecond } = how;
    const audience = await invite(one.api, receiver, 'two', ALWAYS_TWO, {
      urlOf: (label) => `${receiver.url}/slow/${answersAfterMs}/${label}`,
      timeoutSeconds,
    });
    const urls = [one.url, other.url];
    const producer = new Producer({ urls, apiKey, audiences: [audience], eventTypes: EVENT_TYPES, perSecond });
    return { producer, timeoutSeconds };
  }

  /** Resolves once so many more requests have arrived. */
  async function arrive(more: number): Promise<void> {
    await stage.receiver.waitFor(stage.receiver.counts.total + more, 60_000);
  }

  async function judged(name: string, producer: Producer, disturbedAt: readonly number[]) {
    await settled(one.api, 60_000);
    const verdict = judge(producer.accepted, stage.receipts, await allDeliveries(one.api));
    console.log(`two processes (${name}): ${figures(verdict, disturbedAt.length)}, failed calls=${producer.failed}`);
    for (const { delivery, times } of verdict.duplicated) {
      console.log(
        `  ${delivery.id} came again ${times.slice(1).map((time) => time - (times[0] ?? 0))} ms after the first time`,
      );
    }
    expect(verdict.lost).toEqual([]);
    expect(verdict.faults).toEqual([]);
    expect(producer.faults).toEqual([]);
    expect(await producer.askAgain()).toEqual([]);
    for (const { server } of [one, other]) expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(await impossibleRows(stage.database)).toEqual([]);
    return verdict;
  }

  /** Each came first before a disturbance that its sender did not live to record, and again after its lease. */
  function expectLeasesLost(duplicated: readonly Duplicate[], disturbedAt: readonly number[], timeoutSeconds: number) {
    const leaseMs = timeoutSeconds * 1000 + LEASE_MARGIN_MS;
    const unexplained = duplicated.filter(({ times: [first = 0, second = 0, third] }) => {
      const wasUnderWay = disturbedAt.some((at) => first > at - timeoutSeconds * 1000 && first < at + 500);
      return !wasUnderWay || second - first < leaseMs - FIRST_ARRIVAL_MS || third !== undefined;
    });
    expect(unexplained).toEqual([]);
  }
});
