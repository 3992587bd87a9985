import { randomBytes } from 'node:crypto';
import { MemoryBroker, MemoryQueue, type OutgoingMessage } from '@postrider/queues';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.ts';
import { BackboneHandoff } from '../../src/backbone/handoff.ts';
import { BackboneIntake, type Hands } from '../../src/backbone/intake.ts';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { SealOfOrigin } from '../../src/crypto/seal-of-origin.ts';
import { createLog } from '../../src/log.ts';
import { insertMessages, type NewMessage } from '../../src/store/acceptance.ts';
import { reportBackboneWorker } from '../../src/store/backbone-worker.ts';
import { DatabaseClock } from '../../src/store/clock.ts';
import type { Database } from '../../src/store/database.ts';
import { type LeasedDelivery, releaseLeases } from '../../src/store/lease.ts';
import type { DatabaseKind } from '../kit/database.ts';
import { until } from '../kit/until.ts';
import { message, openStage, type Stage } from '../store/stage.ts';

export const QUEUE = 'backbone';
export const WAY_MS = 30_000;

/** A worker that keeps what it is given in hand until it is told to end it. */
export class FakeHands implements Hands {
  free = 1_000;
  readonly inHand: { delivery: LeasedDelivery; onEnd: () => void }[] = [];
  readonly inLane: LeasedDelivery[] = [];
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }
  async room(): Promise<number> {
    return 1_000;
  }
  reserve(): boolean {
    return this.free-- > 0;
  }
  deliver(delivery: LeasedDelivery, _: number, onEnd: () => void): void {
    this.inHand.push({ delivery, onEnd });
  }
  async putInLane(delivery: LeasedDelivery): Promise<void> {
    this.inLane.push(delivery);
    await releaseLeases(this.#stage.db, [{ delivery, delayMs: 0, error: null }]);
  }
}

/** A queue of a memory broker that does what a test has told it to. */
export class FaultyQueue extends MemoryQueue {
  /** Called instead of what it does by itself. */
  onPublish: ((messages: readonly OutgoingMessage[]) => Promise<void>) | null = null;
  onReceive: ((options: { max: number; waitMs: number }) => ReturnType<MemoryQueue['receive']>) | null = null;
  /** How often each was called. */
  readonly calls = { publish: 0, receive: 0 };

  override async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    this.calls.publish++;
    await (this.onPublish ?? ((all) => super.publish(all)))(messages);
  }
  override receive(options: { max: number; waitMs: number }) {
    this.calls.receive++;
    return (this.onReceive ?? ((asked) => super.receive(asked)))(options);
  }
  /** What it does by itself. */
  take(max: number, waitMs: number) {
    return super.receive({ max, waitMs });
  }
}

/** Both sides of a backbone on a memory broker, and a worker's hands. */
export class BackboneStage {
  readonly stage: Stage;
  readonly broker = new MemoryBroker();
  readonly queue = new FaultyQueue(this.broker, QUEUE);
  readonly backbone: Backbone;
  readonly clock: DatabaseClock;
  readonly seal = new SealOfOrigin([randomBytes(32)], 'backbone');
  readonly handoff: BackboneHandoff;
  readonly hands: FakeHands;
  readonly intake: BackboneIntake;
  /** What the intake asks the database. */
  readonly asking: { onQuery: (() => Promise<void>) | null } = { onQuery: null };
  readonly #held: PromiseWithResolvers<void>[] = [];

  constructor(stage: Stage) {
    const log = createLog('silent');
    this.stage = stage;
    this.backbone = new Backbone({ queue: this.queue, shown: 'memory', log });
    this.clock = new DatabaseClock(stage.db, () => {});
    const parts = { backbone: this.backbone, clock: this.clock, seal: this.seal, db: stage.db, log };
    this.handoff = new BackboneHandoff(parts);
    this.hands = new FakeHands(stage);
    this.intake = new BackboneIntake({ ...parts, db: watched(stage.db, this.asking), hands: this.hands });
  }

  async start(): Promise<void> {
    await this.stage.clear();
    await this.stage.sql('delete from backbone_worker');
    await reportBackboneWorker(this.stage.db, newId(), 0);
    this.clock.start();
    this.backbone.start();
    this.handoff.start();
    await until(
      () => this.handoff.isOpen && this.clock.at(performance.now()) !== null,
      (isReady) => isReady,
    );
  }

  /** Something that does not answer until it is let go, at the latest when the test ends. */
  hold(): PromiseWithResolvers<void> {
    const held = Promise.withResolvers<void>();
    held.promise.catch(() => {});
    this.#held.push(held);
    return held;
  }

  async stop(): Promise<void> {
    for (const { resolve } of this.#held) resolve();
    await this.intake.stop();
    await this.intake.idle();
    await this.handoff.stop();
    await this.backbone.stop();
    await this.clock.stop();
  }

  /** Commits a message that is handed over. */
  async commit(fanout = 1, of: Partial<NewMessage> = {}): Promise<LeasedDelivery[]> {
    const accepted = message(
      this.stage,
      Array.from({ length: fanout }, () => ({ status: 'SENDING', dueInMs: WAY_MS + 40_000 })),
      of,
    );
    await insertMessages(this.stage.db, [accepted]);
    return accepted.deliveries.map(({ id, endpointId }) => this.leased(accepted, id, endpointId));
  }

  /** Hands over what was committed; resolves when it is published. */
  async handOver(deliveries: readonly LeasedDelivery[], leasedAt = performance.now()): Promise<void> {
    for (const delivery of deliveries) {
      expect(this.handoff.reserve()).toBe(true);
      this.handoff.send(delivery, leasedAt);
    }
    await this.handoff.idle();
  }

  leased(accepted: NewMessage, id: Uuid, endpointId: Uuid): LeasedDelivery {
    return {
      ...{ id, endpointId, messageId: accepted.id, environmentId: this.stage.environment },
      ...{ applicationId: this.stage.application, eventType: accepted.eventType, trigger: 'scheduled' },
      ...{ attemptCount: 0, lease: 1, payload: accepted.payload, eventId: accepted.eventId, headers: null },
      ...{ isProbe: false, isCounted: false },
    };
  }

  rows() {
    return this.stage.sql<{ status: string; lease: number }>('select status, lease from delivery order by id');
  }

  /** The messages that lie in the queue, in hand or not. */
  get left() {
    return this.broker.queue(QUEUE);
  }

  /** Resolves when so many deliveries have come into the worker's hands. */
  async inHand(count: number): Promise<void> {
    await until(
      () => this.hands.inHand.length,
      (length) => length === count,
    );
  }

  async empty(): Promise<void> {
    await until(
      () => this.left.length,
      (length) => length === 0,
    );
  }

  endAll(): void {
    for (const { onEnd } of this.hands.inHand) onEnd();
  }
}

/** Lets a test hold up what is asked. */
function watched(db: Database, asking: BackboneStage['asking']): Database {
  return new Proxy(db, {
    get(target, name) {
      if (name !== 'query') return Reflect.get(target, name);
      return async (...asked: Parameters<Database['query']>) => {
        if (asked[0].name === 'lease_take_over') await asking.onQuery?.();
        return target.query(...asked);
      };
    },
  });
}

/** For what must not happen: all that is under way has gone as far as it can without time passing. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** One stage for the tests of a file, each of which begins with nothing in it. */
export function backboneOn(kind: DatabaseKind): () => BackboneStage {
  let stage: Stage;
  let on: BackboneStage;
  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    on = new BackboneStage(stage);
    await on.start();
  });
  afterEach(() => on.stop());
  afterAll(() => stage.close());
  return () => on;
}
