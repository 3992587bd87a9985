import { createClient } from '@redis/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing, OwnRedis } from '../../../../../packages/queues/test/brokers/redis.ts';
import { openDatabase, statement } from '../../../src/store/database.ts';
import { all, answer, type MessageRow } from '../../kit/answers.ts';
import { until } from '../../kit/until.ts';
import { Stage } from '../../processes/stage.ts';
import { createSource, type Source } from '../answers.ts';

const DRAIN_MS = 60_000;
const held = statement<{ id: string; held_by: string | null }>('', 'select id, held_by from source order by id');

describe.skipIf(missing !== null || !process.env.POSTRIDER_TEST_DATABASE_URL)('two processes (PostgreSQL)', () => {
  let redis: OwnRedis;
  let stage: Stage;
  const holders = async () => {
    const db = await openDatabase(stage.database.target, () => {});
    try {
      return (await db.query(held, [])).map(({ held_by }) => held_by);
    } finally {
      await db.close();
    }
  };

  beforeAll(async () => {
    redis = await OwnRedis.start();
    stage = await Stage.set('postgresql');
  }, 120_000);
  afterAll(async () => {
    await stage?.clear();
    await redis?.stop();
  });

  test('share sources, each of which one receives from, and the other takes over', { timeout: 180_000 }, async () => {
    const first = await stage.serve();
    const client = createClient({ url: redis.url({ user: 'default' }) });
    await client.connect();
    const config = { url: `redis://127.0.0.1:${redis.port}`, username: 'postrider', password: redis.password };
    const streams = ['s0', 's1', 's2', 's3'];
    const sources: Source[] = [];
    for (const stream of streams) {
      await client.xDel(stream, await client.xAdd(stream, '*', { body: '{}' }));
      const body = { type: 'redis', name: stream, config: { ...config, stream } };
      sources.push(await createSource(first.api, body));
    }
    const publish = (from: number) =>
      Promise.all(
        streams.flatMap((stream) =>
          Array.from({ length: 50 }, (_, n) =>
            // One group: what comes of it keeps its order.
            client.xAdd(stream, '*', { body: '{}', group: 'g', 'header:event-type': `${stream}.n${from + n}` }),
          ),
        ),
      );
    const countOf = (who: (string | null)[]) =>
      [...Map.groupBy(who, (each) => each).values()].map((each) => each.length);
    await until(holders, (who) => !who.includes(null) && new Set(who).size === 1);

    const second = await stage.serve();
    await until(holders, (who) => !who.includes(null) && countOf(who).join() === '2,2', DRAIN_MS);
    const publishing = (async () => {
      for (let from = 0; from < 200; from += 50) await publish(from);
    })();
    await until(
      async () => (await answer<Source>(second.api.get(`/v1/sources/${sources[0]?.id}`), 200)).received,
      (received) => received > 0,
    );
    await first.server.kill();
    await publishing;
    const taken = await until(
      async () => (await all<MessageRow>(second.api, '/v1/messages')).map(({ event_type }) => event_type),
      (types) => new Set(types).size === 800,
      DRAIN_MS,
    );
    expect(taken.length).toBe(800);
    for (const stream of streams) {
      const order = taken.flatMap((type) => (type.startsWith(`${stream}.n`) ? [Number(type.slice(4))] : [])).reverse();
      expect(order).toEqual(Array.from({ length: 200 }, (_, n) => n));
    }
    // What the first had taken in to the end is not given out again, and nobody hurries for what is empty.
    await until(holders, (who) => !who.includes(null) && new Set(who).size === 1, DRAIN_MS);
    client.destroy();
  });
});
