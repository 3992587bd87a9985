import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId, type Uuid } from '../../src/core/ids.ts';
import { type Accepted, Acceptor, type Draft } from '../../src/ingest/acceptor.ts';
import type { QuotaSource } from '../../src/ingest/quota.ts';
import { readAnswer } from '../../src/store/idempotency.ts';
import { readUsage } from '../../src/store/usage.ts';
import { Gate } from '../directory/stage.ts';
import { TestClock } from '../kit/clock.ts';
import { onBothDatabases } from '../kit/database.ts';
import { openStage, type Stage } from '../store/stage.ts';

const NOVEMBER = { at: new Date('2026-12-01T00:00:00Z'), seconds: 10 * 86_400 };

onBothDatabases('an application’s quota', (kind) => {
  const clock = new TestClock('2026-11-21T00:00:00Z');
  let stage: Stage;
  let gate: Gate;
  let quotas: Map<Uuid, number>;
  let counted: Uuid[];
  /** As in two processes. */
  let acceptors: [Acceptor, Acceptor];

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    clock.set('2026-11-21T00:00:00Z');
    gate = new Gate(stage.db);
    quotas = new Map();
    counted = [];
    const counter = { message: (_: Uuid, application: Uuid) => void counted.push(application), accepted: () => {} };
    const source: QuotaSource = { knownQuota: (id) => quotas.get(id) ?? null, quota: async () => null };
    const start = () => new Acceptor({ db: gate, counter, quotas: source, now: clock.now });
    acceptors = [start(), start()];
  });
  afterAll(() => stage.close());

  const limited = (quota: number) => {
    const id = newId();
    quotas.set(id, quota);
    return id;
  };
  const draft = (applicationId: Uuid, of: Partial<Draft> = {}): Draft => ({
    ...{ environmentId: stage.environment, applicationId, eventType: 'a.b', eventId: null, payload: '{}' },
    ...{ headers: null, channels: null, endpoints: [], matching: '[]', trigger: 'scheduled', keyed: null },
    ...of,
  });
  const call = (key: string) => ({
    ...{ environmentId: stage.environment, scope: 'POST /x', key, status: 202 },
    fingerprint: createHash('sha256').update(key).digest(),
  });
  const keyed = (applicationId: Uuid, key: string = newId()) =>
    draft(applicationId, { keyed: (accepted) => ({ ...call(key), body: accepted.id }) });
  const together = (applicationId: Uuid, count: number, key: string = newId()) => ({
    drafts: Array.from({ length: count }, () => draft(applicationId)),
    keyed: (accepted: readonly Accepted[]) => ({ ...call(key), body: accepted.map(({ id }) => id).join() }),
  });
  /** What became of calls, in a word each. */
  const outcomes = async (calls: readonly Promise<{ kind: string }>[]) =>
    (await Promise.allSettled(calls)).map((each) =>
      each.status === 'fulfilled' ? each.value.kind : String(each.reason.code ?? each.reason),
    );
  const stored = async (application: Uuid) =>
    (await stage.sql('select 1 from message where application_id = $1', [application])).length;
  const used = async (application: Uuid, month = '2026-11') =>
    (await readUsage(stage.db, stage.environment, application, [month]))[0]?.messages ?? 0;
  const count = (all: readonly string[], one: string) => all.filter((each) => each === one).length;
  const one = () => acceptors[0];

  test('lets exactly as many messages through, however they come', async () => {
    const application = limited(50);
    const calls = Array.from({ length: 200 }, (_, n) =>
      acceptors[n % 2 ? 0 : 1].accept(n % 3 ? draft(application) : keyed(application)),
    );
    const became = await outcomes(calls);
    expect([count(became, 'accepted'), count(became, 'quota_exceeded')]).toEqual([50, 150]);
    expect([await stored(application), await used(application)]).toEqual([50, 50]);
    // What is counted where it is charged is not counted besides.
    expect(counted).toEqual([]);
  });

  test('says when it begins anew, and does', async () => {
    const application = limited(1);
    await one().accept(draft(application));
    await expect(one().accept(draft(application))).rejects.toMatchObject({ code: 'quota_exceeded', reset: NOVEMBER });
    clock.set('2026-11-30T23:59:59.999Z');
    await expect(one().accept(draft(application))).rejects.toMatchObject({ reset: { ...NOVEMBER, seconds: 1 } });
    clock.set('2026-12-01T00:00:00Z');
    expect(await outcomes([one().accept(draft(application)), one().accept(draft(application))])).toEqual([
      'accepted',
      'quota_exceeded',
    ]);
    expect([await used(application), await used(application, '2026-12')]).toEqual([1, 1]);
  });

  test('is not spent by a call that repeats another', async () => {
    const application = limited(2);
    const same = () => keyed(application, 'same');
    const calls = Array.from({ length: 10 }, (_, n) => acceptors[n % 2 ? 0 : 1].accept(same()));
    const became = await outcomes(calls);
    expect([count(became, 'accepted'), count(became, 'key_used')]).toEqual([1, 9]);
    expect(await used(application)).toBe(1);
    // Also once there is nothing left.
    await one().accept(draft(application));
    expect(await outcomes([one().accept(draft(application)), one().accept(same())])).toEqual([
      'quota_exceeded',
      'key_used',
    ]);
    expect([await stored(application), await used(application)]).toEqual([2, 2]);
  });

  test('gives back the key of a call that it refuses: it may come again when there is more', async () => {
    const application = limited(0);
    await expect(one().accept(keyed(application, 'later'))).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(await readAnswer(stage.db, stage.environment, 'POST /x', 'later')).toBeUndefined();
    quotas.set(application, 1);
    expect(await outcomes([one().accept(keyed(application, 'later'))])).toEqual(['accepted']);
    expect([await stored(application), await used(application)]).toEqual([1, 1]);
  });

  test('takes a keyed batch whole or not at all, and single messages one by one', async () => {
    const application = limited(10);
    expect(await outcomes([one().acceptTogether(together(application, 7))])).toEqual(['accepted']);
    const refused = together(application, 4, 'batch');
    await expect(one().acceptTogether(refused)).rejects.toThrow(
      /4 messages are more than the 3 that are left of the 10/,
    );
    expect(await used(application)).toBe(7);
    const singles = Array.from({ length: 5 }, () => one().accept(draft(application)));
    expect(count(await outcomes(singles), 'accepted')).toBe(3);
    quotas.set(application, 14);
    expect(await outcomes([one().acceptTogether(refused)])).toEqual(['accepted']);
    expect([await stored(application), await used(application)]).toEqual([14, 14]);
  });

  test('concerns its own application only, and leaves the path of others as it was', async () => {
    const [full, some, free] = [limited(0), limited(5), newId()];
    await one().accept(draft(free));
    expect(gate.seen).toEqual(['acceptance_insert']);
    const calls = [draft(full), draft(free), keyed(full), keyed(some), draft(some), keyed(free), draft(full)];
    expect(await outcomes(calls.map((each) => one().accept(each)))).toEqual([
      ...['quota_exceeded', 'accepted', 'quota_exceeded', 'accepted', 'accepted', 'accepted', 'quota_exceeded'],
    ]);
    expect([await used(full), await used(some), await used(free)]).toEqual([0, 2, 0]);
    expect(counted).toEqual([free, free, free]);
  });

  test('of two applications that are locked by two processes the other way round lets both go on', async () => {
    const pair = [limited(1_000), limited(1_000)] as const;
    const calls = Array.from({ length: 200 }, (_, n) =>
      acceptors[n % 2 ? 0 : 1].accept(keyed(pair[(n >> 1) % 2 ? 0 : 1])),
    );
    expect(count(await outcomes(calls), 'accepted')).toBe(200);
    expect([await used(pair[0]), await used(pair[1])]).toEqual([100, 100]);
  });

  test('is not charged for what is not stored', async () => {
    const application = limited(5);
    gate.breakDown();
    expect(
      count(await outcomes([one().accept(draft(application)), one().accept(keyed(application))]), 'accepted'),
    ).toBe(0);
    gate.mend();
    const bad = [draft(application), draft(application, { eventId: 'a\0b' }), draft(application)];
    expect(count(await outcomes(bad.map((each) => one().accept(each))), 'accepted')).toBe(2);
    // The commit fails after the charge.
    gate.pass = async (name, run) => {
      const rows = await run();
      if (name === 'acceptance_insert') throw Object.assign(new Error('gone'), { code: 'ECONNRESET' });
      return rows;
    };
    expect(count(await outcomes([one().accept(draft(application))]), 'accepted')).toBe(0);
    gate.mend();
    expect([await stored(application), await used(application)]).toEqual([2, 2]);
  });

  test('that was lowered under what is used grants nothing more, and raised grants the rest', async () => {
    const application = limited(4);
    await Promise.all([one().accept(draft(application)), one().accept(draft(application))]);
    quotas.set(application, 1);
    await expect(one().accept(draft(application))).rejects.toMatchObject({ code: 'quota_exceeded' });
    quotas.set(application, 3);
    const became = await outcomes([one().accept(draft(application)), one().accept(draft(application))]);
    expect(count(became, 'accepted')).toBe(1);
    expect(await used(application)).toBe(3);
  });

  test('does not count test events, nor stop them', async () => {
    const application = limited(0);
    expect(await outcomes([one().accept(draft(application, { trigger: 'test' }))])).toEqual(['accepted']);
    expect([await used(application), counted]).toEqual([0, []]);
  });

  test('is asked for where memory does not know it', async () => {
    const application = newId();
    const quota = async (_: Uuid, id: Uuid) => (id === application ? 1 : null);
    const acceptor = new Acceptor({ db: gate, quotas: { knownQuota: () => undefined, quota } });
    const became = await outcomes([
      acceptor.accept(draft(application)),
      acceptor.accept(draft(application)),
      acceptor.acceptTogether(together(application, 2)),
      acceptor.accept(draft(newId())),
    ]);
    expect(became).toEqual(['accepted', 'quota_exceeded', 'quota_exceeded', 'accepted']);
  });
});
