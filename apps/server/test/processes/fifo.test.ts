import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { disorder, OrderedReceiver } from './order.ts';
import { seededRandom } from './random.ts';
import { type Place, Stage } from './stage.ts';

const SEED = Number(process.env.POSTRIDER_TEST_FIFO_SEED || Math.floor(Math.random() * 1e9));
/** On PostgreSQL a kill that meets a head stops its endpoint until the lease ends, after 11 s. */
const KILLS = { embedded: 5, postgresql: 3 } as const;
const TIMEOUT_SECONDS = 1;
const PAUSE_MS = 50;
const CALL_MS = 3_000;
const DRAIN_MS = 90_000;

onBothDatabases('a fifo endpoint', (kind) => {
  const ordered = new OrderedReceiver(15);
  let stage: Stage;
  let places: Place[];

  beforeEach(async () => {
    stage = await Stage.set(kind, { behaviours: { ordered: ordered.behaviour } });
    const count = kind === 'embedded' ? 1 : 2;
    places = [];
    for (let n = 0; n < count; n++) places.push(await stage.serve());
  });
  afterEach(() => stage.clear());

  const name = { embedded: 'a process that is', postgresql: 'two processes that are' }[kind];
  test(`gets its messages in the order in which they were accepted, from ${name} killed at random`, async () => {
    const [place] = places;
    if (!place) throw new Error('nobody serves');
    const url = `${stage.receiver.url}/ordered/one`;
    const settings = { url, ordering: 'fifo', retry_policy: [0.05, 0.1], timeout_seconds: TIMEOUT_SECONDS };
    const { status, body } = await place.api.post('/v1/endpoints', settings);
    expect(status).toBe(201);
    stage.receiver.trust(String(body.secret), '/ordered/one');

    const publisher = publishing();
    const random = seededRandom(SEED);
    for (let kills = 0; kills < KILLS[kind]; kills++) {
      await stage.receiver.waitFor(stage.receiver.counts.total + 10 + Math.floor(random() * 40), 60_000);
      await delay(random() * 30);
      const victim = places[Math.floor(random() * places.length)] ?? place;
      await victim.server.kill();
      victim.begin();
      await victim.server.ready();
    }
    await stage.receiver.waitFor(stage.receiver.counts.total + 20, 60_000);
    const accepted = await publisher.stop();
    await settled(place.api, DRAIN_MS);

    const deliveries = new Map([...(await allDeliveries(place.api)).values()].map((each) => [each.message_id, each]));
    const ends = [...deliveries.values()];
    const attempts = ends.reduce((sum, { attempt_count }) => sum + attempt_count, 0);
    const failed = ends.filter((delivery) => delivery.status === 'FAILED').length;
    console.log(
      `fifo (${kind}): accepted=${accepted.length} received=${ordered.arrivals.length} attempts=${attempts} ` +
        `failed=${failed} kills=${KILLS[kind]} seed=${SEED}`,
    );
    expect(disorder(accepted, ordered.arrivals, deliveries)).toEqual([]);
    expect(ordered.mostAtOnce).toBe(1);
    expect(stage.receipts.faults).toEqual([]);
    expect(failed).toBeGreaterThan(0);
    for (const { server } of places) expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(await impossibleRows(stage.database)).toEqual([]);
  });

  /** One message after the other, each under a key and repeated until it is accepted, at each process in turn. */
  function publishing() {
    const accepted: string[] = [];
    let isRunning = true;
    const run = async () => {
      for (let n = 0; isRunning; n++) {
        accepted.push(await publish(n));
        await delay(PAUSE_MS);
      }
    };
    const running = run();
    return {
      async stop() {
        isRunning = false;
        await running;
        return accepted;
      },
    };
  }

  async function publish(n: number): Promise<string> {
    for (let tries = 0; ; tries++) {
      const place = places[(n + tries) % places.length];
      const reply = await fetch(`${place?.url}/v1/messages`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${stage.apiKey}`,
          'content-type': 'application/json',
          'idempotency-key': `fifo-${n}`,
        },
        body: JSON.stringify({ event_type: 'order.paid', payload: { n } }),
        signal: AbortSignal.timeout(CALL_MS),
      }).catch(() => null);
      if (reply?.status === 202) return ((await reply.json()) as { id: string }).id;
      await delay(PAUSE_MS);
    }
  }
});
