import { type Receiver, startReceiver } from '@postrider/receiver';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { fixedPort } from '../kit/server-process.ts';
import { until } from '../kit/until.ts';
import { ALWAYS_TWO, EVENT_TYPES, invite } from './audience.ts';
import { impossibleRows } from './books.ts';
import { allDeliveries, settled } from './deliveries.ts';
import { Producer } from './producer.ts';
import { type Place, Stage } from './stage.ts';
import { figures, judge } from './verdict.ts';

/** A first cooldown is 10 to 12 s; a probe that meets a dead receiver doubles it. */
const CIRCUIT_MS = 45_000;
const DRAIN_MS = 60_000;

onBothDatabases('a receiver that dies and comes back, again and again', (kind) => {
  const times = kind === 'embedded' ? 1 : 2;
  let stage: Stage;
  let place: Place;
  let receiver: Receiver;
  let port: number;
  const secrets: Record<string, string[]> = {};

  beforeEach(async () => {
    stage = await Stage.set(kind);
    place = await stage.serve();
    port = await fixedPort();
    receiver = await open();
  });
  afterEach(async () => {
    await receiver.close();
    await stage.clear();
  });

  /** Of this test's own: the stage's lives as long as the stage. */
  const open = () => startReceiver({ port, record: 'count', onRequest: stage.receipts.enter, secrets });

  test('gets everything in the end, its circuit opened and closed by itself', async () => {
    const trusting = {
      ...receiver,
      trust: (secret: string, path = '*') => {
        secrets[path] = [secret];
        receiver.trust(secret, path);
      },
    };
    const how = { urlOf: (label: string) => `http://127.0.0.1:${port}/ok/${label}`, timeoutSeconds: 2 };
    const audience = await invite(place.api, trusting, 'flapping', ALWAYS_TWO, how);
    const urls = [place.url];
    const { apiKey } = stage;
    const producer = new Producer({ urls, apiKey, audiences: [audience], eventTypes: EVENT_TYPES, perSecond: 40 });
    const circuits = (state: string) =>
      until(
        () => Promise.all(audience.listeners.map(({ id }) => place.api.get(`/v1/app/flapping/endpoints/${id}`))),
        (replies) => replies.every(({ body }) => (body.circuit as unknown as { state: string }).state === state),
        CIRCUIT_MS,
      );

    producer.start();
    for (let n = 0; n < times; n++) {
      await receiver.waitFor(receiver.counts.total + 100, 30_000);
      await receiver.close();
      await circuits('open');
      receiver = await open();
      await circuits('closed');
    }
    await producer.stop();
    await settled(place.api, DRAIN_MS);
    const verdict = judge(producer.accepted, stage.receipts, await allDeliveries(place.api));
    console.log(`flapping receiver (${kind}): ${figures(verdict, times)}`);
    expect(verdict).toMatchObject({ lost: [], faults: [] });
    expect(producer.failed).toBe(0);
    expect(await place.server.stop()).toEqual({ code: 0, signal: null });
    expect(place.server.stderr).toBe('');
    expect(await impossibleRows(stage.database)).toEqual([]);
    expect(place.server.count('circuit changed')).toBeGreaterThanOrEqual(times * 4);
  });
});
