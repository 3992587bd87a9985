import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inRows } from '../../kit/rows.ts';
import { until } from '../../kit/until.ts';
import { ALWAYS_TWO, EVENT_TYPES, invite } from '../../processes/audience.ts';
import { impossibleRows } from '../../processes/books.ts';
import { allDeliveries, settled } from '../../processes/deliveries.ts';
import { Producer } from '../../processes/producer.ts';
import { type Place, Stage } from '../../processes/stage.ts';
import { figures, judge } from '../../processes/verdict.ts';
import { KINDS, type QueueBroker } from './brokers.ts';

const MESSAGES = 2_000;
const IN_USE = 'the broker is in use';

for (const kind of Object.values(KINDS)) {
  const reason = process.env.POSTRIDER_TEST_DATABASE_URL ? kind.missing : 'no POSTRIDER_TEST_DATABASE_URL';
  describe.skipIf(reason)(`a backbone on ${kind.name}${reason ? ` (${reason})` : ''}`, () => {
    let stage: Stage;
    let broker: QueueBroker;
    let taker: Place;
    let senders: readonly [Place, Place];

    beforeAll(async () => {
      [stage, broker] = await Promise.all([Stage.set('postgresql'), kind.start()]);
      const env = { POSTRIDER_LOG_LEVEL: 'debug', POSTRIDER_QUEUE_URL: broker.url };
      taker = await stage.serve({ ...env, POSTRIDER_ROLES: 'api' });
      const roles = { POSTRIDER_ROLES: 'worker,maintenance' };
      senders = [await stage.serve({ ...env, ...roles }), await stage.serve({ ...env, ...roles })];
      for (const { server } of [taker, ...senders]) await server.logged(IN_USE);
      await taker.server.logged('workers take deliveries from the broker');
    });
    afterAll(async () => {
      await stage.clear();
      await broker.stop();
    });

    async function send(application: string, messages: number) {
      const { receiver, receipts, apiKey } = stage;
      const audience = await invite(taker.api, receiver, application, ALWAYS_TWO, {
        urlOf: (label) => `${receiver.url}/ok/${label}`,
        timeoutSeconds: 5,
      });
      const before = receipts.total;
      const producer = new Producer({
        urls: [taker.url],
        apiKey,
        audiences: [audience],
        eventTypes: EVENT_TYPES,
        perSecond: 400,
      });
      await producer.send(messages);
      await settled(taker.api, 60_000);
      const verdict = judge(producer.accepted, receipts, await allDeliveries(taker.api));
      console.log(`backbone on ${kind.name}, ${application}: ${figures(verdict, 0)}`);
      expect(verdict).toMatchObject({ accepted: messages, deliveries: messages * 2, lost: [], faults: [] });
      expect(producer.failed).toBe(0);
      expect(receipts.total - before, 'requests, of which each delivery is one').toBe(messages * 2);
    }

    /** Lanes that had a turn: those whose deliveries were claimed from the database. */
    const turns = async () => (await inRows(stage.database, 'select from lane where served_at is not null')).length;

    test('each delivery goes through it, once, and workers share', async () => {
      const attempts = () => senders.map(({ server }) => server.count('attempt'));
      // A consumer group lets a second member in after some seconds.
      for (let n = 0; n < 60 && attempts().includes(0); n++) await send(`before-${n}`, 100);
      const before = attempts();
      await send('through', MESSAGES);

      const shares = attempts().map((count, n) => count - (before[n] ?? 0));
      console.log(`  shares: ${shares.join(' and ')}`);
      expect(shares.reduce((sum, share) => sum + share)).toBe(MESSAGES * 2);
      for (const share of shares) expect(share).toBeGreaterThan(MESSAGES * 2 * 0.1);
      // Nobody had to look for them in the database.
      expect(await turns()).toBe(0);
    });

    test('while it is away, they go through the database, and through it again when it is back', async () => {
      await broker.crash();
      await send('without', 500);
      expect(await turns()).toBeGreaterThan(0);

      const seen = taker.server.count(IN_USE);
      await broker.resume();
      await until(
        async () => taker.server.count(IN_USE),
        (count) => count > seen,
      );
      // A consumer group lets its members in again after some seconds, in which some may still go through the database.
      let before = -1;
      for (let n = 0; n < 20 && before !== (await turns()); n++) {
        before = await turns();
        await send(`back-${n}`, 50);
      }
      expect(await turns()).toBe(before);
      await send('again', 500);
      expect(await turns()).toBe(before);
    });

    test('stops cleanly, with nothing impossible in the books', async () => {
      for (const { server } of [taker, ...senders]) expect(await server.stop()).toEqual({ code: 0, signal: null });
      expect(await impossibleRows(stage.database)).toEqual([]);
    });
  });
}
