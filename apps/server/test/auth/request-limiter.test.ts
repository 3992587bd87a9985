import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { KnownKey } from '../../src/auth/authenticate.ts';
import { RequestLimiter } from '../../src/auth/request-limiter.ts';
import { newId } from '../../src/core/ids.ts';
import { deleteApiKey, insertApiKey } from '../../src/store/api-key.ts';
import { Gate } from '../directory/stage.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from '../store/stage.ts';

onBothDatabases('counting requests', (kind) => {
  const [early, late] = [new TestClock('2026-11-21T09:30:00Z'), new TestClock('2026-11-21T09:30:00Z')];
  let stage: Stage;
  let gate: Gate;
  let one: RequestLimiter;
  let other: RequestLimiter;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => {
    gate = new Gate(stage.db);
    // As in two processes, whose clocks differ.
    one = new RequestLimiter({ db: gate, now: early.now });
    other = new RequestLimiter({ db: gate, now: late.now });
    for (const clock of [early, late]) clock.set('2026-11-21T09:30:00Z');
  });
  afterAll(() => stage.close());

  async function newKey(requestsPerMinute: number | null): Promise<KnownKey> {
    const key = { id: newId(), environmentId: stage.environment, name: 'k', scope: 'read', last4: 'abcd' } as const;
    await insertApiKey(stage.db, { ...key, digest: randomBytes(32) });
    return { ...key, expiresAt: null, requestsPerMinute };
  }
  const call = async (limiter: RequestLimiter, key: KnownKey) => {
    const allowance = await limiter.count(key);
    if (!allowance) throw new Error('the key has no limit');
    return allowance;
  };

  test('costs nothing where there is no limit', async () => {
    expect(one.count(await newKey(null))).toBeNull();
    expect(gate.seen).toEqual([]);
  });

  test('tells each call how many are left, and when there are more', async () => {
    const key = await newKey(2);
    early.set('2026-11-21T09:30:18.500Z');
    const reset = { at: new Date('2026-11-21T09:31:00Z'), seconds: 42 };
    expect(await call(one, key)).toEqual({ limit: 2, remaining: 1, isOver: false, reset });
    expect(await call(one, key)).toEqual({ limit: 2, remaining: 0, isOver: false, reset });
    expect(await call(one, key)).toEqual({ limit: 2, remaining: 0, isOver: true, reset });
    expect(await call(one, await newKey(2))).toMatchObject({ remaining: 1 });
    early.set('2026-11-21T09:30:59.999Z');
    expect(await call(one, key)).toMatchObject({ isOver: true, reset: { seconds: 1 } });
  });

  test('begins anew with each minute of UTC', async () => {
    const key = await newKey(1);
    early.set('2026-11-21T23:59:59.999Z');
    expect(await call(one, key)).toMatchObject({ isOver: false });
    expect(await call(one, key)).toMatchObject({ isOver: true });
    early.set('2026-11-22T00:00:00Z');
    expect(await call(one, key)).toMatchObject({ isOver: false });
    expect(await call(one, key)).toMatchObject({ isOver: true });
  });

  test('lets through exactly as many as may, however they come', async () => {
    const key = await newKey(100);
    const calls = Array.from({ length: 300 }, (_, n) => call(n % 3 ? one : other, key));
    const allowances = await Promise.all(calls);
    expect(allowances.filter(({ isOver }) => !isOver)).toHaveLength(100);
    expect(new Set(allowances.filter(({ isOver }) => !isOver).map(({ remaining }) => remaining)).size).toBe(100);
  });

  test('takes what comes together in one statement, each key by itself', async () => {
    const keys = await Promise.all([newKey(5), newKey(50), newKey(5)]);
    const allowances = await Promise.all(Array.from({ length: 30 }, (_, n) => call(one, keys[n % 3] ?? keys[0])));
    expect(gate.seen).toEqual(['request_count_add']);
    expect(allowances.filter(({ isOver }) => isOver)).toHaveLength(10);
  });

  test('counts a late process in the minute that has begun, and lets nobody through twice', async () => {
    const key = await newKey(2);
    late.set('2026-11-21T09:29:59.900Z');
    early.set('2026-11-21T09:30:00.100Z');
    expect(await call(one, key)).toMatchObject({ remaining: 1 });
    expect(await call(other, key)).toMatchObject({ remaining: 0, reset: { at: new Date('2026-11-21T09:31:00Z') } });
    expect(await call(one, key)).toMatchObject({ isOver: true });
    expect(await call(other, key)).toMatchObject({ isOver: true });
  });

  test('goes by the database’s clock where none is handed in', async () => {
    const key = await newKey(10);
    const before = Date.now();
    const { reset } = await call(new RequestLimiter({ db: gate }), key);
    expect(reset.at.getTime() % 60_000).toBe(0);
    expect(reset.at.getTime()).toBeGreaterThan(before - 60_000);
    expect(reset.at.getTime()).toBeLessThan(before + 180_000);
    expect(reset.seconds).toBeGreaterThanOrEqual(1);
    expect(reset.seconds).toBeLessThanOrEqual(60);
  });

  test('counts portal sessions by their application, apart from keys', async () => {
    const portal = { applicationId: stage.application };
    const calls = Array.from({ length: 400 }, (_, n) => (n % 3 ? one : other).countPortal(portal));
    const allowances = await Promise.all(calls);
    expect(allowances.filter(({ isOver }) => !isOver)).toHaveLength(300);
    expect(await call(one, await newKey(2))).toMatchObject({ remaining: 1 });
    await expect(one.countPortal({ applicationId: newId() })).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('does not know a key that is gone', async () => {
    const [key, gone] = [await newKey(10), await newKey(10)];
    await call(one, gone);
    await deleteApiKey(stage.db, stage.environment, gone.id);
    const [left, missing] = await Promise.allSettled([call(one, key), call(one, gone)]);
    expect(left).toMatchObject({ status: 'fulfilled', value: { remaining: 9 } });
    expect(missing).toMatchObject({ status: 'rejected', reason: { code: 'unauthenticated' } });
    expect(await stage.sql('select 1 from request_count where api_key_id = $1', [gone.id])).toEqual([]);
  });

  test('rejects while the database is away', async () => {
    const key = await newKey(10);
    gate.breakDown();
    await expect(call(one, key)).rejects.toThrow(/ECONNREFUSED/);
    gate.mend();
    expect(await call(one, key)).toMatchObject({ remaining: 9 });
  });
});
