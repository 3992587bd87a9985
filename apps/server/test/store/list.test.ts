import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstIdAt, newDeliveryId, newId, timeOf, type Uuid } from '../../src/core/ids.ts';
import { insertMessages, type NewMessage } from '../../src/store/acceptance.ts';
import { listApplications } from '../../src/store/application.ts';
import { deliveriesOf, listDeliveries } from '../../src/store/delivery.ts';
import { listEndpoints } from '../../src/store/endpoint.ts';
import { type Found, findPage, idAfter, type Page, Where } from '../../src/store/list.ts';
import { listMessages } from '../../src/store/message.ts';
import { onBothDatabases } from '../kit/database.ts';
import { message, openStage, type Stage } from './stage.ts';

const ALL: Page = { limit: 100, offset: 0, before: null, from: null, to: null };
const ids = (rows: readonly { id: Uuid }[]) => rows.map((row) => row.id);

onBothDatabases('a list', (kind) => {
  let stage: Stage;
  let sent: readonly NewMessage[];
  let newestFirst: Uuid[];
  const [shop, till] = [newId(), newId()];

  beforeAll(async () => {
    stage = await openStage(kind);
    const now = Date.now();
    // Ids a second apart, types and applications by turns.
    sent = Array.from({ length: 12 }, (_, n) =>
      message(stage, [{ endpointId: n % 2 ? shop : till }, { endpointId: shop }], {
        id: `${firstIdAt(now - 60_000 + n * 1_000).slice(0, 14)}7000-8000-${String(n).padStart(12, '0')}` as Uuid,
        eventType: n % 3 ? 'invoice.paid' : 'user.created',
        ...(n % 4 === 0 && { applicationId: newId() }),
      }),
    );
    await insertMessages(stage.db, sent);
    await stage.sql("update delivery set status = 'FAILED', due_at = null where event_type = 'user.created'");
    newestFirst = ids(sent).toReversed();
  });
  afterAll(() => stage.close());

  const environmentId = () => stage.environment;
  const messages = async (page: Partial<Page>, filter = {}) =>
    ids((await listMessages(stage.db, { environmentId: environmentId(), ...filter }, { ...ALL, ...page })).rows);
  const deliveries = async (filter: object, page: Partial<Page> = {}) =>
    ids((await listDeliveries(stage.db, { environmentId: environmentId(), ...filter }, { ...ALL, ...page })).rows);
  const sentWhere = (is: (each: NewMessage) => boolean) => ids(sent.filter(is)).toReversed();

  test('is newest first', async () => {
    expect(await messages({})).toEqual(newestFirst);
  });

  test('is found whole in pages that look at few rows each, whatever is asked of these', async () => {
    const all = ids(sent).toReversed();
    const paid = new Set(ids(sent.filter((each) => each.eventType === 'invoice.paid')));
    for (const isAscending of [false, true]) {
      for (const [most, limit] of [1, 2, 3, 5, 12, 13].flatMap((each) =>
        [1, 3, 20].map((limit) => [each, limit] as const),
      )) {
        const found: Uuid[] = [];
        let [looks, cursor]: [number, Uuid | null] = [0, null];
        do {
          const where = new Where([['environment_id', environmentId()]]).equals('event_type', 'invoice.paid');
          const from: Uuid | null = cursor && isAscending ? idAfter(cursor) : null;
          const page: Page = { ...ALL, limit, isAscending, before: isAscending ? null : cursor, from };
          const { rows, lookedTo }: Found<{ id: Uuid }> = await findPage(
            stage.db,
            ['id', 'message'],
            where,
            page,
            most,
          );
          found.push(...ids(rows));
          cursor = rows.length === limit ? (rows.at(-1)?.id ?? null) : (lookedTo?.id ?? null);
          looks++;
        } while (cursor);
        expect(found).toEqual((isAscending ? all.toReversed() : all).filter((id) => paid.has(id)));
        expect(looks).toBeLessThanOrEqual(Math.ceil(all.length / most) + Math.ceil(paid.size / limit) + 1);
      }
    }
  });

  test('looks no further than it may for an offset, and says where it stopped', async () => {
    const where = () => new Where([['environment_id', environmentId()]]).equals('event_type', 'invoice.paid');
    const find = (page: Partial<Page>) =>
      findPage<{ id: Uuid }>(stage.db, ['id', 'message'], where(), { ...ALL, ...page }, 5);
    const newest = newestFirst.slice(0, 5);
    const paid = newest.filter((id) => sent.find((each) => each.id === id)?.eventType === 'invoice.paid');
    expect(paid.length).toBeGreaterThan(2);
    const { rows, lookedTo } = await find({ offset: 2 });
    expect([ids(rows), lookedTo?.id]).toEqual([paid.slice(2), newest[4]]);
    expect(await find({ offset: 50 })).toMatchObject({ rows: [], lookedTo: { id: newest[4] } });
    expect(await find({ offset: 0, limit: 2 })).toMatchObject({ lookedTo: null });
  });

  test('comes in pages, by cursor or by offset, with nothing twice and nothing missing', async () => {
    const byCursor: Uuid[] = [];
    for (let before: Uuid | null = null; ; ) {
      const page = await messages({ limit: 5, before });
      byCursor.push(...page);
      before = page.at(-1) ?? null;
      if (page.length < 5) break;
    }
    expect(byCursor).toEqual(newestFirst);
    expect([...(await messages({ limit: 5 })), ...(await messages({ limit: 7, offset: 5 }))]).toEqual(newestFirst);
  });

  test('is bounded in time: from a moment on, up to but without another', async () => {
    const [from, to] = [timeOf(newestFirst[8] as Uuid), timeOf(newestFirst[2] as Uuid)];
    expect(await messages({ from: firstIdAt(from), to: firstIdAt(to) })).toEqual(newestFirst.slice(3, 9));
    expect(await messages({ from: firstIdAt(from), before: newestFirst[5] as Uuid })).toEqual(newestFirst.slice(6, 9));
  });

  test('of messages is filtered by application and event type', async () => {
    const { application: applicationId } = stage;
    expect(await messages({}, { applicationId })).toEqual(sentWhere((each) => each.applicationId === applicationId));
    expect(await messages({}, { eventType: 'user.created' })).toEqual(
      sentWhere((each) => each.eventType !== 'invoice.paid'),
    );
    expect(await messages({}, { applicationId, eventType: 'user.created' })).toEqual(
      sentWhere((each) => each.applicationId === applicationId && each.eventType === 'user.created'),
    );
  });

  test('of deliveries is filtered by any of what it shows', async () => {
    const all = sent.flatMap((each) => each.deliveries.map((delivery) => ({ ...delivery, of: each })));
    const where = (is: (each: (typeof all)[number]) => boolean) => ids(all.filter(is)).toSorted().toReversed();
    const first = sent[3] ?? message(stage);
    expect(await deliveries({})).toEqual(where(() => true));
    expect(await deliveries({ endpointId: till })).toEqual(where((each) => each.endpointId === till));
    expect(await deliveries({ messageId: first.id })).toEqual(where((each) => each.of === first));
    expect(await deliveries({ status: 'FAILED' })).toEqual(where((each) => each.of.eventType === 'user.created'));
    expect(await deliveries({ status: 'SENT' })).toEqual([]);
    expect(await deliveries({ applicationId: stage.application, endpointId: shop, eventType: 'invoice.paid' })).toEqual(
      where(
        (each) =>
          each.of.applicationId === stage.application &&
          each.endpointId === shop &&
          each.of.eventType === 'invoice.paid',
      ),
    );
    expect(await deliveries({ messageId: first.id }, { limit: 1, offset: 1 })).toEqual(
      where((each) => each.of === first).slice(1),
    );
  });

  test('of a message’s deliveries holds no other’s, even of the same instant', async () => {
    const id = newId();
    // Another process may have given out the same time and sequence.
    const twin = `${id.slice(0, 19)}8000-${'0'.repeat(11)}1` as Uuid;
    const both = [message(stage, 3, { id }), message(stage, 3, { id: twin })];
    await insertMessages(stage.db, both);
    expect(newDeliveryId(id).slice(0, 18)).toBe(newDeliveryId(twin).slice(0, 18));
    for (const each of both) {
      const expected = ids(each.deliveries).toSorted();
      expect(ids(await deliveriesOf(stage.db, stage.environment, each.id))).toEqual(expected);
      expect(await deliveries({ messageId: each.id })).toEqual(expected.toReversed());
    }
  });

  test('of applications and endpoints goes on from a cursor', async () => {
    const made = [stage.application];
    for (let n = 0; n < 3; n++) made.push((await stage.addApplication()).id);
    const page = { limit: 2, offset: 0 };
    const applications = (before: Uuid | null) => listApplications(stage.db, stage.environment, { ...page, before });
    expect(ids(await applications(null))).toEqual([made[3], made[2]]);
    expect(ids(await applications(made[2] as Uuid))).toEqual([made[1], made[0]]);
    expect(ids(await applications(made[0] as Uuid))).toEqual([]);
    const endpoints = [(await stage.addEndpoint()).id, (await stage.addEndpoint()).id, (await stage.addEndpoint()).id];
    const list = (before: Uuid | null) =>
      listEndpoints(stage.db, stage.environment, stage.application, { ...page, before });
    expect(ids(await list(null))).toEqual([endpoints[2], endpoints[1]]);
    expect(ids(await list(endpoints[1] as Uuid))).toEqual([endpoints[0]]);
  });
});
