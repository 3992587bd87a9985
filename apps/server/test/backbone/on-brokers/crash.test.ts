import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_TYPES, invite, ONE_TWO_OR_THREE } from '../../processes/audience.ts';
import { impossibleRows } from '../../processes/books.ts';
import { allDeliveries, settled } from '../../processes/deliveries.ts';
import { Producer } from '../../processes/producer.ts';
import { seededRandom } from '../../processes/random.ts';
import { type Place, Stage } from '../../processes/stage.ts';
import { figures, judge } from '../../processes/verdict.ts';
import { KINDS, type QueueBroker } from './brokers.ts';

/** How long something is killed and started again. */
const SECONDS = Number(process.env.POSTRIDER_TEST_CRASH_SECONDS || 25);
const SEED = Number(process.env.POSTRIDER_TEST_CRASH_SEED || Math.floor(Math.random() * 1e9));
/** What was lost with the broker or a worker comes again when its lease ends: 30 s of way, 2 s to send, 10 s of margin. */
const DRAIN_MS = 120_000;
/** And so often at least: a broker that starts slowly leaves time for few, and some meet nothing under way. */
const KILLS = 8;
const OF_BROKER = 3;

for (const kind of [KINDS.redis, KINDS.nats, KINDS.kafka]) {
  const reason = process.env.POSTRIDER_TEST_DATABASE_URL ? kind.missing : 'no POSTRIDER_TEST_DATABASE_URL';
  describe.skipIf(reason)(`a backbone on ${kind.name} in which everything is killed again and again`, () => {
    let stage: Stage;
    let broker: QueueBroker;
    let places: Place[];

    beforeAll(async () => {
      [stage, broker] = await Promise.all([Stage.set('postgresql'), kind.start()]);
      const queue = { POSTRIDER_QUEUE_URL: broker.url };
      places = [
        await stage.serve({ ...queue, POSTRIDER_ROLES: 'api' }),
        await stage.serve({ ...queue, POSTRIDER_ROLES: 'worker,maintenance' }),
        await stage.serve({ ...queue, POSTRIDER_ROLES: 'worker,maintenance' }),
      ];
    });
    afterAll(async () => {
      await stage.clear();
      await broker.stop();
    });

    test('nothing that was accepted is lost', async () => {
      const { receiver, receipts, apiKey } = stage;
      const [taker] = places;
      if (!taker) throw new Error('nobody takes messages');
      const audiences = [
        await invite(taker.api, receiver, 'well', ONE_TWO_OR_THREE, {
          urlOf: (label) => `${receiver.url}/slow/300/${label}`,
          timeoutSeconds: 2,
        }),
        await invite(taker.api, receiver, 'shaky', ONE_TWO_OR_THREE, {
          urlOf: (label) => `${receiver.url}/flaky/${label}?fail=0.2&hang=0.02&seed=1`,
          timeoutSeconds: 2,
        }),
      ];
      const producer = new Producer({ urls: [taker.url], apiKey, audiences, eventTypes: EVENT_TYPES, perSecond: 150 });

      producer.start();
      const random = seededRandom(SEED);
      const endsAt = performance.now() + SECONDS * 1000;
      const kills = [0, 0, 0, 0];
      for (let turn = 0; performance.now() < endsAt || kills.includes(0) || sum(kills) < KILLS; turn++) {
        await delay(100 + random() * 2_000);
        // The broker in every fourth turn, so that there is a time in which it works.
        const victim = turn % 4 === OF_BROKER ? OF_BROKER : Math.floor(random() * places.length);
        kills[victim] = (kills[victim] ?? 0) + 1;
        const place = places[victim];
        if (place) {
          await place.server.kill();
          place.begin();
          await place.server.ready();
        } else {
          await broker.crash();
          await delay(random() * 2_000);
          await broker.resume();
        }
      }
      await producer.stop();
      await settled(taker.api, DRAIN_MS);

      const verdict = judge(producer.accepted, receipts, await allDeliveries(taker.api));
      console.log(
        `crash test of a backbone on ${kind.name}: ${figures(verdict, sum(kills))}\n` +
          `  kills: api ${kills[0]}, workers ${kills[1]} and ${kills[2]}, broker ${kills[OF_BROKER]}; seed=${SEED} ` +
          `failed calls=${producer.failed} keyed calls repeated=${producer.repeated}`,
      );
      expect(verdict.lost).toEqual([]);
      expect(verdict.faults).toEqual([]);
      expect(producer.faults).toEqual([]);
      expect(await producer.askAgain(), 'keyed calls, asked once more').toEqual([]);
      for (const { server } of places) expect(await server.stop()).toEqual({ code: 0, signal: null });
      expect(await impossibleRows(stage.database)).toEqual([]);
      // Or it proved nothing.
      expect(producer.failed).toBeGreaterThan(0);
      expect(verdict.duplicates).toBeGreaterThan(0);
    }, 400_000);
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
