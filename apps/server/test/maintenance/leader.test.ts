import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '../../src/core/ids.ts';
import { createLog } from '../../src/log.ts';
import { createLeader, type LeaderOptions } from '../../src/maintenance/leader.ts';
import type { Service } from '../../src/service.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { holdLead, leaveLead } from '../../src/store/leader.ts';
import { onBothDatabases } from '../kit/database.ts';
import { eventually, openStage, type Stage } from '../store/stage.ts';
import { flaky } from '../worker/stage.ts';

onBothDatabases('the lead of the maintenance', (kind) => {
  let stage: Stage;
  /** Another process’s connections; embedded there is one process, and it is the same. */
  let other: Database;

  beforeAll(async () => {
    stage = await openStage(kind);
    other = kind === 'embedded' ? stage.db : await openDatabase(stage.database.target, () => {});
  });
  beforeEach(() => stage.db.script('delete from leader'));
  afterAll(async () => {
    if (other !== stage.db) await other.close();
    await stage.close();
  });

  const SOON = { renewMs: 20 };

  /** A leader with one duty, and how often that was started and stopped. */
  function candidate(db: Database, options: Partial<LeaderOptions> = {}) {
    const seen = { started: 0, stopped: 0 };
    const duty = (): Service => ({
      start: () => {
        seen.started++;
      },
      stop: async () => {
        seen.stopped++;
      },
    });
    const leader = createLeader({ db, log: createLog('silent'), duties: () => [duty()], ...options });
    return { ...leader, seen, leads: () => seen.started - seen.stopped };
  }
  const endLease = () => stage.db.script("update leader set until = now() - interval '1 second'");

  test('is one process’s, and another’s once that one stops', async () => {
    const [first, second] = [candidate(stage.db, SOON), candidate(other, SOON)];
    first.start();
    await eventually(first.leads).toBe(1);
    second.start();
    const asked = await stage.sql<{ until: Date }>('select until from leader');
    await eventually(async () => (await stage.sql<{ until: Date }>('select until from leader'))[0]?.until).not.toEqual(
      asked[0]?.until,
    );
    expect(second.seen).toEqual({ started: 0, stopped: 0 });
    await first.stop();
    expect(first.seen).toEqual({ started: 1, stopped: 1 });
    await eventually(second.leads).toBe(1);
    await second.stop();
    expect(await stage.sql('select 1 from leader')).toEqual([]);
  });

  test('of one that died passes on when its lease has ended, and not before', async () => {
    const dead = newId();
    expect(await holdLead(stage.db, dead, 60_000)).toBe(true);
    const heir = candidate(other, { ...SOON, leaseMs: 60_000 });
    expect(await holdLead(other, newId(), 60_000)).toBe(false);
    heir.start();
    await endLease();
    await eventually(heir.leads).toBe(1);
    // The dead one wakes: it was frozen only.
    expect(await holdLead(stage.db, dead, 60_000)).toBe(false);
    await leaveLead(stage.db, dead);
    expect(await holdLead(stage.db, dead, 60_000)).toBe(false);
    await heir.stop();
  });

  // Found: with it waited all that the maintenance does, what puts right the clock's other doings as well.
  test('of one that died is not kept until a time that the clock was set back from', async () => {
    await holdLead(stage.db, newId(), 10_000);
    const heir = candidate(other, SOON);
    expect(await holdLead(other, newId(), 10_000)).toBe(false);
    await stage.sql("update leader set until = until + interval '1 hour'");
    heir.start();
    await eventually(heir.leads).toBe(1);
    await heir.stop();
  });

  test('is left by one that finds another there', async () => {
    const frozen = candidate(stage.db, SOON);
    frozen.start();
    await eventually(frozen.leads).toBe(1);
    const next = newId();
    await stage.sql('update leader set holder = $1', [next]);
    await eventually(frozen.leads).toBe(0);
    // And taken again when that one is gone, with duties made anew.
    await leaveLead(other, next);
    await eventually(frozen.leads).toBe(1);
    expect(frozen.seen).toEqual({ started: 2, stopped: 1 });
    await frozen.stop();
  });

  test('outlives a call that fails, and is left when the lease ends with the database still away', async () => {
    let isAway = false;
    let refused = 0;
    const db = flaky(stage.db, () => {
      if (isAway) refused++;
      return isAway;
    });
    const patient = candidate(db, SOON);
    patient.start();
    await eventually(patient.leads).toBe(1);
    isAway = true;
    await eventually(() => refused > 2).toBe(true);
    expect(patient.leads()).toBe(1);
    await patient.stop();
    isAway = false;

    await stage.db.script('delete from leader');
    const hasty = candidate(db, { ...SOON, leaseMs: 40 });
    hasty.start();
    await eventually(hasty.leads).toBe(1);
    isAway = true;
    await eventually(hasty.leads).toBe(0);
    isAway = false;
    await eventually(hasty.leads).toBe(1);
    await hasty.stop();
  });

  test('is given to one of many who ask at once', async () => {
    const got = await Promise.all(
      Array.from({ length: 8 }, (_, n) => holdLead(n % 2 ? other : stage.db, newId(), 60_000)),
    );
    expect(got.filter(Boolean)).toHaveLength(1);
    await endLease();
    const again = await Promise.all(
      Array.from({ length: 8 }, (_, n) => holdLead(n % 2 ? other : stage.db, newId(), 60_000)),
    );
    expect(again.filter(Boolean)).toHaveLength(1);
  });
});
