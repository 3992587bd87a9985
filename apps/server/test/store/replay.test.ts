import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { firstIdAt, newId, type Uuid } from '../../src/core/ids.ts';
import { insertMessages, type NewMessage } from '../../src/store/acceptance.ts';
import { retryDelivery } from '../../src/store/delivery.ts';
import { AFTER_ALL } from '../../src/store/list.ts';
import { countReplay, type ReplayFilter, type ReplayRange, replayChunk, replayNow } from '../../src/store/replay.ts';
import { onBothDatabases } from '../kit/database.ts';
import { message, openStage, type Stage } from './stage.ts';

const FAILED: ReplayFilter = { statuses: ['FAILED'] };

onBothDatabases('a chunk of a replay', (kind) => {
  let stage: Stage;
  let shop: Uuid;

  beforeAll(async () => {
    stage = await openStage(kind);
  });
  beforeEach(async () => {
    await stage.clear();
    shop = (await stage.addEndpoint()).id;
  });
  afterAll(() => stage.close());

  const range = async (filter: ReplayFilter, of: Partial<ReplayRange> = {}): Promise<ReplayRange> => ({
    environmentId: stage.environment,
    filter,
    after: firstIdAt(0),
    last: AFTER_ALL as Uuid,
    asOf: await replayNow(stage.db),
    ...of,
  });
  /** Messages to the shop, their deliveries ended. */
  async function ended(count: number, status: 'SENT' | 'FAILED', of: Partial<NewMessage> = {}, to = shop) {
    const sent = Array.from({ length: count }, () => message(stage, [{ endpointId: to }], of));
    await insertMessages(stage.db, sent);
    const ids = sent.flatMap((each) => each.deliveries.map(({ id }) => id));
    await stage.sql(
      `update delivery set status = $1, attempt_count = 2, lease = 7, due_at = null, completed_at = now()
       where id = any($2)`,
      [status, ids],
    );
    await stage.sql('update lane set next_at = null');
    return ids;
  }
  const pending = async () =>
    (await stage.sql<{ id: Uuid }>(`select id from delivery where status = 'PENDING' order by id`)).map(({ id }) => id);

  test('puts what failed back in line, as a retry does, with the trigger `replay`', async () => {
    const [id] = await ended(1, 'FAILED');
    await ended(1, 'SENT');
    const chunk = await replayChunk(stage.db, await range(FAILED), 500);
    expect(chunk).toEqual({ seen: 1, last: id, replayed: 1, refused: 0 });
    const [row] = await stage.sql(
      `select d.status, trigger, attempt_count, lease, completed_at, d.due_at <= now() as is_due,
         l.ready_at <= now() as is_ready
       from delivery d join lane l on l.endpoint_id = d.endpoint_id where id = $1`,
      [id],
    );
    expect(row).toEqual({
      ...{ status: 'PENDING', trigger: 'replay', attempt_count: 2, lease: 8, completed_at: null },
      ...{ is_due: true, is_ready: true },
    });
  });

  test('takes what was SENT too where it is told to, and nothing that has not ended', async () => {
    const failed = await ended(1, 'FAILED');
    const sent = await ended(1, 'SENT');
    await insertMessages(stage.db, [message(stage, [{ status: 'SENDING', dueInMs: 60_000 }])]);
    const both = await range({ statuses: ['FAILED', 'SENT'], endpointId: shop });
    const onlySent = await range({ statuses: ['SENT'] });
    expect([await countReplay(stage.db, both, 9), await countReplay(stage.db, onlySent, 9)]).toMatchObject([
      { matched: 2, seen: 2 },
      { matched: 1, seen: 3 },
    ]);
    expect(await replayChunk(stage.db, both, 9)).toMatchObject({ replayed: 2 });
    expect(await pending()).toEqual([...failed, ...sent].toSorted());
  });

  test('looks at no more than its limit, in the order of ids, and says where it got to', async () => {
    const ids = (await ended(5, 'FAILED')).toSorted();
    const all = await range(FAILED);
    const first = await replayChunk(stage.db, all, 2);
    expect(first).toEqual({ seen: 2, last: ids[1], replayed: 2, refused: 0 });
    expect(await pending()).toEqual(ids.slice(0, 2));
    const second = await replayChunk(stage.db, { ...all, after: first.last ?? all.after, last: ids[3] as Uuid }, 9);
    expect(second).toEqual({ seen: 2, last: ids[3], replayed: 2, refused: 0 });
    expect(await countReplay(stage.db, all, 9)).toEqual({ matched: 1, seen: 1, last: ids[4] });
    expect(await replayChunk(stage.db, { ...all, after: ids[4] as Uuid }, 9)).toEqual({
      ...{ seen: 0, last: null, replayed: 0, refused: 0 },
    });
  });

  test('goes on past what does not fit, and counts the same as it does', async () => {
    const till = (await stage.addEndpoint()).id;
    const [otherApp, other] = [newId(), await stage.addEnvironment()];
    const odd = await ended(2, 'FAILED', { eventType: 'user.created' });
    const theirs = await ended(3, 'FAILED', { applicationId: otherApp }, till);
    await ended(4, 'FAILED', { environmentId: other });
    await ended(5, 'FAILED');
    const filters: [ReplayFilter, number, number][] = [
      [FAILED, 10, 10],
      [{ ...FAILED, eventType: 'user.created' }, 10, 2],
      [{ ...FAILED, endpointId: till }, 3, 3],
      [{ ...FAILED, applicationId: otherApp }, 3, 3],
      [{ ...FAILED, applicationId: otherApp, endpointId: shop }, 7, 0],
      [{ ...FAILED, applicationId: otherApp, eventType: 'user.created' }, 3, 0],
      [{ statuses: ['SENT'], applicationId: otherApp }, 3, 0],
    ];
    for (const [filter, seen, matched] of filters) {
      const count = await countReplay(stage.db, await range(filter), 99);
      expect(count, JSON.stringify(filter)).toMatchObject({ seen, matched });
    }
    await replayChunk(stage.db, await range({ ...FAILED, eventType: 'user.created' }), 99);
    await replayChunk(stage.db, await range({ ...FAILED, endpointId: till }), 99);
    expect(await pending()).toEqual([...odd, ...theirs].toSorted());
  });

  test('leaves alone what failed after the job was made', async () => {
    const [before] = await ended(1, 'FAILED');
    const asOf = await range(FAILED);
    const [after] = await ended(1, 'FAILED');
    // The embedded clock counts milliseconds, and all this may be in one.
    await stage.sql(`update delivery set completed_at = completed_at + interval '1 second' where id = $1`, [after]);
    expect(await replayChunk(stage.db, asOf, 9)).toMatchObject({ seen: 2, replayed: 1, refused: 0 });
    expect(await pending()).toEqual([before]);
  });

  test('leaves alone what was retried by hand meanwhile', async () => {
    const [byHand, left] = (await ended(2, 'FAILED')).toSorted() as [Uuid, Uuid];
    const all = await range(FAILED);
    await retryDelivery(stage.db, stage.environment, null, byHand, 'manual');
    expect(await replayChunk(stage.db, all, 9)).toEqual({ seen: 1, last: left, replayed: 1, refused: 0 });
    expect(await stage.sql('select lease from delivery where id = $1', [byHand])).toEqual([{ lease: 8 }]);
  });

  test('refuses what has nowhere to go or no attempt number left, and does the rest', async () => {
    const disabled = (await stage.addEndpoint({ status: 'disabled' })).id;
    const paused = (await stage.addEndpoint({ status: 'paused' })).id;
    await ended(1, 'FAILED', {}, disabled);
    await ended(1, 'FAILED', {}, newId());
    const [tired] = await ended(1, 'FAILED');
    await stage.sql('update delivery set attempt_count = 4095 where id = $1', [tired]);
    const good = [...(await ended(2, 'FAILED')), ...(await ended(1, 'FAILED', {}, paused))];
    expect(await replayChunk(stage.db, await range(FAILED), 9)).toMatchObject({ seen: 6, replayed: 3, refused: 3 });
    expect(await pending()).toEqual(good.toSorted());
  });

  test('holds what is held: an open circuit is not probed for it, a pause does not end', async () => {
    await ended(1, 'FAILED');
    for (const held of ['circuit_open', 'paused']) {
      await stage.sql(`update lane set held_by = $1, held_until = now() + interval '1 hour' where endpoint_id = $2`, [
        held,
        shop,
      ]);
      await stage.sql(`update delivery set status = 'FAILED', due_at = null, completed_at = now()`);
      expect(await replayChunk(stage.db, await range(FAILED), 9)).toMatchObject({ replayed: 1 });
      expect(await stage.sql(`select held_by, ready_at > now() + interval '59 minutes' as is_held from lane`)).toEqual([
        { held_by: held, is_held: true },
      ]);
    }
  });
});
