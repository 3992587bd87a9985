import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newDeliveryId, type Uuid } from '../../src/core/ids.ts';
import { insertMessages } from '../../src/store/acceptance.ts';
import { listAttempts } from '../../src/store/attempt.ts';
import { deliveriesOf, listDeliveries, readDelivery, retryDelivery } from '../../src/store/delivery.ts';
import { recordAttempts } from '../../src/store/lease.ts';
import { listMessages, readMessage } from '../../src/store/message.ts';
import { DAY_MS, ensurePartitions } from '../../src/store/partition.ts';
import { MAX_MOVED, partitionedDays } from '../../src/store/retention.ts';
import { insertRejections } from '../../src/store/source-rejection.ts';
import { onBothDatabases } from '../kit/database.ts';
import { claimDue, message, openStage, result, type Stage } from '../store/stage.ts';
import { acceptAt, daysAgo, haveRunFor, idOf, inventory, retain, sendAt, sendDue, TODAY } from './stage.ts';

const PAGE = { limit: 100, offset: 0, before: null, from: null, to: null };
const NOTHING = { messages: 0, deliveries: 0, attempts: 0 };

onBothDatabases('retention', (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    await stage.db.script('update environment set retention_days = null');
    await haveRunFor(stage, 40);
  });
  afterAll(() => stage.close());

  const read = (id: Uuid) => readMessage(stage.db, stage.environment, null, id);
  const home = async (id: Uuid) =>
    (await stage.sql<{ home: string }>('select tableoid::regclass::text as home from delivery where id = $1', [id]))[0]
      ?.home;
  const keep = (environment: Uuid, days: number) =>
    stage.sql('update environment set retention_days = $2 where id = $1', [environment, days]);

  test('drops the days that ended 30 days ago and keeps the others', async () => {
    const gone = await sendAt(stage, daysAgo(31) + DAY_MS - 1);
    const kept = await sendAt(stage, daysAgo(30));
    await retain(stage.db);
    expect((await partitionedDays(stage.db))[0]).toBe(daysAgo(30));
    expect(await read(gone.id)).toBeUndefined();
    for (const id of gone.deliveries) {
      expect(await readDelivery(stage.db, stage.environment, null, id)).toBeUndefined();
      expect(await listAttempts(stage.db, stage.environment, id, PAGE)).toEqual([]);
      expect(await retryDelivery(stage.db, stage.environment, null, id, 'manual')).toBeUndefined();
    }
    expect(await read(kept.id)).toBeDefined();
    expect(await inventory(stage)).toEqual({ messages: 1, deliveries: 1, attempts: 1 });
  });

  test('drops what sources refused as it drops messages, each environment its own', async () => {
    const source = await newSource(stage);
    const ids = [daysAgo(31), daysAgo(6), daysAgo(1)].map((at) => idOf(at));
    for (const id of ids) await refuse(stage, source, id);
    const left = async () =>
      (await stage.sql<{ id: Uuid }>('select id from source_rejection order by id')).map(({ id }) => id);
    await retain(stage.db);
    expect(await left()).toEqual(ids.slice(1));
    await keep(stage.environment, 5);
    await retain(stage.db);
    expect(await left()).toEqual(ids.slice(2));
  });

  test('has nothing to do a second time, and what it dropped is not made again', async () => {
    await retain(stage.db);
    const days = await partitionedDays(stage.db);
    // As the partitioner does, and a start.
    await ensurePartitions(stage.db, Date.now() - DAY_MS, Date.now() + DAY_MS);
    await retain(stage.db);
    expect(await partitionedDays(stage.db)).toEqual(days);
  });

  test('goes by the longest retention of any environment', async () => {
    await keep(stage.environment, 35);
    await retain(stage.db);
    expect((await partitionedDays(stage.db))[0]).toBe(daysAgo(35));
  });

  test('leaves yesterday alone even where no more than a day is kept', async () => {
    await keep(stage.environment, 1);
    for (const { id } of await stage.sql<{ id: Uuid }>('select id from environment')) await keep(id, 1);
    await retain(stage.db);
    expect((await partitionedDays(stage.db))[0]).toBe(daysAgo(1));
  });

  test('keeps the whole story of a message that has a delivery in flight, until it is sent', async () => {
    // Sent once, tried once and to be tried again in an hour, waiting for its first attempt in a month.
    const { id, deliveries } = await acceptAt(stage, daysAgo(35), [{}, {}, { dueInMs: 30 * DAY_MS }]);
    const [first, second] = await claimDue(stage.db, 2);
    if (!first || !second) throw new Error('nothing is due');
    await recordAttempts(stage.db, [
      result(first),
      result(second, { status: 'PENDING', delayMs: 3_600_000, errorCode: 'timeout' }),
    ]);
    const story = async () => ({
      message: await read(id),
      deliveries: await deliveriesOf(stage.db, stage.environment, id),
      attempts: await Promise.all(deliveries.map((each) => listAttempts(stage.db, stage.environment, each, PAGE))),
    });
    const before = await story();
    await retain(stage.db);
    expect(await story()).toEqual(before);
    expect(await Promise.all(deliveries.map(home))).toEqual(Array(3).fill('delivery_default'));
    // Nobody takes it away while it waits, and the day does not come back.
    await retain(stage.db);
    await ensurePartitions(stage.db, daysAgo(35), daysAgo(35));
    expect(await story()).toEqual(before);
    expect(await partitionedDays(stage.db)).not.toContain(daysAgo(35));

    await stage.sql("update delivery set due_at = now() where status = 'PENDING'");
    await sendDue(stage);
    expect((await story()).deliveries.map(({ status }) => status)).toEqual(['SENT', 'SENT', 'SENT']);
    expect((await story()).attempts.flat()).toHaveLength(4);
    await retain(stage.db);
    expect(await inventory(stage)).toEqual(NOTHING);
  });

  test('moves a lease with its delivery: the worker that has it records its result, a stale one does not', async () => {
    await acceptAt(stage, daysAgo(40), [{}]);
    const [stale] = await claimDue(stage.db, 1);
    if (!stale) throw new Error('nothing is due');
    await stage.sql("update delivery set status = 'PENDING', due_at = now() where id = $1", [stale.id]);
    const [leased] = await claimDue(stage.db, 1);
    if (!leased) throw new Error('nothing is due');
    await retain(stage.db);
    expect(await home(leased.id)).toBe('delivery_default');
    expect(await recordAttempts(stage.db, [result(stale, { status: 'FAILED' })])).toEqual(new Set());
    expect(await recordAttempts(stage.db, [result(leased)])).toEqual(new Set([leased.id]));
    expect(await readDelivery(stage.db, stage.environment, null, leased.id)).toMatchObject({ status: 'SENT' });
    expect(await recordAttempts(stage.db, [result(leased)])).toEqual(new Set());
    await retain(stage.db);
    expect(await inventory(stage)).toEqual(NOTHING);
    // A worker that comes late finds nothing to write to, and writes nothing.
    expect(await recordAttempts(stage.db, [result(leased)])).toEqual(new Set());
    expect(await inventory(stage)).toEqual(NOTHING);
  });

  test('keeps the partition of a day that has too much in flight, and takes out what is finished', async () => {
    const held = Array.from({ length: MAX_MOVED + 1 }, () => ({ dueInMs: 3_600_000 }));
    const { id, deliveries } = await acceptAt(stage, daysAgo(38), held);
    const sent = await sendAt(stage, daysAgo(38) + 1);
    await retain(stage.db);
    expect(await partitionedDays(stage.db)).toContain(daysAgo(38));
    expect(await read(id)).toBeDefined();
    expect(await read(sent.id)).toBeUndefined();
    // One fewer, and it goes.
    await stage.sql("update delivery set status = 'SENT', due_at = null where id = $1", [deliveries[0]]);
    await retain(stage.db);
    expect(await partitionedDays(stage.db)).not.toContain(daysAgo(38));
    expect(await inventory(stage)).toEqual({ messages: 1, deliveries: MAX_MOVED + 1, attempts: 0 });
  });

  test('goes on where an earlier run ended half way', async () => {
    const held = await acceptAt(stage, daysAgo(36), [{ dueInMs: 3_600_000 }]);
    await sendAt(stage, daysAgo(36));
    const name = new Date(daysAgo(36)).toISOString().slice(0, 10).replaceAll('-', '');
    const columns = 'id, message_id, environment_id, application_id, endpoint_id, event_type, status, due_at';
    await stage.db.script(
      `begin; alter table delivery detach partition delivery_${name};
       insert into delivery (${columns}) select ${columns} from delivery_${name} where status = 'PENDING';
       drop table delivery_${name}; commit`,
    );
    await retain(stage.db);
    expect(await partitionedDays(stage.db)).not.toContain(daysAgo(36));
    expect(await read(held.id)).toBeDefined();
    expect(await inventory(stage)).toEqual({ messages: 1, deliveries: 1, attempts: 0 });
  });

  test('sweeps an environment that keeps less, its finished messages only, and nobody else’s', async () => {
    const short = await stage.addEnvironment();
    await keep(short, 7);
    const finished = await sendAt(stage, daysAgo(8), 2, short);
    const failed = await acceptAt(stage, daysAgo(9), [{}], short);
    const [leased] = await claimDue(stage.db, 1);
    if (leased) await recordAttempts(stage.db, [result(leased, { status: 'FAILED' })]);
    const unheard = await acceptAt(stage, daysAgo(9), [], short);
    const held = await acceptAt(stage, daysAgo(9), [{ dueInMs: 3_600_000 }, { status: 'SENDING' }], short);
    const recent = await sendAt(stage, Date.now() - 7 * DAY_MS + 60_000, 1, short);
    const others = await sendAt(stage, daysAgo(8));
    await retain(stage.db);
    const left = async (environment: Uuid) =>
      (await listMessages(stage.db, { environmentId: environment }, PAGE)).rows.map(({ id }) => id);
    expect(await left(short)).toEqual([recent.id, held.id]);
    expect(await left(stage.environment)).toEqual([others.id]);
    expect(await inventory(stage)).toEqual({ messages: 3, deliveries: 4, attempts: 2 });
    for (const id of [finished.id, failed.id, unheard.id]) {
      expect(await readMessage(stage.db, short, null, id)).toBeUndefined();
    }
  });

  test('sweeps in as many goes as it takes', async () => {
    await keep(await stage.addEnvironment(), 35);
    const held = [];
    for (let n = 0; n < 3; n++) {
      const sent = Array.from({ length: 700 }, () => {
        const id = idOf(daysAgo(31) + n);
        return message(stage, [{ id: newDeliveryId(id) }], { id });
      });
      await insertMessages(stage.db, sent);
      await stage.sql("update delivery set status = 'SENT', due_at = null where due_at < now()");
      held.push(await acceptAt(stage, daysAgo(31) + n, [{ dueInMs: 3_600_000 }]));
    }
    expect(await inventory(stage)).toMatchObject({ messages: 2_103 });
    await retain(stage.db);
    expect(await inventory(stage)).toEqual({ messages: 3, deliveries: 3, attempts: 0 });
    for (const { id } of held) expect(await read(id)).toBeDefined();
  });

  test('lets a list be paged across what was dropped', async () => {
    const sent = [];
    for (const days of [39, 38, 31, 29, 2]) sent.unshift(await sendAt(stage, daysAgo(days)));
    const held = await acceptAt(stage, daysAgo(37), [{ dueInMs: 3_600_000 }]);
    const page = async (before: Uuid | null) =>
      (await listDeliveries(stage.db, { environmentId: stage.environment }, { ...PAGE, limit: 2, before })).rows;
    const first = await page(null);
    expect(first.map(({ message_id }) => message_id)).toEqual(sent.slice(0, 2).map(({ id }) => id));
    await retain(stage.db);
    const second = await page(first[1]?.id ?? null);
    expect(second.map(({ message_id }) => message_id)).toEqual([held.id]);
    // A cursor whose row is gone.
    expect(await page(sent[2]?.deliveries[0] ?? null)).toEqual(second);
    expect(await page(sent[4]?.deliveries[0] ?? null)).toEqual([]);
  });

  test('ends when it is told to', async () => {
    const stop = new AbortController();
    stop.abort();
    await retain(stage.db, stop.signal);
    expect(await partitionedDays(stage.db)).toContain(daysAgo(40));
  });

  test('takes away what a clock that was years behind left in the default partition, once it is finished', async () => {
    const { id, deliveries } = await acceptAt(stage, TODAY - 3_650 * DAY_MS, [{}]);
    await retain(stage.db);
    expect(await readDelivery(stage.db, stage.environment, null, deliveries[0] as Uuid)).toBeDefined();
    await sendDue(stage);
    await retain(stage.db);
    expect(await read(id)).toBeUndefined();
  });
});

async function newSource({ sql, environment, application }: Stage): Promise<Uuid> {
  const id = idOf(daysAgo(40));
  await sql(
    `insert into source (id, environment_id, application_id, name, type, url, config, event_type, status, paused_reason)
     values ($1, $2, $3, 'orders', 'redis', 'redis://r.example.com/orders', '', '{"value":"a"}', 'paused', 'by_request')`,
    [id, environment, application],
  );
  return id;
}

async function refuse({ db, environment }: Stage, source: Uuid, id: Uuid): Promise<void> {
  const body = Buffer.from('no event');
  await insertRejections(db, [
    {
      ...{ id, environment_id: environment, source_id: source, digest: Buffer.from(id), message_id: '1-1' },
      ...{ reason: 'payload_not_json', detail: '', headers: {}, body, body_bytes: body.length },
    },
  ]);
}
