import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { insertMessages } from '../../src/store/acceptance.ts';
import { lookAtLeases, rescueExpired } from '../../src/store/lease-watch.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, message, openStage, type Stage } from './stage.ts';

onBothDatabases('the rescue', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(() => stage.clear());
  afterAll(() => stage.close());

  const statuses = () =>
    stage.sql('select status, lease, count(*)::integer as n from delivery group by 1, 2 order by 1, 2');

  test('frees leases that have ended and no others', async () => {
    await insertMessages(stage.db, [
      message(stage, [
        { status: 'SENDING', dueInMs: -1 },
        { status: 'SENDING', dueInMs: 60_000 },
        { status: 'PENDING', dueInMs: -1 },
      ]),
    ]);
    expect(await rescueExpired(stage.db, 10)).toBe(1);
    expect(await statuses()).toEqual([
      { status: 'PENDING', lease: 0, n: 1 },
      // The token stays: only a claim raises it.
      { status: 'PENDING', lease: 1, n: 1 },
      { status: 'SENDING', lease: 1, n: 1 },
    ]);
    expect(await claimDue(stage.db, 10)).toHaveLength(2);
    expect(await rescueExpired(stage.db, 10)).toBe(0);
  });

  test('frees no more than it is told to at a time', async () => {
    await insertMessages(stage.db, [
      message(
        stage,
        Array.from({ length: 5 }, () => ({ status: 'SENDING', dueInMs: -1 })),
      ),
    ]);
    expect([
      await rescueExpired(stage.db, 3),
      await rescueExpired(stage.db, 3),
      await rescueExpired(stage.db, 3),
    ]).toEqual([3, 2, 0]);
  });

  test('at a start at which nobody else can be, frees leases that still run', async () => {
    await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: 60_000 }])]);
    expect(await rescueExpired(stage.db, 10, 30_000)).toBe(0);
    expect(await rescueExpired(stage.db, 10, 90_000)).toBe(1);
  });

  test.skipIf(kind === 'embedded')('passes over a delivery whose result is being recorded', async () => {
    await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: -1 }])]);
    await stage.db.transaction(async (tx) => {
      await tx.query({ name: '', text: "update delivery set status = 'SENT', due_at = null" }, []);
      expect(await rescueExpired(stage.db, 10)).toBe(0);
    });
    expect(await rescueExpired(stage.db, 10)).toBe(0);
    expect(await statuses()).toEqual([{ status: 'SENT', lease: 1, n: 1 }]);
  });

  test.skipIf(kind === 'embedded')(
    'comes back to what it passed over, where the recording came to nothing',
    async () => {
      await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: -1 }])]);
      const recording = stage.db.transaction(async (tx) => {
        await tx.query({ name: '', text: "update delivery set status = 'SENT'" }, []);
        expect(await rescueExpired(stage.db, 10)).toBe(0);
        throw new Error('came to nothing');
      });
      await expect(recording).rejects.toThrow('came to nothing');
      expect(await rescueExpired(stage.db, 10)).toBe(1);
    },
  );

  test.skipIf(kind === 'embedded')('sees a lease that had ended before its delivery was committed', async () => {
    await stage.db.transaction(async (tx) => {
      await insertMessages(tx, [message(stage, [{ status: 'SENDING', dueInMs: 0 }])]);
      // This one ends later, and is seen at once: the rescuer comes as far as it, and must not stay there.
      await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: 0 }])]);
      expect(await rescueExpired(stage.db, 10)).toBe(1);
      expect(await rescueExpired(stage.db, 10)).toBe(0);
    });
    expect(await rescueExpired(stage.db, 10)).toBe(1);
  });

  test.skipIf(kind === 'embedded')('takes nobody who writes without a pause for old', async () => {
    let isOver = false;
    const write = async () => {
      while (!isOver) await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: 60_000 }])]);
    };
    const writers = Array.from({ length: 6 }, write);
    try {
      for (let n = 0; n < 200; n++) {
        const { settled_until } = await lookAtLeases(stage.db, 0, null);
        expect(Date.now() - Date.parse(settled_until)).toBeLessThan(60_000);
      }
    } finally {
      isOver = true;
      await Promise.all(writers);
    }
  });

  test('goes on where the clock of the database was set back', async () => {
    await stage.sql("update lease_watch set done_until = now() + interval '1 hour'");
    expect(await rescueExpired(stage.db, 10)).toBe(0);
    await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: 0 }])]);
    expect(await rescueExpired(stage.db, 10)).toBe(1);
  });

  test('goes through any number of them, a stretch at a time', async () => {
    const COUNT = 25_000;
    const lastOfMany = (first: string) =>
      stage.sql(
        `insert into delivery (id, message_id, environment_id, application_id, endpoint_id, event_type, status, leased_until)
         select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'a',
           case when n = $1 then 'SENDING' else 'SENT' end, now() + $2::interval + n * interval '1 millisecond'
         from generate_series(1, $1::integer) n`,
        [COUNT, first],
      );
    // At a start, with those that still run.
    await lastOfMany('30 s');
    expect(await rescueExpired(stage.db, 10)).toBe(0);
    expect(await rescueExpired(stage.db, 10, 90_000)).toBe(1);
    await stage.clear();
    await lastOfMany('-25 s');
    expect(await rescueExpired(stage.db, 10)).toBe(1);
    expect(await stage.sql('select now() - done_until < $1::interval as is_there from lease_watch', ['1 s'])).toEqual([
      { is_there: true },
    ]);
  });

  test('cannot be left out: what is SENDING has a lease that ends', async () => {
    await insertMessages(stage.db, [message(stage)]);
    await expect(stage.sql("update delivery set status = 'SENDING'")).rejects.toThrow('check constraint');
  });

  test('looks at nothing twice: what has ended well is behind it', async () => {
    await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: 0 }])]);
    await stage.sql("update delivery set status = 'SENT'");
    await rescueExpired(stage.db, 10);
    expect(await stage.sql('select leased_until <= done_until as is_behind from delivery, lease_watch')).toEqual([
      { is_behind: true },
    ]);
  });
});
