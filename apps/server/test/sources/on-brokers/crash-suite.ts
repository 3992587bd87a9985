import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { all, answer, type MessageRow } from '../../kit/answers.ts';
import type { Api } from '../../kit/api.ts';
import { brokerOn } from '../../kit/brokers/stage.ts';
import { until } from '../../kit/until.ts';
import { Stage } from '../../processes/stage.ts';
import { createSource, eventOf, type Source, sourceOnce } from '../answers.ts';
import type { SourceStage } from './stage.ts';

const KILLS = 4;
const DRAIN_MS = 120_000;

/** The server is killed while messages come in: each becomes one message, none is lost. */
export function crashes(kind: string, open: () => Promise<SourceStage>, missing: string | null): void {
  describe.skipIf(missing !== null)(`a server that receives from ${kind} and is killed again and again`, () => {
    const on = brokerOn(open);
    let stage: Stage;
    beforeAll(async () => {
      stage = await Stage.set('embedded');
    });
    afterAll(() => stage?.clear());

    test('makes of each message one event', { timeout: 300_000 }, async () => {
      await on.broker.makeQueue('orders');
      const place = await stage.serve({ POSTRIDER_EGRESS_ALLOW: `${on.broker.allow} 127.0.0.0/8` });
      const { id } = await createSource(place.api, {
        type: on.broker.type,
        name: 'Orders',
        config: on.broker.config('orders'),
      });
      let made = 0;
      let isOver = false;
      const publishing = (async () => {
        while (!isOver) {
          const batch = Array.from({ length: 20 }, () => eventOf('orders', made++));
          await on.broker.publish('orders', batch);
          await delay(100);
        }
      })();
      for (let kill = 1; kill <= KILLS; kill++) {
        await place.server.ready();
        // In the middle of it: some have come in since it started, more are coming.
        const { received: before } = await answer<Source>(place.api.get(`/v1/sources/${id}`), 200);
        await sourceOnce(place.api, id, ({ received }) => received > before, DRAIN_MS);
        await delay(Math.random() * 500);
        await place.server.kill();
        place.begin();
      }
      isOver = true;
      await publishing;
      await place.server.ready();
      const wanted = Array.from({ length: made }, (_, n) => `orders.n${n}`).sort();
      const taken = await until(
        () => typesOf(place.api),
        (types) => new Set(types).size === made,
        DRAIN_MS,
      );
      if (on.broker.waiting)
        await until(
          () => on.broker.waiting?.('orders') ?? 0,
          (count) => count === 0,
          DRAIN_MS,
        );
      expect(taken.sort()).toEqual(wanted);
      console.log(`${kind}: ${made} messages, ${KILLS} kills, none lost, none twice`);
    });
  });
}

async function typesOf(api: Api): Promise<string[]> {
  return (await all<MessageRow>(api, '/v1/messages')).map(({ event_type }) => event_type);
}
