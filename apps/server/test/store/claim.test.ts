import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { claim } from '../../src/delivery/claim.ts';
import { Slots } from '../../src/delivery/slots.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { openDatabase } from '../../src/store/database.ts';
import { lockReadyLanes, type ReadyLane } from '../../src/store/lane.ts';
import { LEASE_MARGIN_MS } from '../../src/store/lease.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, giveBackLease, message, openStage, roomFor, type Stage } from './stage.ts';

onBothDatabases('a claim', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => stage.clear());
  afterAll(() => stage.close());

  test('gets a due delivery with all that is needed to send it', async () => {
    const endpoint = await stage.addEndpoint();
    const sent = message(stage, [{ endpointId: endpoint.id, trigger: 'manual' }], {
      payload: '{ "a" : 1.0 }',
      eventId: 'evt-1',
      headers: '{"x-a":"b"}',
    });
    await insertMessages(stage.db, [sent]);
    expect(await claimDue(stage.db, 10)).toEqual([
      {
        id: sent.deliveries[0]?.id,
        messageId: sent.id,
        environmentId: stage.environment,
        applicationId: stage.application,
        endpointId: endpoint.id,
        eventType: 'invoice.paid',
        trigger: 'manual',
        attemptCount: 0,
        lease: 1,
        payload: '{ "a" : 1.0 }',
        eventId: 'evt-1',
        headers: { 'x-a': 'b' },
        isProbe: false,
        isCounted: false,
      },
    ]);
  });

  test('leases for the endpoint’s deadline and a margin; for the longest deadline where the endpoint is gone', async () => {
    const endpoint = await stage.addEndpoint({ timeout_seconds: 2.5 });
    await insertMessages(stage.db, [message(stage, [{ endpointId: endpoint.id }, {}])]);
    const claimed = await claimDue(stage.db, 10);
    const rows = await stage.sql<{ endpoint_id: string; ms: number; status: string }>(
      'select endpoint_id, status, extract(epoch from leased_until - now())::float8 * 1000 as ms from delivery',
    );
    const leases = new Map(rows.map((row) => [row.endpoint_id, row.ms]));
    const shortest = leases.get(endpoint.id) ?? 0;
    // A moment has passed since.
    expect(shortest).toBeGreaterThan(2_000 + LEASE_MARGIN_MS);
    expect(shortest).toBeLessThanOrEqual(2_500 + LEASE_MARGIN_MS);
    expect(Math.max(...leases.values())).toBeGreaterThan(59_500 + LEASE_MARGIN_MS);
    expect(rows.every((row) => row.status === 'SENDING')).toBe(true);
    expect(claimed).toHaveLength(2);
  });

  test('takes nothing that is not due, leased or done', async () => {
    await insertMessages(stage.db, [
      message(stage, [{ dueInMs: 60_000 }, { status: 'SENDING', dueInMs: 60_000 }, { status: 'SENDING', dueInMs: -1 }]),
    ]);
    const done = message(stage, 2);
    await insertMessages(stage.db, [done]);
    await stage.sql("update delivery set status = 'SENT', due_at = null where id = $1", [done.deliveries[0]?.id]);
    await stage.sql("update delivery set status = 'FAILED', due_at = null where id = $1", [done.deliveries[1]?.id]);
    expect(await claimDue(stage.db, 10)).toEqual([]);
  });

  test('takes what is due longest first, and no more than it may', async () => {
    const sent = message(stage, [{ dueInMs: -1_000 }, { dueInMs: -3_000 }, { dueInMs: -2_000 }]);
    await insertMessages(stage.db, [sent]);
    const [late, latest, later] = sent.deliveries.map((delivery) => delivery.id);
    const taken = (await claimDue(stage.db, 2)).map((delivery) => delivery.id);
    expect(new Set(taken)).toEqual(new Set([latest, later]));
    expect((await claimDue(stage.db, 2)).map((delivery) => delivery.id)).toEqual([late]);
  });

  test('leaves the endpoints that it is told to leave', async () => {
    const [full, idle] = [newId(), newId()];
    await insertMessages(stage.db, [message(stage, [{ endpointId: full, dueInMs: -9_000 }, { endpointId: idle }])]);
    expect((await claimDue(stage.db, 10, [full])).map((delivery) => delivery.endpointId)).toEqual([idle]);
    expect(await claimDue(stage.db, 10, [full, idle])).toEqual([]);
    expect((await claimDue(stage.db, 10)).map((delivery) => delivery.endpointId)).toEqual([full]);
  });

  test('leaves the applications that it is told to leave, but what of theirs has lost its endpoint', async () => {
    const { id: application } = await stage.addApplication();
    const [full, idle] = [await stage.addEndpoint(), await stage.addEndpoint({ application_id: application })];
    const gone = newId();
    await insertMessages(stage.db, [
      message(stage, [{ endpointId: full.id, dueInMs: -9_000 }, { endpointId: gone }]),
      message({ ...stage, application }, [{ endpointId: idle.id }]),
    ]);
    const room = { ...roomFor(10), full: { endpoints: [], applications: [stage.application] } };
    const claimed = (await claim(stage.db, room)).deliveries.map((delivery) => delivery.endpointId);
    expect(new Set(claimed)).toEqual(new Set([gone, idle.id]));
  });

  // Found: the lanes of an application that was served as fast as it got places stood before everybody else's.
  test('goes past the lanes for which their application has no place, to those behind them', async () => {
    const { id: application } = await stage.addApplication();
    const other = await stage.addEndpoint({ application_id: application });
    const many = await Promise.all(Array.from({ length: 40 }, () => stage.addEndpoint()));
    await insertMessages(stage.db, [
      message(
        stage,
        many.map(({ id }) => ({ endpointId: id, dueInMs: -9_000 })),
      ),
      message({ ...stage, application }, [{ endpointId: other.id }]),
    ]);
    const slots = new Slots(64);
    for (let n = 0; n < 50; n++) slots.occupy(stage.application, newId());
    const room = { free: slots.free, full: slots.full(), allot: slots.allot.bind(slots) };
    const servedOf = async (mayWalk: boolean) => (await claim(stage.db, { ...room, mayWalk })).deliveries;
    const first = await servedOf(false);
    expect(first.length).toBeGreaterThan(0);
    expect(first.map(({ applicationId }) => applicationId)).not.toContain(application);
    expect((await servedOf(true)).map(({ applicationId }) => applicationId)).toContain(application);
  });

  test('leaves a lane for which there is no place as it is, and its turn to it', async () => {
    const [one, two] = [await stage.addEndpoint(), await stage.addEndpoint()];
    await insertMessages(stage.db, [message(stage, [{ endpointId: one.id }, { endpointId: two.id }])]);
    const lanes = () => stage.sql<{ endpoint_id: string; ready_at: Date }>('select * from lane order by endpoint_id');
    const before = await lanes();
    const none = await claim(stage.db, { ...roomFor(10), allot: (each) => each.map(() => 0) });
    expect([none, await lanes()]).toEqual([{ deliveries: [], lanes: 0, hasWalked: true }, before]);
    const room = { ...roomFor(10), allot: (each: readonly ReadyLane[]) => each.map((_, n) => (n === 0 ? 1 : 0)) };
    const first = await claim(stage.db, room);
    const second = await claim(stage.db, room);
    const served = [...first.deliveries, ...second.deliveries].map((delivery) => delivery.endpointId);
    expect(new Set(served)).toEqual(new Set([one.id, two.id]));
  });

  test('raises the fencing token each time', async () => {
    await insertMessages(stage.db, [message(stage)]);
    for (const lease of [1, 2, 3]) {
      const [delivery] = await claimDue(stage.db, 1);
      expect(delivery?.lease).toBe(lease);
      if (delivery) await giveBackLease(stage.db, delivery, 0);
    }
  });

  test('gets a share of its own where many claim at once', async () => {
    await insertMessages(
      stage.db,
      Array.from({ length: 100 }, () => message(stage, 5)),
    );
    const other = kind === 'postgresql' ? await openDatabase(stage.database.target, () => {}) : stage.db;
    const claims = await Promise.all(Array.from({ length: 10 }, (_, n) => claimDue(n % 2 ? stage.db : other, 50)));
    if (other !== stage.db) await other.close();
    const ids = claims.flat().map((delivery) => delivery.id);
    expect(new Set(ids).size).toBe(ids.length);
    // What was passed over because somebody else had it in hand is claimed next.
    for (;;) {
      const more = await claimDue(stage.db, 100);
      if (more.length === 0) break;
      ids.push(...more.map((delivery) => delivery.id));
    }
    expect([ids.length, new Set(ids).size]).toEqual([500, 500]);
  });

  test.skipIf(kind === 'embedded')('passes over lanes that another has in hand, without waiting', async () => {
    await insertMessages(stage.db, [message(stage, 4)]);
    await stage.db.transaction(async (tx) => {
      const mine = await lockReadyLanes(tx, 3, { endpoints: [], applications: [] });
      const theirs = await claim(stage.db, roomFor(10));
      expect([mine.length, theirs.deliveries.length]).toEqual([3, 1]);
    });
  });
});
