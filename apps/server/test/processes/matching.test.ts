import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Accepted,
  all,
  answer,
  type DirectAnswer,
  type Endpoint,
  type NewEndpoint,
  type Offer,
  type Outcome,
  settled,
} from '../kit/answers.ts';
import { until } from '../kit/until.ts';
import { impossibleRows } from './books.ts';
import { type Place, Stage } from './stage.ts';

const WITHIN_MS = 2_000;
const EVENT = { event_type: 'order.paid', payload: { n: 0 } };

describe.skipIf(!process.env.POSTRIDER_TEST_DATABASE_URL)('on two processes with one PostgreSQL', () => {
  let stage: Stage;
  let one: Place;
  let other: Place;

  beforeAll(async () => {
    stage = await Stage.set('postgresql');
    one = await stage.serve();
    other = await stage.serve();
  });
  afterAll(() => stage.clear());

  /** Makes so many calls on both at once, in turn. */
  const onBoth = <T>(count: number, call: (place: Place, n: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => call(n % 2 === 0 ? one : other, n)));
  const send = (place: Place, destination: string) =>
    answer<DirectAnswer>(place.api.post('/v1/send', { ...EVENT, destination }), 202);

  test('50 first sends to one URL make one endpoint, and all arrive', async () => {
    for (const path of ['a', 'b', 'c', 'd']) {
      const url = `${stage.receiver.url}/ok/direct/${path}`;
      const sent = await onBoth(50, (place) => send(place, url));
      expect(new Set(sent.map(({ endpoint_id }) => endpoint_id)).size).toBe(1);
      for (const { delivery_id } of sent) {
        expect((await settled(one.api, delivery_id ?? '')).status).toBe('SENT');
      }
      const direct = await all<Endpoint>(other.api, '/v1/endpoints?direct=true');
      expect(direct.filter((each) => each.url === url)).toHaveLength(1);
    }
    expect(await impossibleRows(stage.database)).toEqual([]);
  });

  test('a direct endpoint disabled on one gets nothing from the other within 2 s, and enabled does again', async () => {
    const url = `${stage.receiver.url}/ok/direct/off`;
    const { endpoint_id } = await send(one, url);
    const sends = (isOn: boolean) =>
      until(
        () => send(other, url),
        ({ delivery_id }) => (delivery_id !== null) === isOn,
        WITHIN_MS,
      );
    await sends(true);
    await answer(one.api.patch(`/v1/endpoints/${endpoint_id}`, { active: false }), 200);
    await sends(false);
    await answer(one.api.post(`/v1/endpoints/${endpoint_id}/enable`), 200);
    await sends(true);
  });

  test('a route made on one is followed by the other within 2 s', async () => {
    const settings = { url: `${stage.receiver.url}/ok/routed`, events: ['nothing'] };
    const { id } = await answer<NewEndpoint>(one.api.post('/v1/endpoints', settings), 201);
    const goesTo = (fanout: number) =>
      until(
        () => answer<Accepted>(other.api.post('/v1/messages', EVENT), 202),
        (accepted) => accepted.fanout === fanout,
        WITHIN_MS,
      );
    await goesTo(0);
    await answer(one.api.put('/v1/routes/order.paid', { endpoint_ids: [id] }), 201);
    await goesTo(1);
    await answer(one.api.delete('/v1/routes/order.paid'), 204);
    await goesTo(0);
  });

  test('50 routes of one event type put at once leave one, with the endpoints of one call', async () => {
    const settings = { url: `${stage.receiver.url}/ok/routed`, events: ['nothing'] };
    const ids = await Promise.all(
      Array.from(
        { length: 10 },
        async () => (await answer<NewEndpoint>(one.api.post('/v1/endpoints', settings), 201)).id,
      ),
    );
    // Each names three of them, in an order of its own.
    const named = Array.from({ length: 50 }, (_, n) => [0, 3, 7].map((step) => ids[(n * 7 + step) % 10] ?? ''));
    const replies = await onBoth(50, (place, n) => place.api.put('/v1/routes/order.sent', { endpoint_ids: named[n] }));
    expect(replies.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 49 }, () => 200), 201]);
    const { body } = await one.api.get('/v1/routes/order.sent');
    expect(named.map((each) => [...each].sort())).toContainEqual(body.endpoint_ids);
  });

  test('50 wishes for the same version, in any order of event types, get one through for each type', async () => {
    await answer(one.api.post('/v1/app', { uid: 'acme', name: 'Acme' }), 201);
    const types = ['a', 'b', 'c', 'd', 'e'];
    const winners = new Map<string, number>();
    for (const version of [null, 1, 2, 3]) {
      const calls = await onBoth(50, (place, n) => {
        const wishes = types.map((event_type, m) => ({
          event_type,
          action: (n + m) % 2 === 0 ? 'SUBSCRIBE' : 'UNSUBSCRIBE',
          metadata: { version },
        }));
        // Every call has them in another order: were they locked as they come, two would wait for each other.
        const turned = [...wishes.slice(n % 5), ...wishes.slice(0, n % 5)];
        return answer<Outcome[]>(place.api.patch('/v1/app/acme/event-subscriptions', turned), 207);
      });
      for (const type of types) {
        const outcomes = calls.map((each) => each.find(({ event_type }) => event_type === type));
        const [won, ...more] = outcomes.filter((outcome) => outcome?.status === 200);
        expect(more).toEqual([]);
        expect(won?.metadata.version).toBe((version ?? 0) + 1);
        expect(outcomes.filter((outcome) => outcome?.status === 409)).toHaveLength(49);
        winners.set(type, won?.metadata.version ?? 0);
      }
    }
    const listed = await all<Offer>(other.api, '/v1/app/acme/event-subscriptions');
    expect(listed.map(({ event, metadata }) => [event.type, metadata.version])).toEqual([...winners]);
  });

  test('what an application wants on one is what it gets from the other within 2 s', async () => {
    await answer(one.api.post('/v1/app', { uid: 'globex', name: 'Globex' }), 201);
    const settings = { url: `${stage.receiver.url}/ok/wanted` };
    await answer<NewEndpoint>(one.api.post('/v1/app/globex/endpoints', settings), 201);
    const goesTo = (fanout: number) =>
      until(
        () => answer<Accepted>(other.api.post('/v1/app/globex/messages', EVENT), 202),
        (accepted) => accepted.fanout === fanout,
        WITHIN_MS,
      );
    const say = (action: string) =>
      answer(one.api.patch('/v1/app/globex/event-subscriptions', [{ event_type: EVENT.event_type, action }]), 207);
    await goesTo(1);
    await say('UNSUBSCRIBE');
    await goesTo(0);
    await say('SUBSCRIBE');
    await goesTo(1);
  });
});
