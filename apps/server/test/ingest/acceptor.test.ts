import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/endpoint.ts';
import { newId } from '../../src/core/ids.ts';
import { type Accepted, Acceptor, type Draft, type Handoff } from '../../src/ingest/acceptor.ts';
import { isTransient, statement } from '../../src/store/database.ts';
import { readAnswer } from '../../src/store/idempotency.ts';
import { LEASE_MARGIN_MS, type LeasedDelivery } from '../../src/store/lease.ts';
import { Gate } from '../directory/stage.ts';
import { onBothDatabases } from '../kit/database.ts';
import { engineEndpoint, openStage, type Stage } from '../store/stage.ts';

/** A worker that has `room` places and sends nothing. */
class FakeHandoff implements Handoff {
  readonly wayMs = 0;
  room = 100;
  started: { delivery: LeasedDelivery; leasedAt: number }[] = [];
  wakes = 0;

  reserve(): boolean {
    if (this.room === 0) return false;
    this.room--;
    return true;
  }
  send(delivery: LeasedDelivery, leasedAt: number): void {
    this.started.push({ delivery, leasedAt });
  }
  release(): void {
    this.room++;
  }
  readonly wake = (): void => {
    this.wakes++;
  };
}

onBothDatabases('accepting', (kind) => {
  let stage: Stage;
  let endpoints: Endpoint[];
  let gate: Gate;
  let handoff: FakeHandoff;
  let acceptor: Acceptor;

  beforeAll(async () => {
    stage = await openStage(kind);
    const rows = [await stage.addEndpoint({ timeout_seconds: 10 }), await stage.addEndpoint({ status: 'paused' })];
    endpoints = rows.map(engineEndpoint);
  });
  beforeEach(async () => {
    await stage.clear();
    gate = new Gate(stage.db);
    handoff = new FakeHandoff();
    acceptor = new Acceptor({ db: gate, handoffs: [handoff], wake: handoff.wake });
  });
  afterAll(() => stage.close());

  const draft = (of: Partial<Draft> = {}): Draft => ({
    ...{
      environmentId: stage.environment,
      applicationId: stage.application,
      eventType: 'a.b',
      eventId: 'e',
      payload: '{ }',
    },
    ...{ headers: { 'x-a': 'b' }, channels: ['c'], endpoints: endpoints.slice(0, 1), matching: '[]', trigger: 'test' },
    keyed: null,
    ...of,
  });
  const keyedDraft = (key: string, of: Partial<Draft> = {}) => {
    const call = { environmentId: stage.environment, scope: 'POST /x', key, status: 202 };
    const fingerprint = createHash('sha256').update(key).digest();
    return draft({ keyed: (accepted) => ({ ...call, fingerprint, body: accepted.id }), ...of });
  };
  const rows = () =>
    stage.sql<{ status: string; lease: number; ms: number }>(
      `select status, lease, extract(epoch from coalesce(due_at, leased_until) - now())::float8 * 1000 as ms
       from delivery order by status desc`,
    );

  test('inserts a delivery leased where the worker has room, and hands it over with all it needs', async () => {
    const before = performance.now();
    const acceptance = await acceptor.accept(draft());
    if (acceptance.kind !== 'accepted') throw new Error(acceptance.kind);
    const [row] = await rows();
    expect(row).toMatchObject({ status: 'SENDING', lease: 1 });
    expect(row?.ms).toBeGreaterThan(10_000 + LEASE_MARGIN_MS - 5_000);
    expect(row?.ms).toBeLessThanOrEqual(10_000 + LEASE_MARGIN_MS);
    expect(handoff.started.map((each) => each.delivery)).toEqual([
      {
        ...{ id: acceptance.accepted.deliveryIds[0], messageId: acceptance.accepted.id, endpointId: endpoints[0]?.id },
        ...{ environmentId: stage.environment, applicationId: stage.application, eventType: 'a.b', trigger: 'test' },
        ...{
          attemptCount: 0,
          lease: 1,
          payload: '{ }',
          eventId: 'e',
          headers: { 'x-a': 'b' },
          isProbe: false,
          isCounted: false,
        },
      },
    ]);
    // Our view of the lease begins before the database's, so it ends before.
    expect(handoff.started[0]?.leasedAt).toBeGreaterThanOrEqual(before);
    expect(handoff.started[0]?.leasedAt).toBeLessThan(performance.now());
    expect(handoff.wakes).toBe(0);
  });

  test('hands over only what is committed', async () => {
    const held = gate.holdAnswersOf('acceptance_insert');
    const accepting = acceptor.accept(draft());
    await held.reached;
    expect(handoff.started).toEqual([]);
    held.release();
    await accepting;
    expect(handoff.started).toHaveLength(1);
  });

  test('leaves to anybody what there is no room for, and what is paused, and wakes the worker', async () => {
    handoff.room = 1;
    const [active, paused] = endpoints as [Endpoint, Endpoint];
    await acceptor.accept(draft({ endpoints: [active, paused, active] }));
    expect((await rows()).map(({ status, lease }) => [status, lease])).toEqual([
      ['SENDING', 1],
      ['PENDING', 0],
      ['PENDING', 0],
    ]);
    expect([handoff.started.length, handoff.room, handoff.wakes]).toEqual([1, 0, 1]);
  });

  test('releases its places where the commit fails, and starts nothing', async () => {
    gate.breakDown();
    const results = await Promise.allSettled([acceptor.accept(draft()), acceptor.accept(keyedDraft('k0'))]);
    expect(results.map((each) => each.status)).toEqual(['rejected', 'rejected']);
    expect([handoff.room, handoff.started.length]).toEqual([100, 0]);
    gate.mend();
    expect((await acceptor.accept(keyedDraft('k0'))).kind).toBe('accepted');
  });

  test('refuses one that cannot be stored, and it alone', async () => {
    const drafts = [draft(), draft({ eventId: 'a\0b' }), draft(), keyedDraft(newId())];
    const results = await Promise.allSettled(drafts.map((each) => acceptor.accept(each)));
    expect(results.map((each) => each.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect([handoff.room, handoff.started.length, (await rows()).length]).toEqual([97, 3, 3]);
  });

  test('commits what comes together in one statement', async () => {
    await Promise.all(Array.from({ length: 50 }, () => acceptor.accept(draft())));
    expect(gate.seen).toEqual(['acceptance_insert']);
  });

  test('takes one of many equal calls, and keeps its answer for the others', async () => {
    const key = newId();
    const results = await Promise.all(Array.from({ length: 20 }, () => acceptor.accept(keyedDraft(key))));
    const accepted = results.flatMap((each) => (each.kind === 'accepted' ? [each.accepted.id] : []));
    expect([accepted.length, results.filter((each) => each.kind === 'key_used').length]).toEqual([1, 19]);
    expect(await readAnswer(stage.db, stage.environment, 'POST /x', key)).toMatchObject({
      status: 202,
      body: accepted[0],
    });
    expect(await stage.sql('select id from message')).toEqual([{ id: accepted[0] }]);
    expect([handoff.room, handoff.started.length]).toEqual([99, 1]);
  });

  test('takes the next of equal calls where the first fails', async () => {
    const key = newId();
    gate.breakDown();
    const first = acceptor.accept(keyedDraft(key));
    const second = acceptor.accept(keyedDraft(key));
    await expect(first).rejects.toThrow();
    gate.mend();
    expect((await second).kind).toBe('accepted');
    expect(handoff.room).toBe(99);
  });

  test('takes an equal call of another process once', async () => {
    const key = newId();
    const other = new Acceptor({ db: stage.db, handoffs: [handoff], wake: handoff.wake });
    const results = await Promise.all([acceptor.accept(keyedDraft(key)), other.accept(keyedDraft(key))]);
    expect(results.map((each) => each.kind).toSorted()).toEqual(['accepted', 'key_used']);
    expect(await stage.sql('select 1 from message')).toHaveLength(1);
  });

  // Found: any lock that was waited for too long was taken for a key that somebody else had.
  test('with a key, where something else is locked for too long, is not said to be under way elsewhere', async () => {
    gate.pass = async (name, run) => {
      if (name === 'acceptance_insert') throw Object.assign(new pg.DatabaseError('', 0, 'error'), { code: '55P03' });
      return run();
    };
    const key = newId();
    const failure = await acceptor.accept(keyedDraft(key)).catch((error: unknown) => error);
    expect(isTransient(failure)).toBe(true);
    gate.pass = (_, run) => run();
    expect(await acceptor.accept(keyedDraft(key))).toMatchObject({ kind: 'accepted' });
  });

  // The embedded database has one session: nobody can freeze in another.
  test.runIf(kind === 'postgresql')(
    'waits for what a frozen process has locked until that has been idle for 4 s',
    async () => {
      const paused = endpoints.slice(1);
      await acceptor.accept(draft({ endpoints: paused }));
      const outcome = Promise.withResolvers<unknown>();
      const frozen = stage.db.transaction(async (tx) => {
        await tx.query(statement('', 'select from lane for update'), []);
        outcome.resolve(acceptor.accept(keyedDraft(newId(), { endpoints: paused })));
        await outcome.promise;
        await tx.query(statement('', 'select 1'), []);
      });
      expect(await outcome.promise).toMatchObject({ kind: 'accepted' });
      expect(isTransient(await frozen.catch((error: unknown) => error))).toBe(true);
    },
  );

  test('refuses more than can wait for the database, and goes on when that is back', async () => {
    const held = gate.holdAnswersOf('acceptance_insert');
    const accepting = [acceptor.accept(draft({ endpoints: [] }))];
    await held.reached;
    for (let n = 0; n < 10_000; n++) accepting.push(acceptor.accept(draft({ endpoints: [], payload: `[${n}]` })));
    await expect(acceptor.accept(draft())).rejects.toThrow(/10000 messages are waiting/);
    expect(handoff.room).toBe(100);
    held.release();
    gate.mend();
    await Promise.all(accepting);
    expect(await stage.sql('select count(*)::integer as n from message')).toEqual([{ n: 10_001 }]);
    expect((await acceptor.accept(draft({ eventId: randomBytes(4).toString('hex') }))).kind).toBe('accepted');
    await acceptor.idle();
  });

  test('refuses more bytes than can wait, however few messages they are', async () => {
    const held = gate.holdAnswersOf('acceptance_insert');
    const accepting = [acceptor.accept(draft({ endpoints: [] }))];
    await held.reached;
    const payload = JSON.stringify('x'.repeat(32 * 1024 * 1024));
    for (let n = 0; n < 4; n++) accepting.push(acceptor.accept(draft({ endpoints: [], payload })));
    await expect(acceptor.accept(draft())).rejects.toThrow(/bytes of messages are waiting/);
    expect(handoff.room).toBe(100);
    held.release();
    gate.mend();
    await Promise.all(accepting);
    expect((await acceptor.accept(draft())).kind).toBe('accepted');
    await acceptor.idle();
  });

  test('leaves to its time what is not to be sent at once', async () => {
    const deliverAt = new Date(Date.now() + 60_000);
    await acceptor.accept(draft({ deliverAt }));
    expect((await rows()).map(({ status, lease }) => [status, lease])).toEqual([['PENDING', 0]]);
    expect(await stage.sql('select d.due_at, l.next_at from delivery d join lane l using (endpoint_id)')).toEqual([
      { due_at: deliverAt, next_at: deliverAt },
    ]);
    expect([handoff.room, handoff.started.length]).toEqual([100, 0]);
  });

  const together = (key: string, drafts: Draft[]) => ({
    drafts,
    keyed: (accepted: readonly Accepted[]) => ({
      ...{ environmentId: stage.environment, scope: 'POST /x', key, status: 202, fingerprint: Buffer.alloc(32) },
      body: accepted.map(({ id }) => id).join(),
    }),
  });

  test('takes several messages with one key in one transaction, and hands each over', async () => {
    const key = newId();
    const both = together(key, [draft(), draft({ payload: '[2]' })]);
    const results = await Promise.all(Array.from({ length: 5 }, () => acceptor.acceptTogether(both)));
    expect(results.map(({ kind }) => kind).toSorted()).toEqual([
      'accepted',
      ...Array.from({ length: 4 }, () => 'key_used'),
    ]);
    const ids = results.flatMap((each) => (each.kind === 'accepted' ? each.accepted.map(({ id }) => id) : []));
    expect(await stage.sql('select id, payload from message order by id')).toEqual([
      { id: ids[0], payload: '{ }' },
      { id: ids[1], payload: '[2]' },
    ]);
    expect(await readAnswer(stage.db, stage.environment, 'POST /x', key)).toMatchObject({ body: ids.join() });
    expect(gate.seen.filter((name) => name === 'acceptance_insert')).toHaveLength(1);
    expect([handoff.room, handoff.started.length]).toEqual([98, 2]);
  });

  test('takes none of several where one cannot be stored, and does not use the key up', async () => {
    const key = newId();
    const bad = together(key, [draft(), draft({ eventId: 'a\0b' })]);
    await expect(acceptor.acceptTogether(bad)).rejects.toThrow();
    expect([await rows(), handoff.room, handoff.started.length]).toEqual([[], 100, 0]);
    expect((await acceptor.acceptTogether(together(key, [draft(), draft()]))).kind).toBe('accepted');
    // A call of nothing but refused messages has an answer to keep all the same.
    expect((await acceptor.acceptTogether(together(newId(), []))).kind).toBe('accepted');
    expect(await rows()).toHaveLength(2);
  });

  test('counts each of several messages when it refuses more than can wait', async () => {
    const held = gate.holdAnswersOf('acceptance_insert');
    const drafts = Array.from({ length: 500 }, () => draft({ endpoints: [] }));
    const accepting = Array.from({ length: 20 }, () => acceptor.acceptTogether(together(newId(), drafts)));
    await held.reached;
    await expect(acceptor.acceptTogether(together(newId(), drafts))).rejects.toThrow(/10000 messages are waiting/);
    held.release();
    gate.mend();
    expect((await Promise.all(accepting)).every(({ kind }) => kind === 'accepted')).toBe(true);
    expect((await acceptor.acceptTogether(together(newId(), drafts))).kind).toBe('accepted');
  });
});
