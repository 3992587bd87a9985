import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../kit/until.ts';
import { EVENT_TYPES, EVERY_LANE, invite, ONE_TWO_OR_THREE } from './audience.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { cutConnections, OwnPostgres } from './own-postgres.ts';
import { Producer } from './producer.ts';
import { type Place, Stage } from './stage.ts';
import { figures, judge } from './verdict.ts';

const CUTTING_MS = 15_000;
const DRAIN_MS = 60_000;
/** What waits while the database is away is bounded: calls are refused, and results hold their places. */
const GROWTH_MB = 250;

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('a PostgreSQL', () => {
  let postgres: OwnPostgres;
  let stage: Stage;
  let place: Place;

  beforeAll(async () => {
    postgres = await OwnPostgres.start();
  });
  beforeEach(async () => {
    stage = await Stage.set('postgresql', { server: postgres.url });
    place = await stage.serve();
  });
  afterEach(() => stage.clear());
  afterAll(() => postgres.stop());

  test.for([
    ['immediate', 20],
    ['fast', 5],
  ] as const)(
    'that is away (%s) for %i s under load loses nothing, and nobody has to lift a hand',
    async ([how, seconds]) => {
      const producer = await producerFor([
        await guests('well', '/slow/30', ONE_TWO_OR_THREE),
        await guests('lanes', '/slow/10', EVERY_LANE),
      ]);
      producer.start();
      await arrive(600);
      const before = place.server.rssMb;

      await postgres.halt(how);
      let most = 0;
      for (const backAt = performance.now() + seconds * 1000; performance.now() < backAt; await delay(500)) {
        const [health, ready, call] = await Promise.all([
          place.api.get('/health'),
          place.api.get('/ready'),
          place.api.post('/v1/messages', { event_type: 'order.paid', payload: { n: 0 } }),
        ]);
        expect(health.status).toBe(200);
        for (const refused of [ready, call]) {
          expect([refused.status, refused.body.code]).toEqual([503, 'storage_unavailable']);
          expect(refused.headers.get('retry-after')).toBe('1');
        }
        most = Math.max(most, place.server.rssMb);
      }
      await postgres.resume();
      const backAt = performance.now();
      await until(
        () => place.api.get('/ready'),
        ({ status }) => status === 200,
      );
      await arrive(400);
      await producer.stop();
      await judged(`PostgreSQL away (${how}) for ${seconds} s`, producer, 1);
      console.log(
        `  drained ${Math.round(performance.now() - backAt)} ms after its return; ` +
          `memory ${before.toFixed(0)} MB, at most ${most.toFixed(0)} MB without it`,
      );
      expect(place.server.count('due deliveries cannot be claimed; trying again')).toBeGreaterThan(0);
      expect(most - before).toBeLessThan(GROWTH_MB);
      expect(producer.failed).toBeGreaterThan(0);
    },
  );

  test('that cuts one connection after the other under load loses nothing', async () => {
    const producer = await producerFor([
      await guests('well', '/slow/30', ONE_TWO_OR_THREE),
      await guests('lanes', '/flaky', EVERY_LANE, '?fail=0.05&seed=1'),
    ]);
    producer.start();
    await arrive(100);
    let cut = 0;
    for (const endsAt = performance.now() + CUTTING_MS; performance.now() < endsAt; await delay(200)) {
      cut += await cutConnections(stage.database.databaseUrl ?? '', 2);
    }
    await producer.stop();
    await judged(`${cut} connections cut`, producer, cut);
    expect(cut).toBeGreaterThan(50);
    expect(place.server.count('ready')).toBe(1);
  });

  async function guests(name: string, behaviour: string, interests: typeof EVERY_LANE, query = '') {
    const urlOf = (label: string) => `${stage.receiver.url}${behaviour}/${label}${query}`;
    return invite(place.api, stage.receiver, name, interests, { urlOf, timeoutSeconds: 2 });
  }

  async function producerFor(audiences: readonly Awaited<ReturnType<typeof guests>>[]) {
    const { apiKey } = stage;
    return new Producer({ urls: [place.url], apiKey, audiences, eventTypes: EVENT_TYPES, perSecond: 60 });
  }

  async function arrive(more: number): Promise<void> {
    await stage.receiver.waitFor(stage.receiver.counts.total + more, 60_000);
  }

  async function judged(name: string, producer: Producer, disturbances: number) {
    await settled(place.api, DRAIN_MS);
    const verdict = judge(producer.accepted, stage.receipts, await allDeliveries(place.api));
    console.log(`${name}: ${figures(verdict, disturbances)}, failed calls=${producer.failed}`);
    expect(verdict.lost).toEqual([]);
    expect(verdict.faults).toEqual([]);
    expect(producer.faults).toEqual([]);
    expect(await producer.askAgain()).toEqual([]);
    expect(await place.server.stop()).toEqual({ code: 0, signal: null });
    expect(place.server.stderr).toBe('');
    expect(await impossibleRows(stage.database)).toEqual([]);
  }
});
