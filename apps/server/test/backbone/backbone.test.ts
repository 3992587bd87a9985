import { randomBytes } from 'node:crypto';
import { MemoryBroker, MemoryQueue } from '@postrider/queues';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.ts';
import { BackboneHandoff, SEAL_HEADER } from '../../src/backbone/handoff.ts';
import { BackboneIntake } from '../../src/backbone/intake.ts';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { SealOfOrigin } from '../../src/crypto/seal-of-origin.ts';
import { createLog } from '../../src/log.ts';
import { insertMessages, type NewMessage } from '../../src/store/acceptance.ts';
import { reportBackboneWorker } from '../../src/store/backbone-worker.ts';
import { DatabaseClock } from '../../src/store/clock.ts';
import { type LeasedDelivery, releaseLeases } from '../../src/store/lease.ts';
import { onBothDatabases } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { message, openStage, type Stage } from '../store/stage.ts';
import { FakeHands, QUEUE, WAY_MS } from './stage.ts';

onBothDatabases('a backbone', (kind) => {
  let stage: Stage;
  let broker: MemoryBroker;
  let queue: MemoryQueue;
  let backbone: Backbone;
  let clock: DatabaseClock;
  let handoff: BackboneHandoff;
  let hands: FakeHands;
  let intake: BackboneIntake;
  const seal = new SealOfOrigin([randomBytes(32)], 'backbone');
  const log = createLog('silent');

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    broker = new MemoryBroker();
    queue = new MemoryQueue(broker, QUEUE);
    backbone = new Backbone({ queue, shown: 'memory', log });
    clock = new DatabaseClock(stage.db, () => {});
    const parts = { backbone, clock, seal, db: stage.db, log };
    handoff = new BackboneHandoff(parts);
    hands = new FakeHands(stage);
    intake = new BackboneIntake({ ...parts, hands });
    clock.start();
    backbone.start();
    await reportBackboneWorker(stage.db, newId(), 0);
    handoff.start();
    await until(
      () => handoff.isOpen && clock.at(performance.now()) !== null,
      (isReady) => isReady,
    );
  });
  afterEach(async () => {
    await intake.stop();
    await intake.idle();
    await handoff.stop();
    await backbone.stop();
    await clock.stop();
  });
  afterAll(() => stage.close());

  /** Commits a message that is handed over, and hands it over. */
  async function accept(fanout = 1, of: Partial<NewMessage> = {}, leasedAt = performance.now()): Promise<NewMessage> {
    const accepted = message(
      stage,
      Array.from({ length: fanout }, () => ({ status: 'SENDING', dueInMs: WAY_MS + 40_000 })),
      of,
    );
    await insertMessages(stage.db, [accepted]);
    for (const delivery of accepted.deliveries) {
      expect(handoff.reserve()).toBe(true);
      handoff.send(leased(accepted, delivery.id, delivery.endpointId), leasedAt);
    }
    await handoff.idle();
    return accepted;
  }

  function leased(accepted: NewMessage, id: Uuid, endpointId: Uuid): LeasedDelivery {
    return {
      ...{ id, endpointId, messageId: accepted.id, environmentId: stage.environment },
      ...{ applicationId: stage.application, eventType: accepted.eventType, trigger: 'scheduled', attemptCount: 0 },
      ...{ lease: 1, payload: accepted.payload, eventId: accepted.eventId, headers: null },
      ...{ isProbe: false, isCounted: false },
    };
  }

  const rows = () => stage.sql<{ status: string; lease: number }>('select status, lease from delivery order by id');
  const left = () => broker.queue(QUEUE).length;
  const inHand = (count: number) =>
    until(
      () => hands.inHand.length,
      (length) => length === count,
    );
  const empty = () => until(left, (length) => length === 0);
  const endAll = () => {
    for (const { onEnd } of hands.inHand) onEnd();
  };

  test('brings what was accepted into a worker’s hands, under the lease it was accepted with', async () => {
    const accepted = await accept(3, { payload: '{ "a" : 1.0 }', eventId: 'e' });
    expect(left()).toBe(1);
    intake.start();
    await inHand(3);
    expect(hands.inHand.map(({ delivery }) => delivery)).toEqual(
      accepted.deliveries.map(({ id, endpointId }) => leased(accepted, id, endpointId)),
    );
    expect(await rows()).toEqual(Array(3).fill({ status: 'SENDING', lease: 1 }));
  });

  test('keeps an envelope until all that is in it has ended', async () => {
    await accept(2);
    intake.start();
    await inHand(2);
    hands.inHand[0]?.onEnd();
    await new Promise((resolve) => setImmediate(resolve));
    await intake.idle();
    expect(left()).toBe(1);
    hands.inHand[1]?.onEnd();
    await empty();
  });

  test('has a worker take over what another had in hand before, so that the other has no say any more', async () => {
    await accept();
    // Somebody takes it and dies.
    const [taken] = await queue.receive({ max: 1, waitMs: 0 });
    if (!taken) throw new Error('nothing came');
    await queue.nack([taken]);
    intake.start();
    await inHand(1);
    expect(hands.inHand[0]?.delivery.lease).toBe(2);
    expect(await rows()).toEqual([{ status: 'SENDING', lease: 2 }]);
  });

  test('does not send again what was recorded before it came again', async () => {
    const accepted = await accept(2);
    await stage.sql(`update delivery set status = 'SENT', due_at = null where id = $1`, [accepted.deliveries[0]?.id]);
    const [taken] = await queue.receive({ max: 1, waitMs: 0 });
    if (taken) await queue.nack([taken]);
    intake.start();
    await inHand(1);
    expect(hands.inHand[0]?.delivery.id).toBe(accepted.deliveries[1]?.id);
    endAll();
    await empty();
  });

  test('asks the database about what was on its way for too long', async () => {
    await accept(1, {}, performance.now() - WAY_MS - 5_000);
    intake.start();
    await inHand(1);
    expect(hands.inHand[0]?.delivery.lease).toBe(2);
  });

  test('drops what has been given to its lane meanwhile', async () => {
    const accepted = await accept(1, {}, performance.now() - WAY_MS - 5_000);
    const [delivery] = accepted.deliveries;
    if (!delivery) throw new Error('no delivery');
    const ours = leased(accepted, delivery.id, delivery.endpointId);
    await releaseLeases(stage.db, [{ delivery: ours, delayMs: 0, error: null }]);
    intake.start();
    await empty();
    expect(hands.inHand).toEqual([]);
    expect(await rows()).toEqual([{ status: 'PENDING', lease: 1 }]);
  });

  test('puts into its lane what a worker has no place for', async () => {
    hands.free = 1;
    await accept(2);
    intake.start();
    await inHand(1);
    expect(hands.inLane).toHaveLength(1);
    await until(rows, (now) => now.some(({ status }) => status === 'PENDING'));
    endAll();
    await empty();
  });

  test('sends nothing that is not ours, and does not stumble over it', async () => {
    const body = '{"version":1,"start_by":99999999999999,"messages":[]}';
    const stranger = new SealOfOrigin([randomBytes(32)], 'backbone');
    await queue.publish([
      { body },
      { body, headers: { [SEAL_HEADER]: stranger.seal(body) } },
      { body: `${body} `, headers: { [SEAL_HEADER]: seal.seal(body) } },
      { body: '{"version":2}', headers: { [SEAL_HEADER]: seal.seal('{"version":2}') } },
    ]);
    intake.start();
    await empty();
    await accept();
    await inHand(1);
  });

  test('gives back to the lanes what the broker does not take, and takes nothing until it is back', async () => {
    broker.isUp = false;
    await accept(3);
    expect(await rows()).toEqual(Array(3).fill({ status: 'PENDING', lease: 1 }));
    expect(handoff.reserve()).toBe(false);

    broker.isUp = true;
    await until(
      () => backbone.isUp,
      (isUp) => isUp,
    );
    await accept();
    expect(left()).toBe(1);
  });

  test('gives back to its lane what is larger than any envelope, and sends the rest', async () => {
    await accept(1, { payload: JSON.stringify({ text: 'x'.repeat(300_000) }) });
    expect(left()).toBe(0);
    expect(await rows()).toEqual([{ status: 'PENDING', lease: 1 }]);
    await accept();
    expect(left()).toBe(1);
  });

  test.each([
    ['nobody', null],
    ['nobody in time', 20_000],
  ])('is handed nothing where %s takes from it', async (_, lagMs) => {
    await stage.sql('delete from backbone_worker');
    if (lagMs !== null) await reportBackboneWorker(stage.db, newId(), lagMs);
    await until(
      () => handoff.isOpen,
      (isOpen) => !isOpen,
    );
    expect(handoff.reserve()).toBe(false);
    // A worker comes, and is seen by all.
    intake.start();
    await until(
      () => handoff.isOpen,
      (isOpen) => isOpen,
    );
    expect(handoff.reserve()).toBe(true);
    handoff.release();
    await intake.stop();
    await until(
      () => handoff.isOpen,
      (isOpen) => !isOpen,
    );
  });
});
