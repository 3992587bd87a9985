import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { EVENT_TYPES, invite, ONE_TWO_OR_THREE } from './audience.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { Producer } from './producer.ts';
import { seededRandom } from './random.ts';
import { Stage } from './stage.ts';
import { figures, judge } from './verdict.ts';

/** How long the server is killed and started again. */
const SECONDS = Number(process.env.POSTRIDER_TEST_CRASH_SECONDS || 60);
const SEED = Number(process.env.POSTRIDER_TEST_CRASH_SEED || Math.floor(Math.random() * 1e9));
const MIN_KILLS = 10;
/** Leases of the last kill run for 12 s, retries and the receiver's silences on top. */
const DRAIN_MS = 90_000;

onBothDatabases('a server that is killed again and again', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.set(kind);
  });
  afterAll(() => stage.clear());

  test('loses nothing it accepted, whether its receivers are well or not', async () => {
    const { receiver, receipts, apiKey } = stage;
    const place = await stage.serve();
    const audiences = [
      // Well: takes its time, so that a kill finds requests under way.
      await invite(place.api, receiver, 'well', ONE_TWO_OR_THREE, {
        urlOf: (label) => `${receiver.url}/slow/30/${label}`,
        timeoutSeconds: 2,
      }),
      await invite(place.api, receiver, 'shaky', ONE_TWO_OR_THREE, {
        urlOf: (label) => `${receiver.url}/flaky/${label}?fail=0.33&hang=0.02&seed=1`,
        timeoutSeconds: 2,
      }),
    ];
    const producer = new Producer({ urls: [place.url], apiKey, audiences, eventTypes: EVENT_TYPES, perSecond: 150 });

    producer.start();
    const random = seededRandom(SEED);
    const endsAt = performance.now() + SECONDS * 1000;
    let kills = 0;
    let killsMidWork = 0;
    while (performance.now() < endsAt || kills < MIN_KILLS) {
      // Every fourth kill or so does not wait for a server that is still starting: recovery can be interrupted too.
      if (random() < 0.75) await place.server.ready();
      const before = receipts.total;
      await delay(100 + random() * 4_000);
      await place.server.kill();
      kills++;
      if (receipts.total > before) killsMidWork++;
      place.begin();
    }
    await place.server.ready();
    await producer.stop();
    await settled(place.api, DRAIN_MS);

    const verdict = judge(producer.accepted, receipts, await allDeliveries(place.api));
    console.log(
      `crash test (${kind}): ${figures(verdict, kills)}\n` +
        `  seed=${SEED} failed calls=${producer.failed} keyed calls repeated=${producer.repeated} ` +
        `kills mid-work=${killsMidWork} (POSTRIDER_TEST_CRASH_SEED and _SECONDS choose)`,
    );
    expect(verdict.lost).toEqual([]);
    expect(verdict.faults).toEqual([]);
    expect(producer.faults).toEqual([]);
    expect(await producer.askAgain(), 'keyed calls, asked once more').toEqual([]);
    expect(await place.server.stop()).toEqual({ code: 0, signal: null });
    expect(await impossibleRows(stage.database)).toEqual([]);

    // Or it proved nothing: work was cut off, and some of it done twice.
    expect(killsMidWork).toBeGreaterThanOrEqual(3);
    expect(producer.failed).toBeGreaterThan(0);
    expect(producer.repeated).toBeGreaterThan(0);
    expect(verdict.duplicates).toBeGreaterThan(0);
  });
});
