import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { onBothDatabases } from '../kit/database.ts';
import { ServerProcess } from '../kit/server-process.ts';
import { settled } from './deliveries.ts';
import { type Place, Stage } from './stage.ts';

/** "Within seconds": a process manager that loses patience kills after 10 s (Docker) or more. */
const STOP_MS = 8_000;

let stage: Stage;
afterEach(() => stage.clear());

describe('a second process on an embedded folder', () => {
  beforeEach(async () => {
    stage = await Stage.set('embedded');
  });

  test('is refused in one line that names the folder, and the first goes on serving', async () => {
    const first = await stage.serve();
    const second = new ServerProcess({ ...first.env, POSTRIDER_PORT: '0' });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.stderr.split('\n')).toEqual([expect.stringContaining(stage.database.dataDir), '']);
    expect(second.stderr).toMatch(/in use by another Postrider process/);

    const id = await addEndpoint(first, '/ok/first');
    const arrived = stage.receiver.waitFor(({ path }) => path === '/ok/first');
    await publish(first, 1);
    await arrived;
    expect((await first.api.get(`/v1/endpoints/${id}`)).status).toBe(200);
  });

  test('may start as soon as the first was killed', async () => {
    const first = await stage.serve();
    await first.server.kill();
    first.begin();
    await first.server.ready();
  });
});

onBothDatabases('SIGTERM', (kind) => {
  beforeEach(async () => {
    stage = await Stage.set(kind);
  });

  test('lets a delivery in flight end, records it and ends cleanly; it is not sent again', async () => {
    const place = await stage.serve();
    await addEndpoint(place, '/slow/1500/calm');
    const arrived = stage.receiver.waitFor(({ path }) => path === '/slow/1500/calm');
    await publish(place, 1);
    await arrived;

    await stopWithin(place, STOP_MS);
    place.begin();
    await place.server.ready();
    const { data } = JSON.parse((await place.api.get('/v1/deliveries')).text);
    expect(data).toMatchObject([{ status: 'SENT', attempt_count: 1, last_status_code: 200 }]);
    // Whatever was due is sent before a later message is.
    await publish(place, 2);
    await settled(place.api, 10_000);
    expect(stage.receiver.counts.total).toBe(2);
    expect(stage.receipts.faults).toEqual([]);
  });

  test('under calls ends within seconds too; each is answered 202 and kept, or promised nothing', async () => {
    const place = await stage.serve();
    await addEndpoint(place, '/ok/late');
    const replies = Array.from({ length: 200 }, (_, n) => publish(place, n).catch(() => null));
    await Promise.race(replies);
    await stopWithin(place, STOP_MS);
    const answered = (await Promise.all(replies)).flatMap((reply) => reply ?? []);
    const accepted = answered.filter(({ status }) => status === 202);
    expect(accepted.length).toBeGreaterThan(0);
    expect(answered.filter(({ status }) => status !== 202 && status !== 503)).toEqual([]);

    place.begin();
    await place.server.ready();
    await settled(place.api, 30_000);
    for (const { body } of accepted) expect(stage.receipts.of('late', String(body.id))).toHaveLength(1);
  });

  test('does not wait for a client that has sent half a call', async () => {
    const place = await stage.serve();
    const client = connect(Number(new URL(place.url).port), '127.0.0.1');
    client.write('POST /v1/messages HTTP/1.1\r\nhost: postrider\r\n');
    client.on('error', () => {});
    // What it wrote before is read by the time a later connection is answered.
    await place.api.get('/health');
    await stopWithin(place, STOP_MS);
  });

  test('ends a server that is still starting', async () => {
    const place = await stage.place();
    place.begin();
    await place.server.logged('database migrated');
    await stopWithin(place, STOP_MS);
  });
});

async function stopWithin(place: Place, ms: number): Promise<void> {
  const toldAt = performance.now();
  expect(await place.server.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - toldAt).toBeLessThan(ms);
  expect(place.server.stderr).toBe('');
}

async function addEndpoint(place: Place, path: string): Promise<string> {
  const url = stage.receiver.url + path;
  const { status, body } = await place.api.post('/v1/endpoints', { url, events: ['*'], timeout_seconds: 5 });
  expect(status).toBe(201);
  stage.receiver.trust(String(body.secret), path);
  return String(body.id);
}

function publish(place: Place, n: number) {
  return place.api.post('/v1/messages', { event_type: 'order.paid', payload: { n } });
}
