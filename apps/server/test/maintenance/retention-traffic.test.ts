import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { claim } from '../../src/delivery/claim.ts';
import { type Database, openDatabase, statement } from '../../src/store/database.ts';
import { readDelivery, retryDelivery } from '../../src/store/delivery.ts';
import { recordAttempts } from '../../src/store/lease.ts';
import { DAY_MS } from '../../src/store/partition.ts';
import { databaseNow, deleteMessages, dropDay, partitionedDays } from '../../src/store/retention.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, openStage, result, roomFor, type Stage } from '../store/stage.ts';
import { acceptAt, daysAgo, haveRunFor, inventory, retain, sendDue } from './stage.ts';

onBothDatabases('retention amid traffic', (kind) => {
  let stage: Stage;
  /** Another process’s connections; embedded there is one process, and it is the same. */
  let other: Database;

  beforeAll(async () => {
    stage = await openStage(kind);
    other = kind === 'embedded' ? stage.db : await openDatabase(stage.database.target, () => {});
  });
  beforeEach(async () => {
    await stage.clear();
    await haveRunFor(stage, 40);
  });
  afterAll(async () => {
    if (other !== stage.db) await other.close();
    await stage.close();
  });

  /** As the service does, only without rest. */
  async function dropAtLast(day: number): Promise<void> {
    while ((await dropDay(other, day)) !== 'dropped');
  }

  test('loses nothing and does nothing twice while days go that are accepted to, claimed from and recorded in', async () => {
    const days = [40, 39, 38, 37, 36].map(daysAgo);
    const today: Uuid[] = [];
    const accepted: Uuid[] = [];
    const recorded: Uuid[] = [];
    let isOver = false;

    const accept = async () => {
      while (!isOver) {
        for (const day of days) {
          const { deliveries } = await acceptAt(stage, day + Math.floor(Math.random() * DAY_MS), [
            { endpointId },
            { endpointId },
          ]);
          accepted.push(...deliveries);
        }
        const { deliveries } = await acceptAt(stage, Date.now(), [{ endpointId }]);
        accepted.push(...deliveries);
        today.push(...deliveries);
      }
    };
    const endpointId = newId();
    const sendSome = async () => {
      const { deliveries } = await claim(stage.db, roomFor(20));
      const ours = await recordAttempts(
        stage.db,
        deliveries.map((each) => result(each)),
      );
      recorded.push(...ours);
      return deliveries.length;
    };
    const send = async () => {
      while (!isOver) await sendSome();
    };
    const traffic = Promise.all([accept(), send(), send()]);
    for (const day of days) await dropAtLast(day);
    // And what moved, or came late, is swept while it is being sent.
    await retain(other);
    isOver = true;
    await traffic;
    while ((await sendSome()) > 0);

    expect(accepted.length).toBeGreaterThan(days.length);
    expect(recorded.toSorted()).toEqual(accepted.toSorted());
    expect((await partitionedDays(stage.db))[0]).toBe(daysAgo(30));
    await retain(other);
    const left = await stage.sql<{ id: Uuid }>('select id from delivery order by id');
    expect(left.map(({ id }) => id)).toEqual(today.toSorted());
    expect(await inventory(stage)).toEqual({
      messages: today.length,
      deliveries: today.length,
      attempts: today.length,
    });
  });

  test('two at once drop a day once', async () => {
    await acceptAt(stage, daysAgo(36), [{ dueInMs: 3_600_000 }]);
    await Promise.all([dropAtLast(daysAgo(36)), dropAtLast(daysAgo(36)), retain(stage.db), retain(other)]);
    expect(await inventory(stage)).toEqual({ messages: 1, deliveries: 1, attempts: 0 });
  });

  test.skipIf(kind === 'embedded')('gives way to a long reader, and nobody queues behind it meanwhile', async () => {
    const day = daysAgo(35);
    await stage.db.transaction(async (reader) => {
      await reader.query(statement('', 'select 1 from message'), []);
      expect(await dropDay(other, day)).toBe('busy');
      await acceptAt(stage, Date.now());
      await sendDue(stage);
      // By now it shows its age, and is not even waited for.
      await reader.query(statement('', 'select pg_sleep(0.1)'), []);
      const waits: string[] = [];
      const seen: Database = {
        ...other,
        query: (each, values) => {
          waits.push(each.text);
          return other.query(each, values);
        },
      };
      expect(await dropDay(seen, day)).toBe('busy');
      expect(waits.filter((text) => text.includes('access exclusive'))).toEqual([]);
    });
    expect(await dropDay(other, day)).toBe('dropped');
    expect(await partitionedDays(stage.db)).not.toContain(day);
  });

  test.skipIf(kind === 'embedded')('leaves a message alone of which a delivery is being retried', async () => {
    const { id, deliveries } = await acceptAt(stage, daysAgo(35));
    const old = { id, deliveries, is_finished: true };
    const [dlv] = deliveries;
    const [leased] = await claimDue(stage.db, 1);
    if (!leased || !dlv) throw new Error('nothing is due');
    await recordAttempts(stage.db, [result(leased, { status: 'FAILED' })]);
    await stage.db.transaction(async (tx) => {
      expect(await retryDelivery(tx, stage.environment, null, dlv, 'manual')).toMatchObject({ status: 'PENDING' });
      expect(await deleteMessages(other, stage.environment, [old])).toBe(0);
    });
    // It was judged finished a moment ago, and is not any more.
    expect(await deleteMessages(other, stage.environment, [old])).toBe(0);
    await retain(other);
    await sendDue(stage);
    expect(await readDelivery(stage.db, stage.environment, null, dlv)).toMatchObject({
      status: 'SENT',
      attempt_count: 2,
    });
  });

  // Found: whenever the database's clock was a part of a millisecond behind ours, a sweep failed.
  test('the database’s clock is read in whole milliseconds', async () => {
    for (let n = 0; n < 20; n++) expect(await databaseNow(stage.db)).toSatisfy(Number.isInteger);
  });

  test('of another environment nothing is deleted', async () => {
    const old = { ...(await acceptAt(stage, daysAgo(35))), is_finished: true };
    await sendDue(stage);
    expect(await deleteMessages(stage.db, await stage.addEnvironment(), [old])).toBe(0);
    expect(await inventory(stage)).toEqual({ messages: 1, deliveries: 1, attempts: 1 });
  });

  test('a message that got another delivery since it was judged stays, for that', async () => {
    const { id, deliveries } = await acceptAt(stage, daysAgo(35), [{}, {}]);
    await sendDue(stage);
    const judged = { id, deliveries: deliveries.slice(1), is_finished: true };
    expect(await deleteMessages(stage.db, stage.environment, [judged])).toBe(0);
    expect(await inventory(stage)).toEqual({ messages: 1, deliveries: 1, attempts: 1 });
  });
});
