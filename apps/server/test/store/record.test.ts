import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { insertMessages } from '../../src/store/acceptance.ts';
import { listAttempts } from '../../src/store/attempt.ts';
import { readDelivery, retryDelivery } from '../../src/store/delivery.ts';
import { type LeasedDelivery, recordAttempts } from '../../src/store/lease.ts';
import { rescueExpired } from '../../src/store/lease-watch.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, failUntried, giveBackLease, message, openStage, result, type Stage } from './stage.ts';

onBothDatabases('a result', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => stage.clear());
  afterAll(() => stage.close());

  async function claimOne(): Promise<LeasedDelivery> {
    const [delivery] = await claimDue(stage.db, 1);
    if (!delivery) throw new Error('nothing is due');
    return delivery;
  }
  async function leaseOne(): Promise<LeasedDelivery> {
    await insertMessages(stage.db, [message(stage)]);
    return claimOne();
  }
  const read = (delivery: LeasedDelivery) => readDelivery(stage.db, stage.environment, null, delivery.id);
  const attempts = async (delivery: LeasedDelivery) =>
    listAttempts(stage.db, stage.environment, delivery.id, { before: null, limit: 100, offset: 0 });

  test('ends a delivery, with its attempt', async () => {
    const delivery = await leaseOne();
    expect(await recordAttempts(stage.db, [result(delivery)])).toEqual(new Set([delivery.id]));
    expect(await read(delivery)).toMatchObject({
      ...{ status: 'SENT', attempt_count: 1, due_at: null, last_status_code: 200, last_error: null },
      completed_at: expect.any(Date),
    });
    expect(await attempts(delivery)).toMatchObject([{ number: 1, trigger: 'scheduled', response_body: 'ok' }]);
  });

  test('of a first success touches none of the indexes', async () => {
    const COUNT = 200;
    const handed = Array.from({ length: COUNT }, () => message(stage, [{ status: 'SENDING', dueInMs: 40_000 }]));
    await insertMessages(stage.db, handed);
    const results = handed.map((of) => {
      const [delivery] = of.deliveries;
      if (!delivery) throw new Error('a message without a delivery');
      return result({
        ...{ ...of, headers: null, ...delivery, messageId: of.id },
        ...{ attemptCount: 0, lease: 1, isProbe: false, isCounted: false },
      });
    });
    const text = `select sum(pg_stat_get_xact_tuples_hot_updated(inhrelid))::integer as within
      from pg_inherits where inhparent = 'delivery'::regclass`;
    await stage.db.transaction(async (tx) => {
      const within = async () => (await tx.query<{ within: number }>({ name: '', text }, []))[0]?.within ?? Number.NaN;
      const before = await within();
      expect((await recordAttempts(tx, results)).size).toBe(COUNT);
      expect((await within()) - before).toBe(COUNT);
    });
  });

  test('schedules the next attempt from when it is recorded', async () => {
    const delivery = await leaseOne();
    const failed = result(delivery, { status: 'PENDING', delayMs: 60_000, responseStatus: 500, errorCode: 'http_500' });
    await recordAttempts(stage.db, [failed]);
    const row = await read(delivery);
    expect(row).toMatchObject({ status: 'PENDING', attempt_count: 1, last_error: 'http_500', completed_at: null });
    const [due] = await stage.sql<{ ms: number }>(
      'select extract(epoch from due_at - now())::float8 * 1000 as ms from delivery',
    );
    expect(due?.ms).toBeGreaterThan(50_000);
    expect(due?.ms).toBeLessThanOrEqual(60_000);
  });

  test('of a stale worker is refused and writes no attempt', async () => {
    const stale = await leaseOne();
    await stage.sql("update delivery set leased_until = now() - interval '1 second'");
    expect(await rescueExpired(stage.db, 10)).toBe(1);
    const current = await claimOne();
    expect(await recordAttempts(stage.db, [result(stale, { status: 'FAILED' })])).toEqual(new Set());
    expect(await read(stale)).toMatchObject({ status: 'SENDING', attempt_count: 0, last_status_code: null });
    expect(await attempts(stale)).toEqual([]);
    expect(await recordAttempts(stage.db, [result(current)])).toEqual(new Set([current.id]));
    // Nor does it count after the end.
    expect(await recordAttempts(stage.db, [result(stale, { status: 'FAILED' })])).toEqual(new Set());
    expect(await read(stale)).toMatchObject({ status: 'SENT', attempt_count: 1 });
  });

  test.each([
    ['SENT', null],
    ['PENDING', 60_000],
    ['FAILED', null],
  ] as const)('that is written twice counts once (%s)', async (status, delayMs) => {
    const delivery = await leaseOne();
    await recordAttempts(stage.db, [result(delivery, { status, delayMs })]);
    await recordAttempts(stage.db, [result(delivery, { status, delayMs })]);
    expect(await read(delivery)).toMatchObject({ status, attempt_count: 1 });
    expect(await attempts(delivery)).toHaveLength(1);
  });

  test('changes nothing once the delivery has ended, whoever ended it', async () => {
    const untried = await leaseOne();
    await failUntried(stage.db, untried, 'endpoint_deleted');
    expect(await recordAttempts(stage.db, [result(untried)])).toEqual(new Set());
    expect(await read(untried)).toMatchObject({ status: 'FAILED', last_error: 'endpoint_deleted', attempt_count: 0 });
    expect(await attempts(untried)).toEqual([]);
  });

  test('of a slow worker counts after its lease was freed, until somebody claims the delivery', async () => {
    const slow = await leaseOne();
    await stage.sql("update delivery set leased_until = now() - interval '1 second'");
    await rescueExpired(stage.db, 10);
    expect(await recordAttempts(stage.db, [result(slow)])).toEqual(new Set([slow.id]));
    expect(await read(slow)).toMatchObject({ status: 'SENT', attempt_count: 1 });
    expect(await claimDue(stage.db, 10)).toEqual([]);
  });

  test('from before a manual retry does not end what the retry began', async () => {
    const first = await leaseOne();
    await failUntried(stage.db, first, 'endpoint_disabled');
    const retried = await retryDelivery(stage.db, stage.environment, stage.application, first.id, 'manual');
    expect(retried).toMatchObject({ status: 'PENDING', completed_at: null });
    expect(await recordAttempts(stage.db, [result(first)])).toEqual(new Set());
    const second = await claimOne();
    expect(second).toMatchObject({ id: first.id, trigger: 'manual', attemptCount: 0 });
    await recordAttempts(stage.db, [result(second, { status: 'PENDING', delayMs: 0 })]);
    expect(await attempts(first)).toMatchObject([{ number: 1, trigger: 'manual' }]);
    // What follows by itself is scheduled again.
    expect(await claimOne()).toMatchObject({ trigger: 'scheduled', attemptCount: 1 });
  });

  test('only a failed delivery is retried', async () => {
    const delivery = await leaseOne();
    const retry = () => retryDelivery(stage.db, stage.environment, null, delivery.id, 'manual');
    expect(await retry()).toBeUndefined();
    await recordAttempts(stage.db, [result(delivery, { status: 'PENDING', delayMs: 60_000 })]);
    expect(await retry()).toBeUndefined();
    await recordAttempts(stage.db, [result(delivery)]);
    expect(await retry()).toBeUndefined();
  });

  test('holding spends no attempt', async () => {
    const delivery = await leaseOne();
    await giveBackLease(stage.db, delivery, 60_000);
    expect(await read(delivery)).toMatchObject({ status: 'PENDING', attempt_count: 0, last_error: null });
    expect(await attempts(delivery)).toEqual([]);
    expect(await claimDue(stage.db, 1)).toEqual([]);
  });

  test('a lease that is lost is neither given back nor ended', async () => {
    const stale = await leaseOne();
    await giveBackLease(stage.db, stale, 0);
    const current = await claimOne();
    await giveBackLease(stage.db, stale, 0);
    await failUntried(stage.db, stale, 'endpoint_deleted');
    expect(await read(current)).toMatchObject({ status: 'SENDING', last_error: null });
    expect(await recordAttempts(stage.db, [result(current)])).toEqual(new Set([current.id]));
    await giveBackLease(stage.db, current, 0);
    await failUntried(stage.db, current, 'endpoint_deleted');
    expect(await read(current)).toMatchObject({ status: 'SENT', last_error: null });
  });

  test('goes with those of others; what is not ours is left out of the answer', async () => {
    await insertMessages(stage.db, [message(stage, 20)]);
    const claimed = await claimDue(stage.db, 20);
    const lost = claimed.map((delivery, n) => (n % 3 === 0 ? { ...delivery, lease: 0 } : delivery));
    const ours = lost.filter((delivery) => delivery.lease === 1).map((delivery) => delivery.id);
    const batch = lost.map((delivery, n) =>
      result(delivery, n % 2 ? {} : { status: 'PENDING', delayMs: 1.5, responseStatus: null, responseBody: null }),
    );
    expect(await recordAttempts(stage.db, batch)).toEqual(new Set(ours));
    expect(await stage.sql('select delivery_id from attempt')).toHaveLength(ours.length);
  });
});
